"""What a document says besides its events: its words, its sentences, the countries it names and where.

Both places and actors are told apart by the countries in play near them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, overload

from geoevents.events import Document, Span
from geoevents.resolution.gazetteer import Entry, Gazetteer, Match
from geoevents.resolution.phrases import Word, words_of

_NAMING_KINDS = ("country", "demonym", "capital", "seat", "body", "group", "city", "person")
# A country named behind an actor or place says less about it than one named before.
_BEHIND = 3
_NEAR = 5.0
# Words to either side within which countries are in play.
_REACH = 400


class CountryMention(NamedTuple):
    """A word or name in the text that points to a country.

    Attributes:
        word: Index of its first word.
        start: Offset of its first character.
        country: ISO 3166 alpha-3 code.
    """

    word: int
    start: int
    country: str


class Context:
    """A document's text seen through the gazetteer; made once per document.

    Args:
        document: The document.
        gazetteer: The names to look for.
    """

    def __init__(self, document: Document, gazetteer: Gazetteer) -> None:
        self.text = document.text
        self.date = document.date
        self.words: list[Word] = words_of(document.text)
        self.matches: list[Match] = list(gazetteer.matches(self.words))
        self._starts = [word.start for word in self.words]
        self._sentences = [sentence.start for sentence in document.sentences] or [0]
        self._mentions = list(self._countries_named())

    def _countries_named(self) -> list[CountryMention]:
        mentions = []
        for match in self.matches:
            country = country_named(match.entries, date=self.date, alone=match.end - match.start == 1)
            if country:
                mentions.append(CountryMention(match.start, self.words[match.start].start, country))
        return mentions

    def place(self, places: Iterable[tuple[Span, str | None]]) -> None:
        """Let located places stand for their countries instead of the names inside them ("Plaza de Mayo").

        Args:
            places: Spans with the countries that they lie in, if known.
        """
        found = {self.word_at(span.start): (span, country) for span, country in places}
        inside = {word for first, (span, _) in found.items() for word in range(first, self.word_at(span.end) + 1)}
        kept = [mention for mention in self._mentions if mention.word not in inside]
        kept += [CountryMention(word, span.start, country) for word, (span, country) in found.items() if country]
        self._mentions = sorted(kept)

    def sentence_of(self, offset: int) -> int:
        """Index of the sentence that holds an offset."""
        return max(bisect_right(self._sentences, offset) - 1, 0)

    def sentence_start(self, sentence: int) -> int:
        """Offset of a sentence's first character."""
        return self._sentences[sentence]

    def sentence_end(self, sentence: int) -> int:
        """Offset of the first character of the sentence behind, or behind the text."""
        return self._sentences[sentence + 1] if sentence + 1 < len(self._sentences) else len(self.text)

    def word_at(self, offset: int) -> int:
        """Index of the word that holds an offset, or of the last before it."""
        return max(bisect_right(self._starts, offset) - 1, 0)

    def country_at(self, offset: int) -> str | None:
        """The country that a name at an offset points to, or None."""
        word = self.word_at(offset)
        first, end = (bisect_left(self._mentions, (index,)) for index in (word, word + 1))
        return next((mention.country for mention in self._mentions[first:end] if mention.start == offset), None)

    def weights(self, at: int, *, places: Collection[int] = ()) -> dict[str, float]:
        """The countries in play at an offset with weights from 0 to 1, 1 for the likeliest.

        Args:
            at: Offset of the span that wants a country.
            places: Offsets of spans known to be places of the same events; they count three times.
        """
        position = self.word_at(at)
        scores: dict[str, float] = {}
        known = scores.get
        first, end = (bisect_left(self._mentions, (word,)) for word in (position - _REACH, position + _REACH + 1))
        for word, start, country in self._mentions[first:end]:
            if start == at:  # the span itself
                continue
            distance = word - position + _BEHIND if word > position else position - word
            scores[country] = known(country, 0.0) + (3.0 if start in places else 1.0) / (distance + _NEAR)
        top = max(scores.values(), default=1.0)
        return {country: score / top for country, score in scores.items()}


class InPlay(Sequence[str]):
    """The countries in play somewhere, the likeliest first; weighed when first asked for, which most names do not.

    Args:
        weigh: Gives the countries with their weights.
    """

    def __init__(self, weigh: Callable[[], Mapping[str, float]]) -> None:
        self._weigh = weigh

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """The countries with their weights, 1 for the likeliest that the text names."""
        return self._weigh()

    @cached_property
    def _ranked(self) -> tuple[str, ...]:
        return tuple(sorted(self.weights, key=lambda country: -self.weights[country]))

    def __len__(self) -> int:
        return len(self.weights)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self._ranked[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ranked)


def country_named(entries: Sequence[Entry], *, date: str | None, alone: bool) -> str | None:
    """The country that a name in running text points to, or None.

    Args:
        entries: What the name may stand for.
        date: ISO date of the document; states that had ceased to exist by then are left out.
        alone: Whether the name is a single word: a surname alone points nowhere.
    """
    common = any(
        entry.kind == "role" and not entry.country for entry in entries
    )  # "Senate", "National Assembly": any country's
    for kind in _NAMING_KINDS:
        if kind == "body" and common:
            continue
        for entry in entries:
            if entry.kind == kind and entry.country and exists(entry, date) and not (kind == "person" and alone):
                return entry.country
    return None


def exists(entry: Entry, date: str | None) -> bool:
    """Whether a state or a name of one is still there at a date (at present without one); others always are."""
    end = entry.terms[0].end
    if entry.kind in ("person", "group") or not end:
        return True
    return date is not None and date[: len(end)] <= end
