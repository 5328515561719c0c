"""The reference data of actor coding, read from the package's tables and indexed by the form of the names.

The tables in `data/` are plain TSV with a header line; `|` separates several values in a field and dates are YYYY or
YYYY-MM. They were written by hand for this project from general knowledge and CAMEO's code tables.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from geoevents.resolution.phrases import Word, key_of, phrase_words

CASE_FREE, CASE_TITLE, CASE_ACRONYM, CASE_EXACT = 0, 1, 2, 3

# Shorter keys may be pronouns and articles in disguise (US, IS, WHO).
_SHORT = 4


class Term(NamedTuple):
    """A code and the time in which it holds.

    Attributes:
        code: Full CAMEO actor code; for an entry of kind "role" the role code alone.
        start: First month or year ("2007-11", "2007"), or "" where open.
        end: Last month or year, or "" where open.
        office: The office held, or "".
    """

    code: str
    start: str = ""
    end: str = ""
    office: str = ""

    def covers(self, date: str) -> bool:
        """Whether the term holds on an ISO date; a bare year or month counts as a whole."""
        return self.start <= date[: len(self.start)] and (not self.end or date[: len(self.end)] <= self.end)


class Entry(NamedTuple):
    """One thing that a name may stand for.

    Attributes:
        kind: "country", "demonym", "capital", "seat" of government, "city" (provinces too), "region", "role" (a common
            noun), "person", "group", "organisation", "body" (a national institution) or "user" (of a dictionary).
        name: Canonical name.
        country: ISO 3166 alpha-3 code, or None.
        terms: Its codes in the order of their start; at least one.
        note: A remark of the table ("takes the body named before it"), the countries where an international armed
            group fights ("MLI|NER"), or "".
    """

    kind: str
    name: str
    country: str | None
    terms: tuple[Term, ...]
    note: str = ""


class Match(NamedTuple):
    """Words of a text that the gazetteer knows.

    Attributes:
        start: Index of the first word.
        end: Index behind the last word.
        entries: What the words may stand for.
    """

    start: int
    end: int
    entries: tuple[Entry, ...]


class Gazetteer:
    """Names and what they may stand for. Read-only once built, so that threads may share it."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[tuple[int, Entry], ...]] = {}
        self._begun: set[str] = set()  # the first words of names that have more
        self.countries: dict[str, str] = {}
        self.words: dict[str, frozenset[str]] = {}
        self.phrase_matches = lru_cache(maxsize=8192)(self._phrase_matches)

    def add(self, phrase: str, entry: Entry) -> None:
        """Let a phrase stand for an entry, beside what it stands for already."""
        key = key_of(phrase)
        if not key:
            return
        known = self._names.get(key, ())
        if known and any(other is entry for _, other in known):
            return
        self._names[key] = (*known, (self._case_of(phrase, key, entry.kind), entry))
        end = key.find(" ")
        while end >= 0:
            self._begun.add(key[:end])
            end = key.find(" ", end + 1)

    def copy(self) -> Gazetteer:
        """A gazetteer with the same contents that can be changed without changing this one."""
        other = Gazetteer()
        other._names, other._begun = dict(self._names), set(self._begun)
        other.countries, other.words = self.countries, self.words
        return other

    def replace(self, phrase: str, entry: Entry) -> None:
        """Let a phrase stand for an entry and nothing else; only very short phrases mind the case."""
        key = key_of(phrase)
        self._names.pop(key, None)
        self.add(phrase.upper() if len(key) < _SHORT else phrase.lower(), entry)

    def _case_of(self, phrase: str, key: str, kind: str) -> int:
        if phrase.islower():
            return CASE_FREE
        if kind == "person":
            return CASE_TITLE
        if " " not in key and phrase.upper() == phrase and len(key) > 1:
            return CASE_EXACT if key in self.words["ordinary"] else CASE_ACRONYM
        if len(phrase) < _SHORT + 1 and any(letter.isupper() for letter in phrase[1:]):
            return CASE_EXACT
        if kind in ("country", "demonym", "capital") and key not in self.words["ordinary"]:
            return CASE_FREE
        return CASE_TITLE

    def lookup(self, phrase: str) -> tuple[Entry, ...]:
        """What a phrase may stand for, whatever its case; empty where nothing is known."""
        return tuple(entry for _, entry in self._names.get(key_of(phrase), ()))

    def match_at(self, words: Sequence[Word], start: int) -> Match | None:
        """The longest known name that begins at a word, or None."""
        key, end = words[start].key, start + 1
        known = [(key, end)] if key in self._names else []
        while key in self._begun and end < len(words) and not words[end].pause:
            key, end = f"{key} {words[end].key}", end + 1
            if key in self._names:
                known.append((key, end))
        for key, end in reversed(known):
            span = words[start:end]
            entries = tuple([entry for case, entry in self._names[key] if case == CASE_FREE or _case_fits(case, span)])
            if entries:
                return Match(start, end, entries)
        return None

    def matches(self, words: Sequence[Word]) -> Iterator[Match]:
        """The known names in a text from left to right, the longest first where several begin at a word."""
        start = 0
        while start < len(words):
            first = words[start].key
            match = self.match_at(words, start) if first in self._begun or first in self._names else None
            if match:
                yield match
            start = match.end if match else start + 1

    def _phrase_matches(self, phrase: str) -> tuple[Match, ...]:
        """The known names in a short text that is likely to be asked for again."""
        return tuple(self.matches(phrase_words(phrase)))

    def names_of_kind(self, kinds: Iterable[str]) -> Iterator[tuple[str, Entry]]:
        """Every phrase that stands for an entry of the kinds, in its folded form."""
        wanted = frozenset(kinds)
        for key, found in self._names.items():
            for _, entry in found:
                if entry.kind in wanted:
                    yield key, entry


