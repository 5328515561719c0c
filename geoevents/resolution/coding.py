"""From a noun phrase to an actor code, given a date and the countries in play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from geoevents.resolution.gazetteer import Entry, Term, country_of
from geoevents.resolution.nounphrases import NounPhrase, Part

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
_BODIES = frozenset({"user", "group", "organisation", "body"})
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


@dataclass(frozen=True, slots=True)
class Coding:
    """What is known about the document, and the steps from a phrase to a code.

    Attributes:
        countries: The country codes with their names.
        date: ISO date of the document, or None.
        context: Countries in play, the likeliest first.
        as_place: Whether the actor is also where the act happens.
    """

    countries: Mapping[str, str]
    date: str | None
    context: Sequence[str]
    as_place: bool = False

    def code(self, phrase: NounPhrase) -> ActorCode | None:
        """The code of the actor that a phrase names, or None."""
        if phrase.mixed:
            return None
        own = _countries_of(phrase)
        person = self._person(phrase, own)
        if person:
            return self._of_person(phrase, person, own)
        owners = [owner for part in phrase.owners if (owner := self._owner(part, own))]
        tail = [owner for part in phrase.tail if (owner := self._owner(part, own))]
        if phrase.joint and (phrase.loose_name or len({owner.code[:3] for owner in owners + tail}) > 1):
            return None
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
        return _Owner(code, country_of(code, self.countries), entry.name, "person", confidence)

    def _of_person(self, phrase: NounPhrase, person: _Owner, own: tuple[str, ...]) -> ActorCode:
        """A person's code; a title in the phrase ("Prime Minister") says more than the list of offices."""
        country = own[0] if own else person.country
        if phrase.former and country:
            return _made(country, "ELI", person.name, person.confidence)
        head = phrase.head
        role = self._role(phrase, head) if head and not head.generic else ""
        if country and role in ("GOV", "LEG", "OPP", "JUD"):
            return _made(country, role, person.name, person.confidence)
        return self._plain(person)

    # Names

    def _owner(self, part: Part, own: tuple[str, ...]) -> _Owner | None:
        """The named thing that a part of the phrase stands for, or None where that stays open."""
        current = list(part.entries)
        if len(current) > 1:
            current = [entry for entry in current if self._active(entry)] or current
            current = self._without_distant(current, own)
        for kind in part.kinds:
            entries = [entry for entry in current if entry.kind == kind]
            entry = self._choose_place(entries) if kind in _PLACES else self._choose(entries, own)
            if entry is None or (kind == "person" and not self._is_known(part, entry)):
                continue
            code, sure = self._code_at(entry)
            country = country_of(code, self.countries)
            if kind in _BODIES and kind != "user" and country:
                if self._belongs_elsewhere(part, country, own):
                    continue
                if own and country not in own:
                    return _Owner(own[0] + primary(code[3:]), own[0], entry.name, kind, 0.7) if kind == "body" else None
            code = self._hosted(entry, code)
            return _Owner(code, country_of(code, self.countries), entry.name, kind, 0.9 if sure else 0.75)
        return None

    def _is_known(self, part: Part, entry: Entry) -> bool:
        """Whether a surname before a noun is a name at all: "Trump administration" but not "Law student"."""
        return part.full or part.possessive or any(term.office in _TOP_OFFICES for term in entry.terms)

    def _without_distant(self, entries: list[Entry], own: tuple[str, ...]) -> list[Entry]:
        """Of bodies that share a name ("ADF") those of the countries in play, if there are any."""
        if sum(entry.kind in _BODIES for entry in entries) < 2:
            return entries
        near = set(own or self.context)
        distant = [e for e in entries if e.kind in _BODIES and e.country and not self._countries_at(e) & near]
        kept = [entry for entry in entries if entry not in distant]
        return kept if any(entry.kind in _BODIES for entry in kept) else entries

    def _belongs_elsewhere(self, part: Part, country: str, own: tuple[str, ...]) -> bool:
        """Whether a name that is also a common noun ("Senate") means another country's body here."""
        if "role" not in part.kinds:
            return False
        near = own or self.context
        return bool(near) and country not in near

    def _hosted(self, entry: Entry, code: str) -> str:
        """An international armed group counts as rebels of the country in play where it is known to fight."""
        if entry.kind != "group":
            return code
        hosts = entry.note.split("|") if entry.note else []
        host = hosts[0] if len(hosts) == 1 else next((country for country in self.context if country in hosts), None)
        if host:
            return host + "REB"
        if code[:3] not in ROLES and not country_of(code, self.countries) and self.context:
            return self.context[0] + "CVL"
        return code

    def _choose_place(self, entries: Sequence[Entry]) -> Entry | None:
        if len(entries) < 2:
            return entries[0] if entries else None
        for country in self.context:
            for entry in entries:
                if entry.country == country:
                    return entry
        return entries[0]

    def _choose(self, entries: Sequence[Entry], own: tuple[str, ...]) -> Entry | None:
        """The one of several entries of a kind that is meant, or None where that stays open."""
        if len(entries) < 2:
            return entries[0] if entries else None
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
        return any(self._holds(term) for term in entry.terms)

    def _at_the_top(self, entry: Entry) -> bool:
        return any(self._holds(term) and term.office in _TOP_OFFICES for term in entry.terms)

    def _holds(self, term: Term) -> bool:
        return not term.end if self.date is None else term.covers(self.date)

    def _code_at(self, entry: Entry) -> tuple[str, bool]:
        """The code of an entry at the date, and whether a term covers the date."""
        date = self.date
        if date is None:
            return max(entry.terms, key=_recency).code, True
        covering = [term for term in entry.terms if term.covers(date)]
        if covering:
            return max(covering, key=_authority).code, True
        past = [term for term in entry.terms if term.end and term.end < date]
        term = max(past, key=lambda term: term.end) if past else entry.terms[0]
        country = country_of(term.code, self.countries)
        if entry.kind == "person" and country and primary(term.code[3:]) in _OFFICES:
            return country + "ELI", False
        return term.code, False

    def _of_owner(self, phrase: NounPhrase, owners: list[_Owner]) -> ActorCode | None:
        """The code of a phrase without a noun for a role."""
        named = [owner for owner in owners if owner.kind in _BODIES or owner.kind == "region"]
        if not owners or (phrase.loose_name and not named and not _is_attributive(phrase.owners[0])):
            return None
        owner = (named or owners)[-1]
        if (phrase.loose_end or phrase.loose_name) and not named:
            owner = replace(owner, code=owner.country or owner.code, confidence=owner.confidence * 0.6)
        elif self.as_place and owner.kind == "capital":
            owner = replace(owner, code=owner.country or owner.code)
        elif owner.kind == "demonym" and phrase.people:
            return _made(owner.code[:3], "CVL", None, 0.6)
        return self._plain(owner)

    # Nouns

    def _of_noun(self, phrase: NounPhrase, head: Part, owners: list[_Owner], tail: list[_Owner]) -> ActorCode | None:
        """The code of a phrase whose head is a noun for a role ("Turkish police")."""
        role = self._role(phrase, head)
        body = self._body(phrase, owners, tail)
        rules = body is not None and body.kind == "group" and primary(body.code[3:]) == "GOV"
        if body and body.country and rules and role in ("MIL", "REB"):
            return _made(body.country, "MIL", body.name, body.confidence)  # fighters of those who rule
        if body and not phrase.former and not (role in _OUTSIDERS and not head.generic and body.country):
            return self._plain(body)
        place = next((owner for owner in (*reversed(owners), *tail) if owner.country), None)
        if place and place.country:
            return _made(place.country, role, None, 0.85)
        region = next((owner for owner in owners if owner.kind == "region"), None)
        if region and role not in triples(region.code) and not (role == "CVL" and self.context):
            return ActorCode(role, None, (role,), None, 0.6)
        return self._of_bare_noun(phrase, head, role)

    def _body(self, phrase: NounPhrase, owners: list[_Owner], tail: list[_Owner]) -> _Owner | None:
        """The organisation or group that a noun belongs to, or None; a people is none."""
        found = list(owners)
        if not owners and phrase.preposition in ("of", "from", "at"):
            found = tail[:1]
        bodies = [owner for owner in found if owner.kind in _BODIES and _has_role(owner, self.countries)]
        return bodies[-1] if bodies else None

    def _of_bare_noun(self, phrase: NounPhrase, head: Part, role: str) -> ActorCode | None:
        """The code of a noun with no name beside it ("the army"): from the countries in play."""
        noun = head.noun
        if noun.note.startswith("alone:") and not phrase.former:
            role = noun.note.removeprefix("alone:")
        if role[:3] in _ROOTLESS or noun.note.startswith("of no country"):
            full = role if len(role) > 3 else noun.terms[0].code
            return ActorCode(full, None, triples(full), None, 0.6)
        country = self._home(noun) or (self.context[0] if self.context and not phrase.alien else None)
        return _made(country, role, None, 0.5) if country else None

    def _home(self, noun: Entry) -> str | None:
        """The country of a noun that belongs to one ("Bundestag"), some of them only in certain countries' news."""
        if noun.note.startswith("near:") and self.context and not set(noun.note[5:].split()) & set(self.context):
            return None
        return noun.country

    def _role(self, phrase: NounPhrase, head: Part) -> str:
        code = head.noun.terms[0].code
        role = code if head.noun.note == "user" else primary(code)
        if role not in _OFFICES:
            return role
        if phrase.former:
            return "ELI"
        sides = [primary(noun.noun.terms[0].code) for noun in phrase.nouns if noun is not head]
        if role == "MIL" and "GOV" in sides and not head.generic and phrase.loose_name:
            return "GOV"  # "President Colonel Issa Traoré": the office says more than the rank
        return next((side for side in sides if side in ("OPP", "REB")), role)

    def _plain(self, owner: _Owner) -> ActorCode:
        code = owner.code if owner.kind == "user" else self._simple(owner.code)
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
    return next((part for part in triples(role) if part in ROLES), "CVL")


