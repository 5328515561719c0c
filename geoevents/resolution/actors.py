"""Who an actor is: from the words of a span to a CAMEO actor code.

A span is taken apart into names that the gazetteer knows and words that it does not. A named person, organisation or
group gives its own code; else the head noun gives the role and a nationality, owner or "of" phrase the country; else
the countries in play in the document give it, with less confidence. What stays unknown stays without a code.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, NoReturn

from geoevents.errors import DictionaryError
from geoevents.resolution.coding import ActorCode, Coding
from geoevents.resolution.context import InPlay
from geoevents.resolution.gazetteer import Gazetteer, load_gazetteer
from geoevents.resolution.nounphrases import NounPhrase, read_noun_phrase
from geoevents.resolution.phrases import key_of

# Names shorter than this, in letters, differ too little from other names for a misspelling to be told.
_LONG = 12
# Share of equal letters, in percent, from which two long names are taken for spellings of one.
_LIKE = 90

__all__ = ["ActorCode", "ActorCoder", "load_actor_coder"]


class _Settled(NamedTuple):
    """What a span is coded as wherever it stands."""

    code: ActorCode | None


class _CountriesMatterError(Exception):
    """The countries in play were asked for."""


def _ask() -> NoReturn:
    raise _CountriesMatterError


class ActorCoder:
    """Codes actors; load it once with `load_actor_coder()`. Read-only, so that threads may share it.

    Args:
        gazetteer: The names and what they stand for.
        problems: What was wrong in the user's dictionaries.

    Attributes:
        problems: What was wrong in the user's dictionaries, where they were read leniently.
        gazetteer: The names, those of the user's dictionaries included.
    """

    def __init__(self, gazetteer: Gazetteer, *, problems: Sequence[DictionaryError] = ()) -> None:
        self.problems = tuple(problems)
        self.gazetteer = gazetteer
        self._names: list[str] | None = None
        self._read = lru_cache(maxsize=8192)(self._read_phrase)
        self._settled = lru_cache(maxsize=8192)(self._by_words_alone)
        self._nearest = lru_cache(maxsize=2048)(self._nearest_name)

    def code(
        self,
        text: str,
        *,
        date: str | None = None,
        context_countries: Sequence[str] = (),
        as_place: bool = False,
    ) -> ActorCode | None:
        """The code of the actor that a span of text names.

        Args:
            text: The span's text: a noun phrase such as "former Pakistani prime minister".
            date: ISO date of the document; without one the latest knowledge counts.
            context_countries: ISO 3166 alpha-3 codes of the countries in play, the likeliest first. They give bare
                nouns ("police", "the army") their country and tell persons of one name apart.
            as_place: Whether the actor is also where the act happens, as in "visited Moscow": then a capital is its
                country, not its government.

        Returns:
            The code, or None where nothing is known for sure enough.
        """
        settled = self._settled(text, date, as_place)
        return settled.code if settled else self._code(text, date, context_countries, as_place)

    def _by_words_alone(self, text: str, date: str | None, as_place: bool) -> _Settled | None:
        """The code of a span where the countries in play do not matter, None where they do."""
        try:
            return _Settled(self._code(text, date, InPlay(_ask), as_place))
        except _CountriesMatterError:
            return None

    def _code(self, text: str, date: str | None, context: Sequence[str], as_place: bool) -> ActorCode | None:
        coding = Coding(self.gazetteer.countries, date, context, as_place)
        phrase = self._read(text)
        found = coding.code(phrase)
        if found is None and phrase.loose_name and len(text) >= _LONG:
            found = self._code_misspelt(text, coding)
        return found

    def _code_misspelt(self, text: str, coding: Coding) -> ActorCode | None:
        """The code of the one long name that a span's text almost equals, or None."""
        known = self._nearest(key_of(text))
        if known is None:
            return None
        name, likeness = known
        found = coding.code(self._read(name))
        return None if found is None else replace(found, confidence=round(found.confidence * likeness * 0.8, 2))

    def _nearest_name(self, key: str) -> tuple[str, float] | None:
        from rapidfuzz import fuzz, process

        if self._names is None:
            kinds = ("person", "organisation", "group", "body")
            names = self.gazetteer.names_of_kind(kinds)
            long_names = {name for name, _ in names if len(name) >= _LONG and " " in name}
            self._names = sorted(sorted(long_names), key=len)
        # Names that share all letters of the shorter one are no likelier than their lengths allow.
        least = _LIKE / (200 - _LIKE)
        first = bisect_left(self._names, len(key) * least, key=len)
        end = bisect_right(self._names, len(key) / least, key=len)
        match = process.extractOne(key, self._names[first:end], scorer=fuzz.ratio, score_cutoff=_LIKE)
        return (match[0].title(), match[1] / 100) if match else None

    def _read_phrase(self, text: str) -> NounPhrase:
        return read_noun_phrase(text, self.gazetteer)


def load_actor_coder(dictionaries: Sequence[Path] = (), *, lenient: bool = False) -> ActorCoder:
    """An actor coder with the package's gazetteer and the user's dictionaries, which win over it.

    Args:
        dictionaries: Files in one of the formats of `geoevents.resolution.dictionaries`.
        lenient: Use the good lines of a malformed file instead of raising; `ActorCoder.problems` has the others.

    Raises:
        DictionaryError: A dictionary cannot be read, or is malformed and `lenient` is off.
    """
    if not dictionaries:
        return ActorCoder(load_gazetteer())
    from geoevents.resolution.dictionaries import extend, read_dictionary

    read = [read_dictionary(path, lenient=lenient) for path in dictionaries]
    problems = tuple(problem for dictionary in read for problem in dictionary.problems)
    return ActorCoder(extend(load_gazetteer(), read), problems=problems)