def _case_fits(case: int, span: Sequence[Word]) -> bool:
    raw = span[0].raw
    if case == CASE_EXACT:
        return raw[-1:].isupper() and raw[0].isupper()
    if case == CASE_ACRONYM:
        return raw.upper() == raw or (len(raw) > 3 and raw[0].isupper())
    return any(word.raw[0].isupper() for word in span)


def table(name: str) -> Iterator[list[str]]:
    """The rows of one of the package's tables as lists of fields, without the header line."""
    text = (files("geoevents") / "resolution" / "data" / f"{name}.tsv").read_text(encoding="utf-8")
    lines = iter(text.split("\n"))
    next(lines)
    return (line.split("\t") for line in lines if line)


def _values(field: str) -> list[str]:
    return field.split("|") if field else []


@cache
def load_gazetteer() -> Gazetteer:
    """The gazetteer of the package, read once."""
    gazetteer = Gazetteer()
    collecting = gc.isenabled()
    gc.disable()  # nothing made here is garbage; looking for some takes a fifth of the time
    try:
        _read_tables(gazetteer)
    finally:
        if collecting:
            gc.enable()
    return gazetteer


def _read_tables(gazetteer: Gazetteer) -> None:
    gazetteer.words = {kind: frozenset(words.split()) for kind, words, _use in table("words")}
    for read in (
        _read_countries,
        _read_provinces,
        _read_regions,
        _read_roles,
        _read_bodies,
        _read_organisations,
        _read_groups,
        _read_leaders,
    ):
        read(gazetteer)


def _read_countries(gazetteer: Gazetteer) -> None:
    for iso3, iso2, name, official, aliases, demonyms, capital, seats, cities, until in table("countries"):
        term = Term(iso3, "", until)
        if iso2:
            gazetteer.countries[iso3] = name
        government = Term(iso3 + "GOV", "", until)
        for kind, phrases, code in (
            ("country", [name, official, *_values(aliases)], term),
            ("demonym", _values(demonyms), term),
            ("capital" if iso2 else "city", _values(capital), government if iso2 else term),
            ("seat", _values(seats), government),
            ("city", _values(cities), term),
        ):
            entry = Entry(kind, name, iso3, (code,))
            for phrase in phrases:
                gazetteer.add(phrase, entry)


def _read_provinces(gazetteer: Gazetteer) -> None:
    for iso3, provinces in table("provinces"):
        entry = Entry("city", gazetteer.countries[iso3], iso3, (Term(iso3),))
        _add_all(gazetteer, entry, _values(provinces))


def _read_regions(gazetteer: Gazetteer) -> None:
    for phrase, code, iso3 in table("regions"):
        gazetteer.add(phrase, Entry("region", phrase, iso3 or None, (Term(code),)))


def _read_roles(gazetteer: Gazetteer) -> None:
    for phrase, plural, role, country, note in table("roles"):
        entry = Entry("role", phrase, country or None, (Term(role),), note)
        gazetteer.add(phrase, entry)
        if plural:
            gazetteer.add(plural, entry)


def _read_bodies(gazetteer: Gazetteer) -> None:
    for name, aliases, iso3, code in table("bodies"):
        entry = Entry("body", plain_name(name), iso3, (Term(code),))
        for phrase in (name, *_values(aliases)):
            # "High Court (Spain)" is no name for "High Court" in general.
            if phrase == plain_name(phrase) or not gazetteer.lookup(plain_name(phrase)):
                gazetteer.add(plain_name(phrase), entry)


def _read_organisations(gazetteer: Gazetteer) -> None:
    for name, aliases, code, _kind in table("organisations"):
        name = plain_name(name)
        _add_all(
            gazetteer,
            Entry("organisation", name, country_of(code, gazetteer.countries), (Term(code),)),
            [name, *_values(aliases)],
        )


def _read_groups(gazetteer: Gazetteer) -> None:
    for (name, iso3), rows in _runs(table("groups"), (0, 2)):
        terms = tuple(sorted((Term(row[3], row[5], row[6]) for row in rows), key=lambda term: term.start))
        phrases = [plain_name(name), *dict.fromkeys(alias for row in rows for alias in _values(row[1]))]
        _add_all(gazetteer, Entry("group", plain_name(name), iso3 or None, terms, rows[0][7]), phrases)


def _read_leaders(gazetteer: Gazetteer) -> None:
    for (name,), rows in _runs(table("leaders"), (0,)):
        terms = tuple(Term(code, start, end, office) for _, _, code, office, start, end in rows)
        country = country_of(terms[-1].code, gazetteer.countries)
        entry = Entry("person", name, country, terms)
        phrases = [name, *dict.fromkeys(alias for row in rows for alias in _values(row[1]))]
        _add_all(gazetteer, entry, phrases)


def _add_all(gazetteer: Gazetteer, entry: Entry, phrases: Iterable[str]) -> None:
    for phrase in phrases:
        gazetteer.add(phrase, entry)


def _runs(rows: Iterable[list[str]], columns: Sequence[int]) -> Iterator[tuple[tuple[str, ...], list[list[str]]]]:
    """Rows that share the values of some columns, together."""
    groups: dict[tuple[str, ...], list[list[str]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    yield from groups.items()


def plain_name(name: str) -> str:
    """A name without the remark in brackets that tells it from its namesakes ("Centre Party (Sweden)")."""
    return name.partition(" (")[0]


def country_of(code: str, countries: Iterable[str]) -> str | None:
    """The country that an actor code begins with, or None ("IRNGOV" → "IRN", "IGOUNO" → None)."""
    return code[:3] if code[:3] in countries else None