def _made(country: str, role: str, name: str | None, confidence: float) -> ActorCode:
    return ActorCode(country + role, country, triples(role), name, round(confidence, 2))


def _has_role(owner: _Owner, countries: Mapping[str, str]) -> bool:
    if owner.kind == "user":
        return True
    parts = triples(owner.code[3:] if owner.code[:3] in countries else owner.code)
    return any(part in ROLES and part != "CVL" for part in parts)


def _is_attributive(part: Part) -> bool:
    """Whether a name qualifies what follows it: "British botanist …", "Poland's PKP"."""
    return part.kind == "demonym" or part.possessive


def _countries_of(phrase: NounPhrase) -> tuple[str, ...]:
    """The countries and nationalities named before the head."""
    parts = [part for part in phrase.owners if part.kind in ("country", "demonym")]
    entries = [entry for part in parts for entry in part.entries if entry.kind in ("country", "demonym")]
    return tuple(dict.fromkeys(entry.country for entry in entries if entry.country))


def _authority(term: Term) -> tuple[bool, bool, str]:
    """Of several terms that hold, a dated one goes first, then an office in government, then the latest."""
    return (bool(term.start or term.end), term.code[3:6] == "GOV", term.start)


def _recency(term: Term) -> tuple[bool, bool, str, str]:
    return (not term.end, term.code[3:6] == "GOV" and not term.end, term.end, term.start)
