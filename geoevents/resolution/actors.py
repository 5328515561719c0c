"""Who an actor is: from the words of a span to a CAMEO actor code.

A span is taken apart into names that the gazetteer knows and words that it does not. A named person, organisation or
group gives its own code; else the head noun gives the role and a nationality, owner or "of" phrase the country; else
the countries in play in the document give it, with less confidence. What stays unknown stays without a code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from geoevents.resolution.gazetteer import Entry, Gazetteer, Term, load_gazetteer
from geoevents.resolution.nounphrases import NounPhrase, Part, read_noun_phrase

# CAMEO's role codes; other triples in a code stand for regions, religions, ethnic groups or single organisations.
ROLES = frozenset(
    "GOV MIL COP REB OPP PTY LEG JUD SPY BUS CVL CRM UAF MED LAB AGR EDU ELI HLH HRI ENV REF DEV RAD MOD SET "
    "NGO IGO NGM MNC IMG INT UIS".split()
)
# Roles that a country in play does not explain: migrants, pirates and the like are not of the place where they are.
_ROOTLESS = frozenset({"REF", "IGO", "NGO", "NGM", "MNC", "IMG", "INT", "UIS"})
_OFFICES = frozenset({"GOV", "LEG", "MIL", "JUD", "SPY", "COP"})
_BYSTANDERS = frozenset({"CVL", "REF", "OPP", "MED", "BUS", "LAB", "EDU", "HRI"})
_TOP_OFFICES = ("president", "prime minister", "chancellor", "king", "supreme leader", "emir", "secretary general")


@dataclass(frozen=True, slots=True)
class ActorCode:
    """The code of an actor.

    Attributes:
        code: CAMEO actor code such as "IRNGOV", "IRN", "IGOUNO".
        country: ISO 3166 alpha-3 code of the actor's country, or None.
        roles: CAMEO role codes in the order of the code.
        name: Canonical name of a named actor ("Ebrahim Raisi", "Iran"), or None.
        confidence: 0 to 1.
    """

    code: str
    country: str | None
    roles: tuple[str, ...]
    name: str | None
    confidence: float


@dataclass(frozen=True, slots=True)
class _Owner:
    """A named thing in a phrase, resolved: its code, country, name and kind."""

    code: str
    country: str | None
    name: str
    kind: str
    confidence: float


class ActorCoder:
    """Codes actors; load it once with `load_actor_coder()`. Read-only, so that threads may share it.

    Args:
        gazetteer: The names and what they stand for.
    """

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._read = lru_cache(maxsize=8192)(self._read_uncached)

    def code(self, text: str, *, date: str | None = None, context_countries: Sequence[str] = ()) -> ActorCode | None:
        """The code of the actor that a span of text names.

        Args:
            text: The span's text: a noun phrase such as "former Pakistani prime minister".
            date: ISO date of the document; without one the latest knowledge counts.
            context_countries: ISO 3166 alpha-3 codes of the countries in play, the likeliest first. They give bare
                nouns ("police", "the army") their country and tell persons of one name apart.

        Returns:
            The code, or None where nothing is known for sure enough.
        """
        phrase = self._read(text)
        return _Coding(self._gazetteer.countries, date, tuple(context_countries)).code(phrase)

    def _read_uncached(self, text: str) -> NounPhrase:
        return read_noun_phrase(text, self._gazetteer)


def load_actor_coder(dictionaries: Sequence[Path] = (), *, lenient: bool = False) -> ActorCoder:
    """An actor coder with the package's gazetteer and the user's dictionaries, which win over it.

    Args:
        dictionaries: Files in one of the formats of `geoevents.resolution.dictionaries`.
        lenient: Use the good lines of a malformed file instead of raising.

    Raises:
        DictionaryError: A dictionary is malformed and `lenient` is off.
    """
    return ActorCoder(load_gazetteer())


@dataclass(frozen=True, slots=True)
class _Coding:
    """One question: what is known about the document, and the steps that answer."""

    countries: dict[str, str]
    date: str | None
    context: tuple[str, ...]

    def code(self, phrase: NounPhrase) -> ActorCode | None:
        own = self._countries_of(phrase)
        person = self._person(phrase, own)
        owners = [owner for part in phrase.owners if (owner := self._owner(part, own))]
        tail = [owner for part in phrase.tail if (owner := self._owner(part, own))]
        if phrase.plural_owners and len({owner.country or owner.code for owner in owners}) > 1:
            return None
        role = phrase.role
        if person and (found := self._of_person(phrase, person)):
            return found
        if role:
            return self._of_role(phrase, role, owners, tail)
        return self._of_owner(phrase, owners, tail)

    def _countries_of(self, phrase: NounPhrase) -> tuple[str, ...]:
        entries = [entry for part in phrase.owners for entry in part.entries if entry.kind in ("country", "demonym")]
        return tuple(dict.fromkeys(entry.country for entry in entries if entry.country))

    # Persons

    def _person(self, phrase: NounPhrase, own: tuple[str, ...]) -> _Owner | None:
        if not phrase.person:
            return None
        entry = self._choose([entry for entry in phrase.person.entries if entry.kind == "person"], own)
        if entry is None:
            return None
        code, sure = self._code_at(entry)
        confidence = (0.95 if phrase.person.length > 1 else 0.85) * (1.0 if sure else 0.8)
        return _Owner(code, country_in(code, self.countries) or entry.country, entry.name, "person", confidence)

    def _of_person(self, phrase: NounPhrase, person: _Owner) -> ActorCode | None:
        country = person.country
        if phrase.former and country:
            return self._made(country, "ELI", person.name, person.confidence)
        role = phrase.role
        named = role and not role.generic and primary(role.role) in ("GOV", "LEG", "OPP", "JUD")
        if named and role and country and country_in(person.code, self.countries):
            return self._made(country, primary(role.role), person.name, person.confidence)
        return self._plain(person)

    def _code_at(self, entry: Entry) -> tuple[str, bool]:
        """The code of an entry at the date, and whether a term covers the date."""
        terms = entry.terms
        if self.date is None:
            return max(terms, key=_recency).code, True
        covering = [term for term in terms if term.covers(self.date)]
        if covering:
            return min(covering, key=lambda term: (_rank(term.code), _reverse(term.start))).code, True
        past = [term for term in terms if term.end and term.end < self.date]
        term = max(past, key=lambda term: term.end) if past else terms[0]
        country = country_in(term.code, self.countries)
        if entry.kind == "person" and country and primary(term.code[3:]) in _OFFICES:
            return country + "ELI", False
        return term.code, False

    def _choose(self, entries: Sequence[Entry], own: tuple[str, ...]) -> Entry | None:
        """The one of several entries of a kind that is meant, or None where that stays open."""
        for known in (own, self.context[:1], self.context):
            narrowed = [entry for entry in entries if self._countries_at(entry) & set(known)]
            entries = narrowed or entries
        if len(entries) > 1:
            entries = [entry for entry in entries if self._active(entry)] or entries
        if len(entries) > 1:
            entries = [entry for entry in entries if _holds_top_office(entry, self.date)] or entries
        if len(entries) == 1 or (entries and len({self._code_at(entry)[0] for entry in entries}) == 1):
            return entries[0]
        return None

    def _countries_at(self, entry: Entry) -> set[str]:
        found = {country_in(term.code, self.countries) for term in entry.terms} | {entry.country}
        return {country for country in found if country}

    def _active(self, entry: Entry) -> bool:
        if self.date is None:
            return any(not term.end for term in entry.terms)
        return any(term.covers(self.date) for term in entry.terms)

    # Owners: countries, organisations, groups, bodies

    def _owner(self, part: Part, own: tuple[str, ...]) -> _Owner | None:
        for kind in part.kinds:
            entries = [entry for entry in part.entries if entry.kind == kind]
            entry = self._choose_place(entries) if kind in PLACE_KINDS else self._choose(entries, own)
            if entry is None:
                continue
            code, sure = self._code_at(entry)
            country = country_in(code, self.countries)
            return _Owner(code, country, entry.name, kind, 0.9 if sure else 0.75)
        return None

    def _choose_place(self, entries: Sequence[Entry]) -> Entry | None:
        for country in self.context:
            for entry in entries:
                if entry.country == country:
                    return entry
        current = [entry for entry in entries if self._active(entry)]
        return (current or list(entries))[0]

    def _of_owner(self, phrase: NounPhrase, owners: list[_Owner], tail: list[_Owner]) -> ActorCode | None:
        if not owners:
            return self._of_tail(phrase, tail)
        strong = [owner for owner in owners if owner.kind in ("group", "organisation", "body", "region")]
        owner = strong[-1] if strong else owners[-1]
        if phrase.unknown_head:
            owner = replace(owner, code=owner.country or owner.code, confidence=owner.confidence * 0.6)
        elif owner.kind == "demonym" and phrase.people:
            return self._made(owner.code[:3], "CVL", None, 0.6)
        return self._plain(owner)

    def _of_tail(self, phrase: NounPhrase, tail: list[_Owner]) -> ActorCode | None:
        return None

    # Roles

    def _of_role(self, phrase: NounPhrase, role: Part, owners: list[_Owner], tail: list[_Owner]) -> ActorCode | None:
        kind = primary(role.role)
        if phrase.former and kind in _OFFICES:
            kind = "ELI"
        bodies = [owner for owner in owners if owner.kind in ("group", "organisation", "body")]
        if not owners and phrase.preposition == "of" or (not owners and not bodies):
            bodies += [owner for owner in tail if owner.kind in ("group", "organisation", "body")][:1]
        if bodies and kind != "ELI" and not (kind in _BYSTANDERS and bodies[-1].country):
            return self._plain(bodies[-1])
        places = [owner for owner in (*reversed(owners), *tail) if owner.country]
        if places:
            return self._made(places[0].country or "", kind, None, 0.85)
        regions = [owner for owner in owners if owner.kind == "region"]
        if regions:
            return ActorCode(regions[0].code + kind, None, (kind,), None, 0.6)
        if kind in _ROOTLESS or phrase.rootless:
            return ActorCode(role.role, None, triples(role.role), None, 0.6)
        if self.context:
            return self._made(self.context[0], kind, None, 0.5)
        return None

    # Results

    def _made(self, country: str, role: str, name: str | None, confidence: float) -> ActorCode:
        return ActorCode(country + role, country, (role,), name, round(confidence, 2))

    def _plain(self, owner: _Owner) -> ActorCode:
        code = self._simple(owner.code)
        country = country_in(code, self.countries)
        roles = triples(code[3:] if country else code)
        return ActorCode(code, country, roles, owner.name, round(owner.confidence, 2))

    def _simple(self, code: str) -> str:
        """Country and first role of a national actor; a company of many nations is its home country's."""
        if code[:3] == "MNC" and code[3:6] in self.countries:
            return code[3:6] + "BUS"
        if code[:3] in self.countries and len(code) > 3:
            return code[:3] + primary(code[3:])
        return code


