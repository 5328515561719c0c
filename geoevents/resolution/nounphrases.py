"""An actor's noun phrase taken apart: owners, head noun, person, and what follows a preposition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geoevents.resolution.gazetteer import Entry, Gazetteer, Match
from geoevents.resolution.phrases import phrase_words

# The order in which the kinds of one name are tried.
_KINDS = (
    "user",
    "country",
    "demonym",
    "body",
    "organisation",
    "capital",
    "seat",
    "group",
    "region",
    "city",
    "role",
    "person",
)
# Kinds whose single words are often parts of names of persons and firms ("Amal Bensouda", "Gao Zhengyi").
_FRAGILE = frozenset({"city", "group", "organisation", "person", "seat", "capital"})


@dataclass(frozen=True, slots=True)
class Part:
    """A known name or noun in a phrase.

    Attributes:
        entries: What it may stand for.
        kinds: The kinds among the entries, the likeliest first.
        start: Index of its first word.
        end: Index behind its last word.
        full: Whether it holds at least two words that are names, not particles: a full name of a person.
        generic: Whether it is a noun that takes its role from what stands before it ("leader", "spokesman").
        possessive: Whether a possessive ending follows it.
    """

    entries: tuple[Entry, ...]
    kinds: tuple[str, ...]
    start: int
    end: int
    full: bool
    generic: bool
    possessive: bool

    @property
    def kind(self) -> str:
        """The likeliest kind."""
        return self.kinds[0]

    @property
    def noun(self) -> Entry:
        """The entry of a noun for a role.

        Raises:
            StopIteration: The part is no such noun.
        """
        return next(entry for entry in self.entries if entry.kind == "role")


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """A noun phrase taken apart.

    Attributes:
        text: The phrase.
        owners: Names before the head: countries, nationalities, organisations, groups, persons ("Putin's envoy").
        nouns: Nouns for roles in the core of the phrase, in order.
        person: The person named, or None.
        tail: Names behind a preposition of place or belonging.
        tail_nouns: Nouns for roles behind that preposition.
        preposition: The preposition that ends the core, or "".
        former: Whether the phrase speaks of a former holder of an office.
        joint: Whether it joins actors with "and" or "or".
        mixed: Whether it is of two nations at once ("Franco-German").
        loose_end: Whether the core ends in a common noun that the gazetteer does not know.
        loose_name: Whether it holds a capitalised word that the gazetteer does not know.
        people: Whether a nationality stands as a plural noun ("Afghans").
        alien: Whether the countries in play say nothing about it ("foreign fighters", "Syldavia's king").
    """

    text: str
    owners: tuple[Part, ...]
    nouns: tuple[Part, ...]
    person: Part | None
    tail: tuple[Part, ...]
    tail_nouns: tuple[Part, ...]
    preposition: str
    former: bool
    joint: bool
    mixed: bool
    loose_end: bool
    loose_name: bool
    people: bool
    alien: bool

    @property
    def head(self) -> Part | None:
        """The noun that gives the role: the last that is not generic, else the last."""
        specific = next((noun for noun in reversed(self.nouns) if not noun.generic), None)
        if specific and _code(specific) == "GOV" and _code(self.nouns[-1]) == "MIL":
            return self.nouns[-1]  # "regime forces"
        if specific is None and self.nouns and self.preposition == "of" and self.tail_nouns:
            return next((noun for noun in reversed(self.tail_nouns) if not noun.generic), self.nouns[-1])
        return specific or (self.nouns[-1] if self.nouns else None)


def _code(noun: Part) -> str:
    return noun.noun.terms[0].code


def read_noun_phrase(text: str, gazetteer: Gazetteer) -> NounPhrase:
    """A span's text taken apart by the names that the gazetteer knows."""
    return _Reader(text, gazetteer).read()


