"""The actors that a document mentions: the spans that its events carry, and noun phrases elsewhere in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from geoevents.events import Document, Span
from geoevents.resolution.context import Context
from geoevents.resolution.gazetteer import Entry, Gazetteer, Match
from geoevents.resolution.nouns import noun_classes
from geoevents.resolution.phrases import Word, key_of, phrase_words

Kind = Literal["pronoun", "pair", "person", "plural", "group", "body", "name", "thing"]

PRONOUNS = {
    **dict.fromkeys(("he", "him", "his", "himself"), "he"),
    **dict.fromkeys(("she", "her", "hers", "herself"), "she"),
    **dict.fromkeys(("it", "its", "itself"), "it"),
    **dict.fromkeys(("they", "them", "their", "theirs", "themselves"), "they"),
}
_PAIR_NOUNS = (
    "sides|countries|nations|states|governments|leaders|presidents|ministers|parties|neighbou?rs|rivals|allies|powers"
    "|armies|men|capitals|delegations|foreign ministers|prime ministers|heads of state"
)
_PAIR = re.compile(
    rf"(?:the |their |these |those )?(?:two|both)(?: (?:the )?(?P<noun>{_PAIR_NOUNS}))?|(?P<bare>{_PAIR_NOUNS})", re.I
)
_TWO_BEFORE = re.compile(r"\b(?:two|both)(?: \w+)? $", re.I)
# "Two leaders of the union": two of several, whom nobody has named.
_ANY_TWO_BEFORE = re.compile(r"(?<!\bthe )(?<!\btheir )(?<!\bthese )(?<!\bthose )\btwo(?: \w+)? $", re.I)
_MALE = re.compile(
    r"\b(?:king|prince|mr|sheikh|sultan|emir|man|sir|lord|chairman|spokesman|bishop|pope|father)\b", re.I
)
_FEMALE = re.compile(r"\b(?:queen|princess|mrs|ms|woman|lady|chairwoman|spokeswoman|dame|empress|mother)\b", re.I)
# Characters before the first mention of a sentence at most: a quotation mark and one word.
_LONGEST_LEAD = 60
_LINKS = frozenset(("of", "from", "in", "for", "at", "on", "to", "with", "against"))


@dataclass(frozen=True, slots=True)
class Mention:
    """An actor where the text mentions it.

    Attributes:
        span: Where it stands.
        sentence: Index of its sentence.
        kind: What may refer to it: "person" (he, she), "plural" (they), "body" (it), "group" (it, they), "name" (a
            capitalised name of something unknown), "thing"; or, for what refers itself, "pronoun" and "pair".
        gender: "he", "she" or "", as far as its words tell.
        subject: Whether it does the act that an event is about, or opens its sentence.
        of_event: Whether an event carries it.
        named: Whether it holds a proper name.
        nouns: Canonical forms of the nouns for roles in it ("president").
    """

    span: Span
    sentence: int
    kind: Kind
    gender: str
    subject: bool
    of_event: bool
    named: bool
    nouns: tuple[str, ...]


def find_mentions(document: Document, context: Context, gazetteer: Gazetteer) -> list[Mention]:
    """The mentions in a document in the order of the text; none overlaps another."""
    taken: dict[tuple[int, int], bool] = {}
    for event in document.events:
        for actor in event.targets:
            taken.setdefault((actor.start, actor.end), False)
        for actor in event.sources:
            taken[actor.start, actor.end] = True
    spans = [Span(document.text[start:end], start, end) for start, end in taken]
    mentions = [
        _mention(span, context, gazetteer, subject=taken[span.start, span.end], of_event=True) for span in spans
    ]
    blocked = [*spans, *(span for event in document.events for span in (event.trigger, *event.places))]
    elsewhere = _outside(_noun_phrases(context), blocked, len(document.text))
    mentions += [_mention(span, context, gazetteer, subject=False, of_event=False) for span in elsewhere]
    return sorted(mentions, key=lambda mention: mention.span.start)


def _outside(spans: Iterable[Span], blocked: Iterable[Span], length: int) -> Iterator[Span]:
    """The spans of a text of this length in which no character is blocked."""
    taken = bytearray(length)
    for span in blocked:
        taken[span.start : span.end] = b"\1" * (span.end - span.start)
    return (span for span in spans if 1 not in taken[span.start : span.end])


def _mention(span: Span, context: Context, gazetteer: Gazetteer, *, subject: bool, of_event: bool) -> Mention:
    told = _told_by(span.text, gazetteer)
    sentence = context.sentence_of(span.start)
    lead = not of_event and _leads(context.text, context.sentence_start(sentence), span.start)
    before = context.text[max(span.start - 24, 0) : span.start]
    any_two = context.text.startswith((" of ", " from "), span.end) and _ANY_TWO_BEFORE.search(before)
    pair = told.pair and not any_two and _TWO_BEFORE.search(before)
    return Mention(
        span=span,
        sentence=sentence,
        kind="pair" if pair else told.kind,
        gender=told.gender,
        subject=subject or lead,
        of_event=of_event,
        named=told.named,
        nouns=told.nouns,
    )


class _Told(NamedTuple):
    """What the words of a mention tell, wherever they stand: fields of `Mention`.

    Attributes:
        pair: Whether it is a pair where "two" or "both" stands before it ("the two leaders").
    """

    kind: Kind
    pair: bool
    gender: str
    named: bool
    nouns: tuple[str, ...]


@lru_cache(maxsize=8192)
def _told_by(text: str, gazetteer: Gazetteer) -> _Told:
    words, matches = phrase_words(text), gazetteer.phrase_matches(text)
    pair = _PAIR.fullmatch(text)
    gender = "he" if _MALE.search(text) else "she" if _FEMALE.search(text) else ""
    return _Told(
        kind="pair" if pair and pair["bare"] is None else _kind(text, words, matches),
        pair=pair is not None,
        gender=PRONOUNS.get(text.lower(), gender),
        named=any(word.raw[0].isupper() for word in words[1:]) or _is_named(matches),
        nouns=tuple(noun.name for match in matches if (noun := _role(match.entries))),
    )


def _leads(text: str, start: int, end: int) -> bool:
    """Whether at most one word, an article, stands between the start of a sentence and a mention."""
    return end - start <= _LONGEST_LEAD and " " not in text[start:end].strip(" \"“‘'")


def _is_named(matches: Sequence[Match]) -> bool:
    return any(entry.kind not in ("role", "demonym") for match in matches for entry in match.entries)


def _kind(text: str, words: Sequence[Word], matches: Sequence[Match]) -> Kind:
    if text.lower() in PRONOUNS:
        return "pronoun"
    head = next((index for index, word in enumerate(words) if word.key in _LINKS and index), len(words)) - 1
    match = next((match for match in matches if match.start <= head < match.end), None)
    return _kind_of_head(match, words, head) if words else "thing"


def _kind_of_head(match: Match | None, words: Sequence[Word], head: int) -> Kind:
    word = words[head]
    if match is None:
        if word.raw[0].isupper():
            return "person" if head else "name"
        return "plural" if word.key.endswith("s") else "thing"
    kinds = [entry.kind for entry in match.entries]
    if len(words) > 1 and word.raw.islower() and word.key.endswith("s") and "role" not in kinds:
        return "plural"
    if role := _role(match.entries):
        phrase = " ".join(w.key for w in words[match.start : match.end])
        if phrase != key_of(role.name) or word.key in noun_classes()["plural"]:
            return "plural"
        return "body" if word.key in noun_classes()["body"] else "person"
    if "country" in kinds or "organisation" in kinds or "body" in kinds:
        return "body"
    if "demonym" in kinds:
        return "plural" if word.key.endswith("s") and head == match.end - 1 else "body"
    if "person" in kinds and "capital" not in kinds:
        return "person"
    return "group" if "group" in kinds else "body"


def _role(entries: Sequence[Entry]) -> Entry | None:
    return next((entry for entry in entries if entry.kind == "role"), None)


def _noun_phrases(context: Context) -> Iterator[Span]:
    """Runs of known names, known nouns and capitalised words: "Gabon's President Amina Bassong"."""
    words = context.words
    ends = {match.start: match.end for match in context.matches}
    index = 0
    while index < len(words):
        begins = index in ends or words[index].raw[0].isupper()
        end = _end_of_run(context, ends, index) if begins else index
        if end > index and not (end == index + 1 and words[index].raw.islower()):
            start, stop = words[index].start, words[end - 1].start + len(words[end - 1].raw)
            yield Span(context.text[start:stop], start, stop)
        index = max(end, index + 1)


def _end_of_run(context: Context, ends: dict[int, int], start: int) -> int:
    """Index behind the run that begins at a word, or the word's own index where none does."""
    words, end = context.words, start
    sentence_end = context.sentence_end(context.sentence_of(words[start].start))
    while end < len(words):
        if end > start and (words[end].pause or words[end].start >= sentence_end):
            break
        if end in ends:
            end = ends[end]
        elif words[end].raw[0].isupper() and (end > start or _is_name(words, end)):
            end += 1
        else:
            break
    return end


def _is_name(words: Sequence[Word], index: int) -> bool:
    """Whether a capitalised unknown word is more than the first word of a sentence."""
    following = words[index + 1] if index + 1 < len(words) else None
    return following is not None and following.raw[0].isupper() and not following.pause
