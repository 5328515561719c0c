"""Where a place is: from the words of a span to a country, a GeoNames id and coordinates.

Names of countries, nationalities, capitals and seats of government come from the actor gazetteer; areas that cross or
ignore administrative borders ("West Bank", "Donbas", "Black Sea") from `areas.tsv`; towns and administrative divisions
from GeoNames (https://www.geonames.org, CC BY 4.0), compiled into the package by `benchmarks/compile_places.py`.
"""

from __future__ import annotations

import math
import zlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import combinations, pairwise

from geoevents.events import Place
from geoevents.resolution.gazetteer import Entry, Gazetteer, Match, load_gazetteer, table
from geoevents.resolution.nouns import noun_classes
from geoevents.resolution.phrases import Word, key_of, phrase_words

_GZIP = 16 + zlib.MAX_WBITS
# A town of this size is known by its name alone; a smaller one must lie in a country in play.
_WELL_KNOWN = 100_000
# A town of this size is meant rather than the division around it even by a name that is not its main one ("New York").
_METROPOLIS = 1_000_000
# What a country in play is worth: as much as a thousandfold population.
_SUPPORT = 3.0
# Names inside a phrase are looked for among its first words, and have at most so many. No phrase that we have seen is
# longer; looking for all names in one of thousands of words would take minutes.
_WORDS_SEARCHED = 40
_WORDS_IN_NAME = 14
_LEVEL_BONUS = {"country": 4.0, "capital": 2.0, "town": 0.0, "division1": 0.0, "division2": -1.0, "area": 3.0}


@dataclass(frozen=True, slots=True)
class PlaceCode:
    """What a place is.

    Attributes:
        country: ISO 3166 alpha-3 code, or None for waters and areas of several countries.
        name: Name in the gazetteer, or None where only the country is known.
        lat: Latitude in degrees, or None.
        lon: Longitude in degrees, or None.
        geonameid: Identifier at geonames.org, or None.
        level: "country", "capital", "division1", "division2", "town", "area", or "unknown" where the country comes from
            a nationality or a part of the phrase.
    """

    country: str | None
    name: str | None = None
    lat: float | None = None
    lon: float | None = None
    geonameid: int | None = None
    level: str = "unknown"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place of a name.

    Attributes:
        place: What it is.
        own: Whether the name is the place's main name.
        population: Inhabitants; 0 where unknown.
    """

    place: PlaceCode
    own: bool
    population: int


class GeoNames:
    """The compiled table of names; a lookup unpacks one member of the gzip file.

    Args:
        data: The gzip file's bytes.
        index: The first key and the offset of each member.
        countries: ISO 3166 alpha-3 codes by alpha-2 codes.
    """

    def __init__(self, data: bytes, index: Sequence[tuple[str, int]], countries: Mapping[str, str]) -> None:
        self._data = data
        self._keys = [key for key, _ in index]
        self._bounds = list(pairwise([*(offset for _, offset in index), len(data)]))
        self._countries = countries
        self._member = lru_cache(maxsize=128)(self._unpack)
        self.find = lru_cache(maxsize=4096)(self._find)

    def _find(self, key: str) -> tuple[Candidate, ...]:
        """The places of a name (as `key_of` writes it), or of a country's alpha-3 code."""
        member = bisect_right(self._keys, key) - 1
        if member < 0 or not key:
            return ()
        text = self._member(member)
        start = 0 if text.startswith(key + "\t") else text.find(f"\n{key}\t") + 1
        if start == 0 and not text.startswith(key + "\t"):
            return ()
        found = []
        while text.startswith(key + "\t", start):
            end = text.index("\n", start)
            found.append(self._candidate(text[start:end].split("\t")))
            start = end + 1
        return tuple(found)

    def _unpack(self, member: int) -> str:
        start, end = self._bounds[member]
        return zlib.decompress(self._data[start:end], _GZIP).decode()

    def _candidate(self, row: list[str]) -> Candidate:
        _key, own, identifier, name, iso2, lat, lon, population, level = row
        country = self._countries.get(iso2)
        place = PlaceCode(country, name, float(lat), float(lon), int(identifier), level)
        return Candidate(place, own == "1", int(population))