class _Reader:
    """The words of one phrase, the parts that are known, and the index at which its core ends."""

    def __init__(self, text: str, gazetteer: Gazetteer) -> None:
        self.text = text
        self.classes = gazetteer.words
        self.words = phrase_words(text)
        parts = [self._part(match) for match in gazetteer.phrase_matches(text)]
        self.known = {index: part for part in parts for index in range(part.start, part.end)}
        self.parts = [part for part in parts if not self._is_aside(part) and not self._is_inside_name(part)]
        self.core = self._core()

    def read(self) -> NounPhrase:
        core = [part for part in self.parts if part.end <= self.core]
        nouns = [part for part in core if "role" in part.kinds and part.kind != "person"]
        person = self._person(core)
        owners = [part for part in core if part.kind not in ("role", "person")]
        if person and nouns and person.end <= nouns[-1].start:
            owners, person = sorted([*owners, person], key=lambda part: part.start), None
        preposition = self.words[self.core].key if self.core < len(self.words) else ""
        belongs = preposition in self.classes["belonging"]
        behind = [part for part in self.parts if belongs and part.start > self.core]
        return NounPhrase(
            text=self.text,
            owners=tuple(owners),
            nouns=tuple(nouns),
            person=person,
            tail=tuple(part for part in behind if part.kind not in ("role", "person")),
            tail_nouns=tuple(part for part in behind if part.kind == "role"),
            preposition=preposition,
            former=self._is_former(),
            joint=any(self._is(index, "coordination") for index in range(len(self.words))),
            mixed=any(self._is_half(index) for index in range(len(self.words))),
            loose_end=self._loose(self.core - 1, upper=False),
            loose_name=any(self._loose(index, upper=True) for index in range(self.core)),
            people=self._is_people(core),
            alien=any(self._is(index, "alien") or self._is_unknown_owner(index) for index in range(self.core)),
        )

    def _part(self, match: Match) -> Part:
        found = {entry.kind for entry in match.entries}
        kinds = tuple(kind for kind in _KINDS if kind in found)
        names = [word for word in self.words[match.start : match.end] if word.key not in self.classes["particle"]]
        noun = next((entry for entry in match.entries if entry.kind == "role"), None)
        generic = bool(noun and (noun.name in self.classes["generic"] or noun.note.startswith("takes")))
        possessive = self.words[match.end - 1].possessive
        return Part(match.entries, kinds, match.start, match.end, len(names) > 1, generic, possessive)

    def _is(self, index: int, kind: str) -> bool:
        """Whether a word outside the known names is of a class."""
        return 0 <= index < len(self.words) and index not in self.known and self.words[index].key in self.classes[kind]

    def _loose(self, index: int, *, upper: bool) -> bool:
        """Whether a word is unknown, with or without a capital letter."""
        if not 0 <= index < len(self.words) or index in self.known:
            return False
        word = self.words[index]
        idle = word.key in self.classes["title"] or word.key in self.classes["former"]
        return not idle and word.raw[0].isupper() == upper

    def _is_unknown_owner(self, index: int) -> bool:
        """Whether a word is the name of an unknown owner: "Syldavia's prime minister"."""
        if not self.words[index].possessive or not self._loose(index, upper=True):
            return False
        return not self._loose(index + 1, upper=True)  # the whole is a name: "Peoples' Equality bloc"

    def _is_aside(self, part: Part) -> bool:
        """Whether a name belongs to somebody else than the actor: "Iran-backed", "pro-Russian"."""
        behind, before = part.end, part.start - 1
        if behind < len(self.words) and self.words[behind].joined and self.words[behind].key in self.classes["side"]:
            return True
        return before >= 0 and self.words[part.start].joined and self.words[before].key in self.classes["stance"]

    def _is_inside_name(self, part: Part) -> bool:
        """Whether a word belongs to a longer unknown name: "Dang Quoc Thai", "Gao Zhengyi"."""
        if part.full or part.kind == "role" or part.end - part.start > 1:
            return False
        if self._continues_name(part):
            return True
        fragile = part.kind in _FRAGILE - {"person"} and not part.possessive and not self._is_acronym(part.start)
        return fragile and self._names_person(part.end) and not self.words[part.end].pause

    def _continues_name(self, part: Part) -> bool:
        word, before = self.words[part.start], part.start - 1
        if before < 0 or word.pause or self.words[before].possessive or not word.raw[0].isupper():
            return False
        if word.joined and part.kind in ("country", "demonym"):
            return False  # "Afro-Mauritanian"
        return self._loose(before, upper=True)

    def _is_acronym(self, index: int) -> bool:
        return self.words[index].raw.isupper()

    def _core(self) -> int:
        for index, word in enumerate(self.words):
            ends = self._is(index, "belonging") or self._is(index, "preposition") or word.pause
            if index and (index not in self.known or self.known[index].start == index) and ends:
                return index
        return len(self.words)

    def _person(self, core: Sequence[Part]) -> Part | None:
        persons = [part for part in core if "person" in part.kinds and (part.kind == "person" or part.full)]
        for part in sorted(persons, key=lambda part: not part.full):
            if part.full or self._stands_alone(part):
                return part
        return None

    def _stands_alone(self, part: Part) -> bool:
        """Whether a surname is a whole name: no day of the week, no other name beside it."""
        if self.words[part.start].key in self.classes["calendar"]:
            return False
        return not (self._names_person(part.start - 1) or self._names_person(part.end))

    def _names_person(self, index: int) -> bool:
        part = self.known.get(index)
        return self._loose(index, upper=True) or bool(part and part.kind in _FRAGILE and not part.full)

    def _is_former(self) -> bool:
        for index in range(len(self.words)):
            if self._is(index, "former"):
                following = self.known.get(index + 1)
                # "former Soviet …", "former Yugoslav …": the state is gone, not the office.
                return not (
                    following and following.kind in ("country", "demonym") and following.entries[0].terms[0].end
                )
        return False

    def _is_half(self, index: int) -> bool:
        joined = index + 1 < len(self.words) and self.words[index + 1].joined
        return joined and self.words[index].key in self.classes["half"]

    def _is_people(self, core: Sequence[Part]) -> bool:
        if not core or core[-1].kind != "demonym" or core[-1].end != self.core:
            return False
        last = self.words[self.core - 1].key
        return last.endswith(("s", "men")) and not last.endswith("ss")
