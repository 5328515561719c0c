"""An actor's noun phrase taken apart: owners, head noun, person, and what follows a preposition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geoevents.resolution.gazetteer import Entry, Gazetteer, Match
from geoevents.resolution.phrases import Word, words_of

# The order in which the kinds of one name are tried.
_KINDS = ("country", "demonym", "capital", "seat", "body", "organisation", "group", "region", "city", "role", "person")


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
    """

    entries: tuple[Entry, ...]
    kinds: tuple[str, ...]
    start: int
    end: int
    full: bool
    generic: bool

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
        owners: Names before the head other than persons: countries, nationalities, organisations, groups.
        nouns: Nouns for roles in the core of the phrase, in order.
        person: The person named, or None.
        tail: Names behind a preposition of place or belonging.
        preposition: The preposition that ends the core, or "".
        former: Whether the phrase speaks of a former holder of an office.
        joint: Whether it names several actors at once ("Iran and Russia", "Franco-German").
        loose_end: Whether the core ends in a common noun that the gazetteer does not know.
        loose_name: Whether it holds a capitalised word that the gazetteer does not know.
        people: Whether a nationality stands as a plural noun ("Afghans").
        alien: Whether the countries in play say nothing about it ("foreign fighters").
    """

    text: str
    owners: tuple[Part, ...]
    nouns: tuple[Part, ...]
    person: Part | None
    tail: tuple[Part, ...]
    preposition: str
    former: bool
    joint: bool
    loose_end: bool
    loose_name: bool
    people: bool
    alien: bool

    @property
    def head(self) -> Part | None:
        """The noun that gives the role: the last that is not generic, else the last."""
        return next((noun for noun in reversed(self.nouns) if not noun.generic), self.nouns[-1] if self.nouns else None)


def read_noun_phrase(text: str, gazetteer: Gazetteer) -> NounPhrase:
    """A span's text taken apart by the names that the gazetteer knows."""
    return _Reader(text, gazetteer).read()


class _Reader:
    """The words of one phrase, the parts that are known, and the index at which its core ends."""

    def __init__(self, text: str, gazetteer: Gazetteer) -> None:
        self.text = text
        self.classes = gazetteer.words
        self.words = words_of(text)
        parts = [self._part(match) for match in gazetteer.matches(self.words)]
        self.parts = [part for part in parts if not self._is_aside(part)]
        self.known = {index for part in parts for index in range(part.start, part.end)}
        self.core = self._core()

    def read(self) -> NounPhrase:
        core = [part for part in self.parts if part.end <= self.core]
        preposition = self.words[self.core].key if self.core < len(self.words) else ""
        tail = [part for part in self.parts if part.start > self.core and part.kind not in ("role", "person")]
        return NounPhrase(
            text=self.text,
            owners=tuple(part for part in core if part.kind not in ("role", "person")),
            nouns=tuple(part for part in core if part.kind == "role"),
            person=self._person(core),
            tail=tuple(tail) if preposition in self.classes["belonging"] else (),
            preposition=preposition,
            former=self._is_former(),
            joint=any(self._is(index, "coordination") or self._is_half(index) for index in range(len(self.words))),
            loose_end=self._loose(self.core - 1, upper=False),
            loose_name=any(self._loose(index, upper=True) for index in range(self.core)),
            people=self._is_people(core),
            alien=any(self._is(index, "alien") for index in range(self.core)),
        )

    def _part(self, match: Match) -> Part:
        found = {entry.kind for entry in match.entries}
        kinds = tuple(kind for kind in _KINDS if kind in found)
        names = [word for word in self.words[match.start : match.end] if word.key not in self.classes["particle"]]
        noun = next((entry for entry in match.entries if entry.kind == "role"), None)
        generic = bool(noun and (noun.name in self.classes["generic"] or noun.note.startswith("takes")))
        return Part(match.entries, kinds, match.start, match.end, len(names) > 1, generic)

    def _is(self, index: int, kind: str) -> bool:
        """Whether a word outside the known names is of a class."""
        return 0 <= index < len(self.words) and index not in self.known and self.words[index].key in self.classes[kind]

    def _is_aside(self, part: Part) -> bool:
        """Whether a name belongs to somebody else than the actor: "Iran-backed", "pro-Russian"."""
        behind, before = part.end, part.start - 1
        if behind < len(self.words) and self.words[behind].joined and self.words[behind].key in self.classes["side"]:
            return True
        return before >= 0 and self.words[part.start].joined and self.words[before].key in self.classes["stance"]

    def _core(self) -> int:
        for index, word in enumerate(self.words):
            ends = self._is(index, "belonging") or self._is(index, "preposition") or word.pause
            if index and index not in self.known and ends:
                return index
        return len(self.words)

    def _loose(self, index: int, *, upper: bool) -> bool:
        """Whether a word is unknown, with or without a capital letter."""
        if not 0 <= index < len(self.words) or index in self.known or self._is(index, "title"):
            return False
        return self.words[index].raw[0].isupper() == upper

    def _person(self, core: Sequence[Part]) -> Part | None:
        persons = [part for part in core if "person" in part.kinds and (part.kind == "person" or part.full)]
        for part in sorted(persons, key=lambda part: not part.full):
            if self._stands_alone(part):
                return part
        return None

    def _stands_alone(self, part: Part) -> bool:
        """Whether a name is whole: no unknown capitalised word beside a mere surname, no day of the week."""
        if part.full:
            return True
        if self.words[part.start].key in self.classes["calendar"]:
            return False
        return not (self._loose(part.start - 1, upper=True) or self._loose(part.end, upper=True))

    def _is_former(self) -> bool:
        for index in range(len(self.words)):
            if self._is(index, "former"):
                following = next((part for part in self.parts if part.start == index + 1), None)
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
        last = self.words[self.core - 1]
        return last.key.endswith(("s", "men")) and not last.key.endswith("ss")