PLACE_KINDS = frozenset({"country", "demonym", "capital", "seat", "city"})


def country_in(code: str, countries: dict[str, str]) -> str | None:
    """The country that a code begins with, or None."""
    return code[:3] if code[:3] in countries else None


def triples(code: str) -> tuple[str, ...]:
    """The three-letter parts of a code."""
    return tuple(code[index : index + 3] for index in range(0, len(code), 3))


def primary(role: str) -> str:
    """The role by which an actor is coded: the first that is one of CAMEO's roles ("MOSRAD" → "RAD"), else civilian."""
    parts = triples(role)
    if parts[:2] == ("GOV", "MED"):
        return "MED"
    return next((part for part in parts if part in ROLES), "CVL")


def _recency(term: Term) -> tuple[bool, int, str, str]:
    return (not term.end, -_rank(term.code) if not term.end else 0, term.end, term.start)


def _rank(code: str) -> int:
    return 0 if code[3:6] == "GOV" else 1


def _reverse(start: str) -> int:
    return -int((start + "-00")[:7].replace("-", "") or 0) if len(start) > 4 else -int((start or "0") + "00")


def _holds_top_office(entry: Entry, date: str | None) -> bool:
    terms = [term for term in entry.terms if (term.covers(date) if date else not term.end)]
    return any(term.office in _TOP_OFFICES for term in terms)