@cache
def load_geonames() -> GeoNames:
    """The package's table of places, read once (8 MB)."""
    data = files("geoevents") / "resolution" / "data" / "places.tsv.gz"
    index = [(key, int(offset)) for key, offset in table("places.index")]
    countries = {row[1]: row[0] for row in table("countries") if row[1]}
    return GeoNames(data.read_bytes(), index, countries)


@cache
def _load_areas() -> Mapping[str, PlaceCode]:
    areas = {}
    for names, country, lat, lon in table("areas"):
        name, *aliases = names.split("|")
        place = PlaceCode(country or None, name, float(lat) if lat else None, float(lon) if lon else None, None, "area")
        areas.update({key_of(phrase): place for phrase in (name, *aliases)})
    return areas


@cache
def _capitals() -> Mapping[str, str]:
    """The key of each country's capital by the country's code."""
    return {row[0]: key_of(row[6].split("|")[0]) for row in table("countries") if row[1]}


class PlaceCoder:
    """Codes places; load it once with `load_place_coder()`. Read-only, so that threads may share it.

    Args:
        gazetteer: Names of countries, nationalities, capitals and seats of government.
        geonames: Towns and administrative divisions.
        areas: Other areas by the key of their name.
    """

    def __init__(self, gazetteer: Gazetteer, geonames: GeoNames, areas: Mapping[str, PlaceCode]) -> None:
        self._gazetteer = gazetteer
        self._geonames = geonames
        self._areas = areas
        self._candidates = lru_cache(maxsize=4096)(self._all_candidates)

    def code(self, text: str, *, weights: Mapping[str, float] | None = None) -> PlaceCode | None:
        """What the place that a span of text names is.

        Args:
            text: The span's text: "Goma", "northern Syria", "Idlib province", "Ukrainian border".
            weights: Countries in play (ISO 3166 alpha-3) with weights from 0 to 1; they tell places of one name apart.

        Returns:
            The place, or None where nothing is known for sure enough.
        """
        weights = weights or {}
        words = phrase_words(text)
        if not words or text.islower():
            return None
        names = _without_modifiers(words)
        for start, end in ((0, len(words)), names):
            key = key_of(" ".join(word.raw for word in words[start:end]))
            division = end < len(words) and words[end].key in noun_classes()["division"]
            if found := self._of_name(key, weights, division=division):
                return found
        return self._of_parts(words[:_WORDS_SEARCHED], weights)

    def capital(self, country: str) -> PlaceCode | None:
        """The capital of a country by its ISO 3166 alpha-3 code; the first where it has several."""
        key = _capitals().get(country, "")
        found = [candidate.place for candidate in self._geonames.find(key) if candidate.place.country == country]
        return next((place for place in found if place.level == "capital"), None)

    def _of_name(self, key: str, weights: Mapping[str, float], *, division: bool = False) -> PlaceCode | None:
        """The place of a whole name."""
        if key in self._areas:
            return self._areas[key]
        candidates = self._candidates(key, division)
        return self._best(candidates, weights, division=division) if candidates else None

    def _all_candidates(self, key: str, division: bool) -> tuple[Candidate, ...]:
        return (*self._geonames.find(key), *self._political(self._gazetteer.lookup(key), division))

    def _political(self, entries: Sequence[Entry], division: bool) -> list[Candidate]:
        """Countries, parts of countries, capitals and seats as candidates beside the towns of GeoNames."""
        found = []
        for entry in entries:
            if entry.kind == "country" and not (division and entry.name == "Georgia"):
                found.append(Candidate(self._country(entry), True, 5_000_000))
            elif entry.kind in ("seat", "city"):
                found.append(Candidate(PlaceCode(entry.country, level=entry.kind), True, 50_000))
        return found

    def _country(self, entry: Entry) -> PlaceCode:
        """A country at its centre; a part of one (Darfur, Chechnya) at the division of its name."""
        national = self._gazetteer.countries.get(entry.country or "") == entry.name
        key = (entry.country or "") if national else key_of(entry.name)
        for candidate in self._geonames.find(key):
            place = candidate.place
            if place.country == entry.country and place.level in ("country", "division1"):
                return PlaceCode(entry.country, entry.name, place.lat, place.lon, place.geonameid, "country")
        return PlaceCode(entry.country, entry.name, level="country")

    def _best(
        self, candidates: Sequence[Candidate], weights: Mapping[str, float], *, division: bool
    ) -> PlaceCode | None:
        def score(candidate: Candidate) -> float:
            level = candidate.place.level
            bonus = _LEVEL_BONUS.get(level, 0.0) + (2.0 if division and level.startswith("division") else 0.0)
            support = _SUPPORT * weights.get(candidate.place.country or "", 0.0)
            return math.log10(candidate.population + 10) + candidate.own + bonus + support

        best = max(candidates, key=score)
        if weights and best.place.country not in weights and best.population < _WELL_KNOWN:
            return None
        here = [c for c in candidates if c.place.country == best.place.country]
        if best.place.level.startswith("division") and not division:
            towns = [c for c in here if c.place.level in ("town", "capital") and (c.own or c.population > _METROPOLIS)]
            best = max(towns, key=score, default=best)
        if best.place.name is None:  # known to the actor gazetteer alone, unless GeoNames has it too
            best = max((c for c in here if c.place.name), key=score, default=best)
        return best.place

    def _of_parts(self, words: Sequence[Word], weights: Mapping[str, float]) -> PlaceCode | None:
        """The place of a name inside the phrase, else the country of a name inside it ("Ukrainian border")."""
        matches = list(self._gazetteer.matches(words))
        countries = [match for match in matches if _is_country(match.entries)]
        named = {country: 1.0 for match in countries or matches if (country := _country_of(match.entries))}
        for start, end in combinations(range(len(words) + 1), 2):
            if end - start > _WORDS_IN_NAME:
                continue
            span = words[start:end]
            if len(span) == len(words) or not _is_name(span) or any(_inside(match, start, end) for match in countries):
                continue
            division = end < len(words) and words[end].key in noun_classes()["division"]
            found = self._of_name(" ".join(word.key for word in span), named or weights, division=division)
            if found and found.country in (named or weights):
                return found
        return PlaceCode(next(iter(named))) if len(named) == 1 else None


