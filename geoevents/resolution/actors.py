"""Who an actor is: from the words of a span to a CAMEO actor code.

A span is taken apart into names that the gazetteer knows and words that it does not. A named person, organisation or
group gives its own code; else the head noun gives the role and a nationality, owner or "of" phrase the country; else
the countries in play in the document give it, with less confidence. What stays unknown stays without a code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from geoevents.resolution.gazetteer import Entry, Gazetteer, Term, country_of, load_gazetteer
from geoevents.resolution.nounphrases import NounPhrase, Part, read_noun_phrase
from geoevents.resolution.phrases import words_of

# CAMEO's role codes; other triples in a code stand for regions, religions, ethnic groups or single organisations.
ROLES = frozenset(
    {"GOV", "MIL", "COP", "REB", "OPP", "PTY", "LEG", "JUD", "SPY", "BUS", "CVL", "CRM", "UAF", "MED", "LAB", "AGR"}
    | {"EDU", "ELI", "HLH", "HRI", "ENV", "REF", "DEV", "RAD", "MOD", "SET", "NGO", "IGO", "NGM", "MNC", "IMG", "INT"}
    | {"UIS"}
)
# Roles that the countries in play do not explain: migrants and the like are not of the place where they are.
_ROOTLESS = frozenset({"REF", "IGO", "NGO", "NGM", "MNC", "IMG", "INT", "UIS"})
_OFFICES = frozenset({"GOV", "LEG", "MIL", "JUD", "SPY", "COP"})
# Roles of people who are not the organisation that they are named with ("Hamas hostages", "Kremlin critics").
_OUTSIDERS = frozenset({"CVL", "REF", "OPP", "MED", "BUS", "LAB", "EDU", "HRI"})
_BODIES = frozenset({"group", "organisation", "body"})
_PLACES = frozenset({"country", "demonym", "capital", "seat", "city"})
_TOP_OFFICES = frozenset(
    {"president", "prime minister", "chancellor", "king", "supreme leader", "emir", "secretary general", "crown prince"}
)


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
    """A named thing in a phrase, resolved."""

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
        self._read = lru_cache(maxsize=8192)(self._read_phrase)

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
        return _Coding(self._gazetteer.countries, date, tuple(context_countries)).code(self._read(text))

    def countries_in_play(self, text: str, at: int, places: Sequence[int] = ()) -> tuple[str, ...]:
        """The countries that a text names, the likeliest for an actor at an offset first.

        Args:
            text: The text, usually one sentence or passage.
            at: Offset of the actor's span.
            places: Offsets of spans known to be places of events; they count double.
        """
        words = words_of(text)
        position = next((index for index, word in enumerate(words) if word.start >= at), len(words))
        scores: dict[str, float] = {}
        for match in self._gazetteer.matches(words):
            country = _country_named(match.entries, surname=match.end - match.start == 1)
            if country:
                distance = abs(match.start - position) + (3 if match.start > position else 0)
                weight = 2.0 if words[match.start].start in places else 1.0
                scores[country] = scores.get(country, 0.0) + weight / (distance + 5.0)
        return tuple(sorted(scores, key=lambda country: -scores[country]))

    def _read_phrase(self, text: str) -> NounPhrase:
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
    """What is known about the document, and the steps from a phrase to a code."""

    countries: Mapping[str, str]
    date: str | None
    context: tuple[str, ...]

    def code(self, phrase: NounPhrase) -> ActorCode | None:
        own = _countries_of(phrase)
        owners = [owner for part in phrase.owners if (owner := self._owner(part, own))]
        tail = [owner for part in phrase.tail if (owner := self._owner(part, own))]
        if phrase.joint and (len({owner.code[:3] for owner in owners + tail}) != 1 or not phrase.nouns):
            return None
        person = self._person(phrase, own)
        if person:
            return self._of_person(phrase, person, own)
        if phrase.head:
            return self._of_noun(phrase, phrase.head, owners, tail)
        return self._of_owner(phrase, owners)

    # Persons

    def _person(self, phrase: NounPhrase, own: tuple[str, ...]) -> _Owner | None:
        if not phrase.person:
            return None
        entry = self._choose([entry for entry in phrase.person.entries if entry.kind == "person"], own)
        if entry is None:
            return None
        code, sure = self._code_at(entry)
        confidence = (0.95 if phrase.person.full else 0.85) * (1.0 if sure else 0.8)
        country = country_of(code, self.countries)
        return _Owner(code, country, entry.name, "person", confidence)

    def _of_person(self, phrase: NounPhrase, person: _Owner, own: tuple[str, ...]) -> ActorCode:
        """A person's code; a title in the phrase ("Prime Minister") says more than the list of offices."""
        country = own[0] if own else person.country
        if phrase.former and country:
            return _made(country, "ELI", person.name, person.confidence)
        head = phrase.head
        role = primary(head.noun.terms[0].code) if head and not head.generic else ""
        if country and role in ("GOV", "LEG", "OPP", "JUD"):
            return _made(country, role, person.name, person.confidence)
        return self._plain(person)

    # Names

    def _owner(self, part: Part, own: tuple[str, ...]) -> _Owner | None:
        """The named thing that a part of the phrase stands for, or None where that stays open."""
        current = [entry for entry in part.entries if self._active(entry)] or list(part.entries)
        for kind in part.kinds:
            entries = [entry for entry in current if entry.kind == kind]
            entry = self._choose_place(entries) if kind in _PLACES else self._choose(entries, own)
            if entry:
                code, sure = self._code_at(entry)
                code = self._hosted(entry, code)
                return _Owner(code, country_of(code, self.countries), entry.name, kind, 0.9 if sure else 0.75)
        return None

    def _hosted(self, entry: Entry, code: str) -> str:
        """An international armed group counts as rebels of the country in play where it is known to fight."""
        hosts = entry.note.split("|") if entry.kind == "group" and entry.note else ()
        return next((country + "REB" for country in self.context if country in hosts), code)

    def _choose_place(self, entries: Sequence[Entry]) -> Entry | None:
        for country in self.context:
            for entry in entries:
                if entry.country == country:
                    return entry
        return entries[0] if entries else None

    def _choose(self, entries: Sequence[Entry], own: tuple[str, ...]) -> Entry | None:
        """The one of several entries of a kind that is meant, or None where that stays open."""
        for known in (own, self.context[:1], self.context):
            entries = [entry for entry in entries if self._countries_at(entry) & set(known)] or entries
        if len(entries) > 1:
            entries = [entry for entry in entries if self._active(entry)] or entries
        if len(entries) > 1:
            entries = [entry for entry in entries if self._at_the_top(entry)] or entries
        if len(entries) == 1 or len({self._code_at(entry)[0] for entry in entries}) == 1:
            return entries[0]
        return None

    def _countries_at(self, entry: Entry) -> set[str]:
        found = {country_of(term.code, self.countries) for term in entry.terms} | {entry.country}
        return {country for country in found if country}

    def _active(self, entry: Entry) -> bool:
        date = self.date
        return any(not term.end if date is None else term.covers(date) for term in entry.terms)

    def _at_the_top(self, entry: Entry) -> bool:
        date = self.date
        terms = [term for term in entry.terms if (not term.end if date is None else term.covers(date))]
        return any(term.office in _TOP_OFFICES for term in terms)

    def _code_at(self, entry: Entry) -> tuple[str, bool]:
        """The code of an entry at the date, and whether a term covers the date."""
        date = self.date
        if date is None:
            return max(entry.terms, key=_recency).code, True
        covering = [term for term in entry.terms if term.covers(date)]
        if covering:
            return max(covering, key=lambda term: (term.code[3:6] == "GOV", term.start)).code, True
        past = [term for term in entry.terms if term.end and term.end < date]
        term = max(past, key=lambda term: term.end) if past else entry.terms[0]
        country = country_of(term.code, self.countries)
        if entry.kind == "person" and country and primary(term.code[3:]) in _OFFICES:
            return country + "ELI", False
        return term.code, False

    def _of_owner(self, phrase: NounPhrase, owners: list[_Owner]) -> ActorCode | None:
        """The code of a phrase without a noun for a role."""
        if not owners:
            return None
        named = [owner for owner in owners if owner.kind in _BODIES or owner.kind == "region"]
        owner = (named or owners)[-1]
        if phrase.loose_name and not named:
            return None
        if phrase.loose_end:
            owner = replace(owner, code=owner.country or owner.code, confidence=owner.confidence * 0.6)
        elif owner.kind == "demonym" and phrase.people:
            return _made(owner.code[:3], "CVL", None, 0.6)
        return self._plain(owner)

    # Nouns

    def _of_noun(self, phrase: NounPhrase, head: Part, owners: list[_Owner], tail: list[_Owner]) -> ActorCode | None:
        """The code of a phrase whose head is a noun for a role ("Turkish police")."""
        role = self._role(phrase, head)
        body = _body(phrase, owners, tail)
        if body and role != "ELI" and not (role in _OUTSIDERS and not head.generic and body.country):
            return self._plain(body)
        place = next((owner for owner in (*reversed(owners), *tail) if owner.country), None)
        if place and place.country:
            return _made(place.country, role, None, 0.85)
        region = next((owner for owner in owners if owner.kind == "region"), None)
        if region:
            return ActorCode(region.code + role, None, (role,), None, 0.6)
        if role in _ROOTLESS or head.noun.note.startswith("of no country"):
            full = head.noun.terms[0].code
            return ActorCode(full, None, triples(full), None, 0.6)
        country = head.noun.country or (self.context[0] if self.context and not phrase.alien else None)
        return _made(country, role, None, 0.5) if country else None

    def _role(self, phrase: NounPhrase, head: Part) -> str:
        role = primary(head.noun.terms[0].code)
        if role not in _OFFICES:
            return role
        if phrase.former:
            return "ELI"
        sides = [primary(noun.noun.terms[0].code) for noun in phrase.nouns if noun is not head]
        return next((side for side in sides if side in ("OPP", "REB")), role)

    def _plain(self, owner: _Owner) -> ActorCode:
        code = self._simple(owner.code)
        country = country_of(code, self.countries)
        return ActorCode(code, country, triples(code[3:] if country else code), owner.name, round(owner.confidence, 2))

    def _simple(self, code: str) -> str:
        """Country and first role of a national actor; a company of many nations is its home country's."""
        if code[:3] == "MNC" and code[3:6] in self.countries:
            return code[3:6] + "BUS"
        if code[:3] in self.countries and len(code) > 3:
            return code[:3] + primary(code[3:])
        return code


