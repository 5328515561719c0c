"""An actor's noun phrase taken apart: owners, head noun, person, and what follows a preposition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geoevents.resolution.gazetteer import Entry, Gazetteer, Match
from geoevents.resolution.phrases import Word, words_of

# In this order the kinds of one name are tried.
_KINDS = (
    "user", "country", "demonym", "capital", "seat", "body", "organisation", "group", "region", "city", "role", "person"
)  # fmt: skip
_OF = frozenset(
    {"of", "in", "from", "at", "near", "within", "inside", "across", "outside", "around", "on", "off", "along"}
)
_PREPOSITIONS = _OF | frozenset(
    "to for against with by under over between among after before during about behind who which that including".split()
)
_FORMER = frozenset({"former", "ex", "onetime", "ousted", "deposed", "toppled", "overthrown", "erstwhile"})
# "Iran-backed", "Turkish-trained": the country named is not the actor's.
_SIDES = frozenset(
    "backed aligned linked allied sponsored funded financed trained occupied supported speaking style made born held "
    "controlled friendly brokered mediated armed bound facing".split()
)
_AGAINST = frozenset({"pro", "anti", "non"})
_GENERIC = frozenset(
    "leader official spokesman spokeswoman spokesperson commander chief member source supporter adviser advisor aide "
    "representative delegation envoy negotiator head chairman chairwoman chairperson candidate figure team side "
    "follower boss deputy counterpart veteran".split()
)
_TITLES = frozenset("mr mrs ms dr prof sir lord lady then late acting interim new".split())


@dataclass(frozen=True, slots=True)
class Part:
    """A known name or noun in a phrase.

    Attributes:
        entries: What it may stand for.
        kinds: The kinds among the entries, the likeliest first.
        start: Index of its first word.
        end: Index behind its last word.
    """

    entries: tuple[Entry, ...]
    kinds: tuple[str, ...]
    start: int
    end: int

    @property
    def length(self) -> int:
        """Number of words."""
        return self.end - self.start

    @property
    def role(self) -> str:
        """The role code of a head noun."""
        return next(entry.terms[0].code for entry in self.entries if entry.kind == "role")

    @property
    def generic(self) -> bool:
        """Whether the noun takes its role from what stands before it ("leader", "spokesman")."""
        entry = next(entry for entry in self.entries if entry.kind == "role")
        return entry.name in _GENERIC or entry.note.startswith("takes")


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """A noun phrase taken apart.

    Attributes:
        owners: Names before the head other than persons: countries, nationalities, organisations, groups.
        role: The head noun, or None.
        person: The person named, or None.
        tail: Names behind a preposition of place or belonging.
        preposition: That preposition, or "".
        former: Whether the phrase speaks of a former holder of an office.
        unknown_head: Whether the last word before a preposition is an unknown common noun.
        plural_owners: Whether "and" joins several owners.
        people: Whether a nationality stands as a plural noun ("Afghans").
        rootless: Whether the countries in play say nothing about it ("foreign fighters").
    """

    owners: tuple[Part, ...]
    role: Part | None
    person: Part | None
    tail: tuple[Part, ...]
    preposition: str
    former: bool
    unknown_head: bool
    plural_owners: bool
    people: bool
    rootless: bool


def read_noun_phrase(text: str, gazetteer: Gazetteer) -> NounPhrase:
    """A span's text taken apart by the names that the gazetteer knows."""
    words = words_of(text)
    parts = [_part(match) for match in gazetteer.matches(words)]
    parts = [part for part in parts if not _is_side(words, part)]
    cut = _cut(words, parts)
    main = [part for part in parts if part.end <= cut]
    tail = [part for part in parts if part.start > cut and part.kinds[0] not in ("role", "person")]
    preposition = words[cut].key if cut < len(words) else ""
    roles = [part for part in main if part.kinds[0] == "role"]
    person = _person(words, main)
    owners = tuple(part for part in main if part.kinds[0] not in ("role", "person"))
    last = words[cut - 1] if words else None
    return NounPhrase(
        owners=owners,
        role=_head(roles),
        person=person,
        tail=tuple(tail) if preposition in _OF else (),
        preposition=preposition,
        former=_is_former(words, parts),
        unknown_head=bool(last and main and main[-1].end < cut and last.raw[0].islower()),
        plural_owners=any(word.key in ("and", "or") for word in words[:cut]),
        people=bool(owners and last and _is_people(owners[-1], last, cut)),
        rootless=any(word.key in ("foreign", "international") for word in words),
    )


def _part(match: Match) -> Part:
    found = {entry.kind for entry in match.entries}
    return Part(match.entries, tuple(kind for kind in _KINDS if kind in found), match.start, match.end)


def _is_side(words: Sequence[Word], part: Part) -> bool:
    following = words[part.end] if part.end < len(words) else None
    before = words[part.start - 1] if part.start else None
    if following and following.joined and following.key in _SIDES:
        return True
    return bool(before and before.key in _AGAINST and words[part.start].joined)


def _cut(words: Sequence[Word], parts: Sequence[Part]) -> int:
    """Index of the first word that ends the core of the phrase: a preposition, or the word behind a comma."""
    inside = {index for part in parts for index in range(part.start, part.end)}
    for index, word in enumerate(words):
        if index and index not in inside and (word.key in _PREPOSITIONS or word.pause):
            return index
    return len(words)


def _head(roles: Sequence[Part]) -> Part | None:
    for part in reversed(roles):
        if not part.generic:
            return part
    return roles[-1] if roles else None


def _person(words: Sequence[Word], main: Sequence[Part]) -> Part | None:
    for part in reversed(main):
        if "person" not in part.kinds or (part.kinds[0] != "person" and part.length == 1):
            continue
        if part.length > 1 or not _inside_name(words, part, main):
            return part
    return None


def _inside_name(words: Sequence[Word], part: Part, main: Sequence[Part]) -> bool:
    """Whether a single surname belongs to a longer name that is unknown ("Sven Putin")."""
    known = {index for other in main for index in range(other.start, other.end)}
    for index in (part.start - 1, part.end):
        if 0 <= index < len(words) and index not in known and words[index].raw[0].isupper():
            return words[index].key not in _TITLES
    return False


def _is_former(words: Sequence[Word], parts: Sequence[Part]) -> bool:
    for index, word in enumerate(words):
        if word.key in _FORMER:
            following = next((part for part in parts if part.start == index + 1), None)
            past = following and any(entry.terms[0].end for entry in following.entries if entry.kind == "demonym")
            return not past
    return False


def _is_people(owner: Part, last: Word, cut: int) -> bool:
    return owner.end == cut and owner.kinds[0] == "demonym" and last.key.endswith("s")