def _inside(match: Match, start: int, end: int) -> bool:
    return match.start <= start and end <= match.end


def _is_name(span: Sequence[Word]) -> bool:
    return span[0].raw[0].isupper() and span[-1].raw[0].isupper()


def _without_modifiers(words: Sequence[Word]) -> tuple[int, int]:
    """The bounds of a phrase's core: "eastern Congo" → "Congo", "Idlib province" → "Idlib"."""
    start, end = 0, len(words)
    while start < end - 1 and words[start].key in noun_classes()["beside"]:
        start += 1
    while end > start + 1 and not words[end - 1].raw[0].isupper():
        end -= 1
    if end - start > 1 and words[end - 1].key in noun_classes()["division"]:
        end -= 1
    return start, end


def _is_country(entries: Sequence[Entry]) -> bool:
    return any(entry.kind in ("country", "demonym") for entry in entries)


def _country_of(entries: Sequence[Entry]) -> str | None:
    for kind in ("country", "demonym", "capital", "seat", "body", "city"):
        for entry in entries:
            if entry.kind == kind and entry.country:
                return entry.country
    return None


def place_level(place: Place) -> str | None:
    """Which kind of place a located place is: one of the levels of `PlaceCode`, or None where that is not known.

    A place whose country alone is known is a "country" only if its name is the country's.
    """
    if place.geonameid is None:
        return "area" if place.name else None
    for key in (key_of(place.name or ""), place.country or ""):
        for candidate in load_geonames().find(key):
            if candidate.place.geonameid == place.geonameid:
                return candidate.place.level
    return None


def load_place_coder() -> PlaceCoder:
    """A place coder with the package's tables."""
    return PlaceCoder(load_gazetteer(), load_geonames(), _load_areas())