def triples(code: str) -> tuple[str, ...]:
    """The three-letter parts of a code."""
    return tuple(code[index : index + 3] for index in range(0, len(code), 3))


def primary(role: str) -> str:
    """The role by which an actor is coded: the first that is one of CAMEO's roles ("MOSRAD" → "RAD"), else civilian."""
    parts = triples(role)
    if parts[:2] == ("GOV", "MED"):
        return "MED"
    return next((part for part in parts if part in ROLES), "CVL")


def _made(country: str, role: str, name: str | None, confidence: float) -> ActorCode:
    return ActorCode(country + role, country, (role,), name, round(confidence, 2))


def _body(phrase: NounPhrase, owners: list[_Owner], tail: list[_Owner]) -> _Owner | None:
    """The organisation or group that a noun belongs to, or None."""
    bodies = [owner for owner in owners if owner.kind in _BODIES]
    if not owners and phrase.preposition in ("of", "from", "at"):
        bodies += [owner for owner in tail[:1] if owner.kind in _BODIES]
    return bodies[-1] if bodies else None


def _countries_of(phrase: NounPhrase) -> tuple[str, ...]:
    """The countries and nationalities named before the head."""
    entries = [entry for part in phrase.owners if part.kind in ("country", "demonym") for entry in part.entries]
    return tuple(dict.fromkeys(entry.country for entry in entries if entry.country and entry.kind in _PLACES))


def _country_named(entries: Sequence[Entry], *, surname: bool) -> str | None:
    for kind in ("country", "demonym", "capital", "seat", "body", "group", "city", "person"):
        for entry in entries:
            if entry.kind == kind and entry.country and not (kind == "person" and surname):
                return entry.country
    return None


def _recency(term: Term) -> tuple[bool, bool, str, str]:
    return (not term.end, term.code[3:6] == "GOV" and not term.end, term.end, term.start)
