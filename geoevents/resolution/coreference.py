"""Which actors of a document are the same: short names, titles, pronouns, "the group", "the two sides".

The rules are conservative: an antecedent must agree in kind and number, must not take part in the same event on the
other side, and a pronoun's must stand in the same sentence or the one before. Where nothing fits, nothing is resolved.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from geoevents.events import Actor, Document, Event, Span
from geoevents.resolution.actors import ActorCode, ActorCoder
from geoevents.resolution.context import Context, InPlay
from geoevents.resolution.gazetteer import Gazetteer
from geoevents.resolution.mentions import PRONOUNS, Mention, find_mentions
from geoevents.resolution.nouns import noun_classes
from geoevents.resolution.phrases import phrase_words

# Codes of at most this confidence rest on the countries in play alone; an antecedent in the text says more.
WEAK = 0.5
# What an antecedent's code is worth, as a share of the antecedent's own confidence.
_TRUST = 0.8
# Share of the likeliest country's weight from which a second country leaves a bare noun open between the two.
_RIVAL = 0.6
# Sentences back to which a title finds its holder, and to which a second holder leaves it open who is meant.
_REACH_OF_TITLES, _RIVAL_TITLES = 30, 2
# Mentions to either side among which a fuller name is looked for, and mentions back to any antecedent: more than a
# document of usual density holds within the sentences that count, so that only endless lists of names notice.
_REACH_OF_NAMES, _REACH_OF_NOUNS = 30, 300
# Words of a short form of a name at most.
_LONGEST_NAME = 8
_AGREEING = {
    "he": frozenset(("person",)),
    "she": frozenset(("person",)),
    "it": frozenset(("body", "group")),
    "they": frozenset(("plural", "group", "body")),
}
# Definite nouns that stand for an actor named before, with the roles that the actor may have.
_BROAD = frozenset(("REB", "CRM", "OPP", "PTY", "NGO", "IGO", "RAD", "SEP", "CVL", "HRI", "MIL", "UAF", "INT"))
_STAND_INS = {
    **dict.fromkeys(("group", "movement", "organisation", "organization", "outfit", "faction", "network"), _BROAD),
    **dict.fromkeys(("militia", "militias", "paramilitaries"), frozenset(("REB", "MIL", "UAF"))),
    **dict.fromkeys(
        ("rebels", "fighters", "militants", "insurgents", "guerrillas", "gunmen"), frozenset(("REB", "CRM"))
    ),
    **dict.fromkeys(("gang", "gangs", "bandits", "cartel"), frozenset(("CRM",))),
    **dict.fromkeys(("party",), frozenset(("OPP", "PTY", "GOV"))),
    **dict.fromkeys(("company", "firm", "bank", "manufacturer", "maker"), frozenset(("BUS", "MNC"))),
    **dict.fromkeys(("bloc", "alliance", "body", "agency"), frozenset(("IGO",))),
    **dict.fromkeys(("union",), frozenset(("LAB",))),
    **dict.fromkeys(("charity",), frozenset(("NGO",))),
}
_APPOSITION = re.compile(
    r"(?:, who (?:leads|led|heads|headed|runs|commands|chairs) |, (?:the |an? |then[ -])|, (?=[A-Z][\w’']+['’]s))"
    r"(?:the )?([^,.;:()\n—–]{4,80})"
    r"(?=[,.;—–]| who| which|$)"
)
_APPOSITION_BEFORE = re.compile(r"(?:^|[,;.“”\"] )(?:[Tt]he |[Aa]n? )([^,.;:()\n—–]{4,80}), $")
_HEAD_BEFORE = re.compile(
    r"\b((?:\w+ )?\w+) of (?:the )?(?:\w+(?: \w+)?(?:, (?:the )?\w+(?: \w+)?)*,? and (?:the )?)?$"
)
_NAME_BEHIND = re.compile(r" (of|from) (?:the )?(?=[A-Z])")
_JOINED = re.compile(r"(?:,| and| or) (?:the )?[A-Z]")
_IN_BRACKETS = re.compile(r" \(([^()\n]{2,40})\)")
_OWNER = re.compile(r"\b(its|his|her|their)(?: own)?(?: \w+)? $", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a mention stands for.

    Attributes:
        code: Its code; None where nothing is known.
        antecedent: The span that gave the code, where the mention's own words did not.
    """

    code: ActorCode | None
    antecedent: Span | None = None


NOBODY = (Resolved(None),)


class ActorsInText:
    """The actors of one document and what they stand for, found from left to right.

    Args:
        document: The document with its events.
        context: Its words and countries.
        coder: Codes spans.
        gazetteer: The names that the coder knows.
        coreference: Whether actors may be resolved by others; without it each is coded by its own words.
    """

    def __init__(
        self, document: Document, context: Context, coder: ActorCoder, gazetteer: Gazetteer, *, coreference: bool
    ) -> None:
        self._document = document
        self._context = context
        self._coder = coder
        self._gazetteer = gazetteer
        self._coreference = coreference
        self._mentions = find_mentions(document, context, gazetteer)
        self._starts = [mention.span.start for mention in self._mentions]
        self._by_ends = {(mention.span.start, mention.span.end): mention for mention in self._mentions}
        self._fuller_names = _fuller_names(self._mentions)
        self._triggers = sorted(document.events, key=lambda event: event.trigger.start)
        self._trigger_starts = [event.trigger.start for event in self._triggers]
        self._opposed = _opposed(document.events)
        self._places = frozenset(place.start for event in document.events for place in event.places)
        self._scenes = _scenes(document.events)
        self._visits = _visits(document.events)
        self._visited = frozenset(a.start for event in document.events if event.code == "042" for a in event.targets)
        self._known: dict[Span, tuple[Resolved, ...]] = {}
        self._genders: dict[Span, str] = {}

    def resolve(self) -> dict[tuple[int, int], tuple[Resolved, ...]]:
        """What the events' actors stand for, by start and end; "both" stands for two."""
        for mention in self._mentions:
            if mention.of_event:
                self._of(mention)
        return {(m.span.start, m.span.end): self._known[m.span] for m in self._mentions if m.of_event}

    def _of(self, mention: Mention) -> tuple[Resolved, ...]:
        """What a mention stands for; found once."""
        if mention.span not in self._known:
            self._known[mention.span] = NOBODY  # ends circles
            self._known[mention.span] = self._find(mention)
        return self._known[mention.span]

    def _code(self, mention: Mention) -> ActorCode | None:
        resolved = self._of(mention)
        return resolved[0].code if len(resolved) == 1 else None

    def _find(self, mention: Mention) -> tuple[Resolved, ...]:
        if not self._coreference:
            own = None if mention.kind in ("pronoun", "pair") else self._by_words(mention)
            return (Resolved(own),)
        if mention.kind == "pronoun":
            return (self._by_pronoun(mention),)
        if mention.kind == "pair":
            return self._by_pair(mention)
        own = self._by_words(mention)
        if mention.of_event and (joint := self._by_head_before(mention, own)):
            return (joint,)
        rules: tuple[Callable[[Mention, ActorCode | None], Resolved | None], ...] = (
            self._by_name_behind,
            self._by_full_name,
            self._by_title,
            self._by_apposition,
            self._by_owner,
            self._by_stand_in,
            self._by_country,
        )
        for rule in rules:
            if mention.of_event and (found := rule(mention, own)):
                return (found,)
        return (Resolved(own),)

    def _by_words(self, mention: Mention, *, owner: str | None = None) -> ActorCode | None:
        in_play = InPlay(partial(self._weights, mention, owner=owner))
        code = self._by_own_words(mention, in_play)
        weak = code is not None and code.country is not None and code.confidence <= WEAK
        return None if weak and self._is_open(mention, in_play, owned=owner is not None) else code

    def _by_own_words(self, mention: Mention, in_play: InPlay) -> ActorCode | None:
        return self._coder.code(
            mention.span.text,
            date=self._document.date,
            context_countries=in_play,
            as_place=mention.span.start in self._places or mention.span.start in self._visited,
        )

    def _weights(self, mention: Mention, *, owner: str | None = None) -> Mapping[str, float]:
        """The countries in play; a visitor comes from another than the one that he visits, if there is one."""
        weights = self._context.weights(mention.span.start, places=self._places)
        visited = {self._context.country_at(start) for start in self._visits.get(_ends(mention.span), ())}
        if visited:
            weights = {country: weight for country, weight in weights.items() if country not in visited} or weights
        return {**weights, owner: 2 / _RIVAL} if owner else weights

    def _is_open(self, mention: Mention, in_play: InPlay, *, owned: bool) -> bool:
        """Whether the countries in play leave it open which of them a bare noun belongs to."""
        likeliest = [in_play.weights[country] for country in in_play[:2]]
        if len(likeliest) == 2 and likeliest[1] > _RIVAL * likeliest[0]:
            return True
        keys = _keys(mention.span.text)
        if owned or mention.named or keys[0] in PRONOUNS:
            return False
        if not noun_classes()["abroad"].isdisjoint(keys):
            return True
        scene = {self._context.country_at(start) for start in self._scenes.get(_ends(mention.span), ())}
        if len(likeliest) < 2 or in_play[0] in scene:
            return False
        return in_play[0] in self._countries_opposed(mention)

    def _countries_opposed(self, mention: Mention) -> set[str | None]:
        """The countries of the other sides of a mention's events by their own words."""
        others = [self._by_ends[_ends(span)] for span in self._opponents(mention)]
        codes = [self._by_own_words(other, InPlay(partial(self._weights, other))) for other in others]
        return {code.country for code in codes if code}

    # Names

    def _by_full_name(self, mention: Mention, own: ActorCode | None) -> Resolved | None:
        """ "Raisi" beside "Ebrahim Raisi"; "RSF" behind "Rapid Support Forces (RSF)"."""
        text = mention.span.text
        if (not mention.named and mention.kind != "name") or not text[0].isupper():
            return None
        for other in self._fuller(mention):
            code = self._code(other)
            if code and (own is None or own.confidence <= WEAK or code.name != own.name):
                return self._from(other, code)
        return None

    def _fuller(self, mention: Mention) -> Iterator[Mention]:
        """The mentions of a fuller name: the nearest before first, then those behind; or what it abbreviates."""
        text, span = mention.span.text, mention.span
        if len(text) > 1 and text.isupper() and text in self._spelt_out:
            yield self._spelt_out[text]
        fuller = self._fuller_names.get(_keys(text), [])
        here = bisect_left(fuller, span.start, key=lambda other: other.span.start)
        yield from reversed(fuller[max(here - _REACH_OF_NAMES, 0) : here])
        yield from (other for other in fuller[here : here + _REACH_OF_NAMES] if other.span.start >= span.end)

    @cached_property
    def _spelt_out(self) -> dict[str, Mention]:
        """The mentions behind which an abbreviation stands in brackets, by the abbreviation where it stands first."""
        ends = {mention.span.end: mention for mention in self._mentions}
        first: dict[str, int] = {}
        for match in _IN_BRACKETS.finditer(self._document.text):
            first.setdefault(match[1], match.start())
        return {text: ends[start] for text, start in first.items() if start in ends}

    def _by_title(self, mention: Mention, own: ActorCode | None) -> Resolved | None:
        """ "The president" beside one president; "Iranian president" beside "Raisi"."""
        if mention.kind != "person" or mention.named or not mention.nouns:
            return None
        title = mention.nouns[-1]
        country = own.country if own and own.confidence > WEAK else None
        found: dict[str | None, Resolved] = {}
        for other in self._before(mention, sentences=_REACH_OF_TITLES):
            code = self._code(other) if other.kind == "person" and other.named else None
            if not code or (country and code.country != country) or not self._holds(other, code, title):
                continue
            if found and mention.sentence - other.sentence > _RIVAL_TITLES:
                break
            code = code if own is None or country is None else replace(own, name=code.name)
            found.setdefault(code.country, self._from(other, code))
        if len(found) > 1:
            return NOBODY[0]
        return next(iter(found.values()), None)

    def _holds(self, person: Mention, code: ActorCode, title: str) -> bool:
        """Whether a person is mentioned with a title, or holds the office at the document's date."""
        if title in person.nouns:
            return True
        date = self._document.date
        for entry in self._gazetteer.lookup(code.name or ""):
            if any(term.office == title and (not date or term.covers(date)) for term in entry.terms):
                return True
        return False

    def _by_apposition(self, mention: Mention, own: ActorCode | None) -> Resolved | None:
        """An unknown name by the words beside it: "Ilir Dushku, the mayor of Vlorë,"."""
        if (own and own.confidence > WEAK) or not mention.named:
            return None
        text, span = self._document.text, mention.span
        behind = _APPOSITION.match(text, span.end)
        before = _APPOSITION_BEFORE.search(text, max(0, span.start - 90), span.start)
        for match in (before, behind):
            if match:
                found = Span(match[1], match.start(1), match.end(1))
                countries = InPlay(partial(self._context.weights, found.start))
                code = self._coder.code(found.text, date=self._document.date, context_countries=countries)
                if code and code.roles:
                    return Resolved(replace(code, confidence=round(code.confidence * _TRUST, 2)), found)
        return None

    def _by_head_before(self, mention: Mention, own: ActorCode | None) -> Resolved | None:
        """ "Iran" in "the presidents of Iran and Russia": its president."""
        if own is None or own.roles or own.country is None:
            return None
        match = _HEAD_BEFORE.search(self._document.text, max(0, mention.span.start - 80), mention.span.start)
        noun = match[1] if match else ""
        for phrase in (noun, noun.split()[-1] if noun else ""):
            if any(entry.kind == "role" for entry in self._gazetteer.lookup(phrase)):
                code = self._coder.code(f"{phrase} of {mention.span.text}", date=self._document.date)
                return Resolved(code) if code and code.country == own.country else None
        return None

    # Nouns

    def _by_name_behind(self, mention: Mention, own: ActorCode | None) -> Resolved | None:
        """ "Members" in "members of the Wagner Group": what the model leaves outside of the span."""
        text, end = self._document.text, mention.span.end
        link = _NAME_BEHIND.match(text, end)
        if not link or mention.named or (own and own.confidence > WEAK) or (link[1] == "from" and not mention.subject):
            return None
        index = bisect_left(self._starts, link.end())
        other = self._mentions[index] if index < len(self._mentions) else None
        if other is None or other.span.start != link.end() or _JOINED.match(text, other.span.end):
            return None
        phrase, in_play = text[mention.span.start : other.span.end], InPlay(partial(self._weights, mention))
        code = self._coder.code(phrase, date=self._document.date, context_countries=in_play)
        return Resolved(code, other.span) if code and code.confidence > WEAK else None

    def _by_owner(self, mention: Mention, own: ActorCode | None) -> Resolved | None:
        """ "Its leaders", "their army": by what the possessive stands for."""
        match = _OWNER.search(self._document.text, max(0, mention.span.start - 24), mention.span.start)
        if not match or mention.named or (own and own.confidence > WEAK):
            return None
        pronoun = self._pronoun(match[1], match.start(1))
        owner = self._antecedent(pronoun)
        code = self._code(owner) if owner else None
        if not owner or not code:
            return None
        keys = _keys(mention.span.text)
        if keys and keys[-1] in noun_classes()["foreign"]:
            return NOBODY[0] if own and own.country == code.country else None
        if keys and keys[-1] in noun_classes()["member"] and code.roles and code.roles[0] != "GOV":
            return self._from(owner, replace(code, name=None))
        if code.country:
            found = self._by_words(mention, owner=code.country)
            return Resolved(found) if found else None
        return None

    def _pronoun(self, text: str, start: int) -> Mention:
        span = Span(text, start, start + len(text))
        sentence = self._context.sentence_of(start)
        gender = PRONOUNS[text.lower()]
        return Mention(span, sentence, "pronoun", gender, False, False, False, ())

    def _by_stand_in(self, mention: Mention, own: ActorCode | None) -> Resolved | None:
        """ "The group", "the rebels", "the company": the nearest actor before that may be one."""
        keys = _keys(mention.span.text)
        roles = _STAND_INS.get(keys[0]) if len(keys) == 1 else None
        if roles is None or (own and own.confidence > WEAK):
            return None
        before = self._document.text[max(0, mention.span.start - 6) : mention.span.start].lower()
        if not re.search(r"\b(?:the|this|that) $", before):
            return None
        for other in self._before(mention, sentences=3):
            code = self._code(other) if other.kind in ("group", "body", "plural") else None
            if code and roles.intersection(code.roles or ()) and other.span not in self._opponents(mention):
                return self._from(other, code)
        return None

    def _by_country(self, mention: Mention, own: ActorCode | None) -> Resolved | None:
        """ "The country": the nearest before that the other side of the event does not belong to."""
        if mention.span.text.lower() not in ("country", "nation") or own is not None:
            return None
        opponents = self._opponents(mention)
        others = [self._by_ends[span.start, span.end] for span in opponents]
        foreign = {code.country for other in others if (code := self._code(other))}
        for other in self._before(mention, sentences=1):
            code = None if other.span in opponents else self._code(other)
            if code and code.country and code.country not in foreign:
                return self._from(other, replace(code, code=code.country, roles=(), name=None))
        return None

    # Pronouns and pairs

    def _by_pronoun(self, mention: Mention) -> Resolved:
        antecedent = self._antecedent(mention)
        code = self._code(antecedent) if antecedent else None
        if antecedent is None or code is None:
            return NOBODY[0]
        return self._from(antecedent, code)

    def _antecedent(self, pronoun: Mention) -> Mention | None:
        """The mention that a pronoun stands for, or None."""
        fits = [other for other in self._before(pronoun, sentences=1) if self._agrees(pronoun, other)]
        if pronoun.gender == "they":
            fits = [other for other in fits if other.kind != "body"] or fits
        same = [other for other in fits if other.kind == "pronoun"]
        if same:
            return same[0]
        here = [other for other in fits if other.sentence == pronoun.sentence]
        last = [other for other in fits if other.sentence != pronoun.sentence]
        for group in (here, last):
            subjects = [other for other in group if other.subject]
            chosen = (subjects or group) if pronoun.subject else group
            if chosen:
                self._genders[chosen[0].span] = pronoun.gender
                return chosen[0]
        return None

    def _agrees(self, pronoun: Mention, other: Mention) -> bool:
        if other.span in self._opponents(pronoun) or other.kind == "pronoun":
            return (
                other.kind == "pronoun"
                and other.gender == pronoun.gender
                and other.span not in self._opponents(pronoun)
            )
        if other.kind not in _AGREEING[pronoun.gender]:
            return False
        if pronoun.gender in ("he", "she"):
            known = self._genders.get(other.span) or other.gender
            return not known or known == pronoun.gender
        return (other.of_event and other.kind == "plural") or self._code(other) is not None

    def _by_pair(self, mention: Mention) -> tuple[Resolved, ...]:
        """ "The two", "both sides": the two actors in play, where there are just two."""
        noun = mention.span.text.split()[-1].lower()
        for event in self._events_before(mention):
            sides = [self._mention_of(actor) for actor in (*event.sources, *event.targets)]
            found: dict[str, Resolved] = {}
            for other in sides:
                code = self._code(other) if other and other.span != mention.span else None
                if other and code:
                    found.setdefault(code.country or code.code, self._from(other, _as_party(code, noun)))
            if len(found) == 2:
                return tuple(found.values())
        return NOBODY

    def _events_before(self, mention: Mention) -> list[Event]:
        """Events of the same sentence and the two before whose trigger stands before, the nearest first."""
        first = self._context.sentence_start(max(mention.sentence - 2, 0))
        start, end = (bisect_left(self._trigger_starts, offset) for offset in (first, mention.span.start))
        return self._triggers[start:end][::-1]

    def _mention_of(self, actor: Actor) -> Mention | None:
        return self._by_ends.get((actor.start, actor.end))

    # The mentions around

    def _before(self, mention: Mention, *, sentences: int) -> Iterator[Mention]:
        """The mentions before one in its own and so many earlier sentences, the nearest first."""
        end = bisect_left(self._starts, mention.span.start)
        for other in reversed(self._mentions[max(end - _REACH_OF_NOUNS, 0) : end]):
            if mention.sentence - other.sentence > sentences:
                return
            if other.span.end <= mention.span.start:
                yield other

    def _opponents(self, mention: Mention) -> frozenset[Span]:
        return self._opposed.get(mention.span, frozenset())

    def _from(self, other: Mention, code: ActorCode) -> Resolved:
        """An antecedent's code; where the antecedent itself was resolved, its own antecedent is named."""
        origin = self._of(other)[0].antecedent or other.span
        return Resolved(replace(code, confidence=round(code.confidence * _TRUST, 2)), origin)


def _keys(text: str) -> tuple[str, ...]:
    return tuple(word.key for word in phrase_words(text))


def _fuller_names(mentions: Sequence[Mention]) -> dict[tuple[str, ...], list[Mention]]:
    """The mentions of persons by each shorter form of their names, its last words."""
    found: dict[tuple[str, ...], list[Mention]] = {}
    for mention in mentions:
        if mention.kind == "person" and mention.named:
            keys = _keys(mention.span.text)
            for length in range(1, min(len(keys), _LONGEST_NAME)):
                found.setdefault(keys[-length:], []).append(mention)
    return found


def _as_party(code: ActorCode, noun: str) -> ActorCode:
    """A party of a pair as the pair's noun sees it: countries as such, governments as such."""
    if code.country and noun in ("countries", "nations", "states", "neighbours", "neighbors"):
        return replace(code, code=code.country, roles=(), name=None)
    if code.country and noun in ("governments", "capitals"):
        return replace(code, code=code.country + "GOV", roles=("GOV",), name=None)
    return code


def _opposed(events: Sequence[Event]) -> dict[Span, frozenset[Span]]:
    """For each actor the actors on the other side of an event: they are never the same."""
    opposed: dict[Span, set[Span]] = {}
    for event in events:
        for source in event.sources:
            for target in event.targets:
                one, other = (Span(actor.text, actor.start, actor.end) for actor in (source, target))
                opposed.setdefault(one, set()).add(other)
                opposed.setdefault(other, set()).add(one)
    return {span: frozenset(others) for span, others in opposed.items()}


def _ends(span: Span) -> tuple[int, int]:
    return span.start, span.end


def _scenes(events: Sequence[Event]) -> dict[tuple[int, int], list[int]]:
    """Where the places of each actor's events stand, by the actor's start and end."""
    scenes: dict[tuple[int, int], list[int]] = {}
    for event in events:
        for actor in (*event.sources, *event.targets):
            scenes.setdefault(_ends(actor), []).extend(place.start for place in event.places)
    return scenes


def _visits(events: Sequence[Event]) -> dict[tuple[int, int], list[int]]:
    """Where the words for what each visitor visits stand, by the visitor's start and end."""
    visits: dict[tuple[int, int], list[int]] = {}
    for event in events:
        for actor in event.sources if event.code == "042" else ():
            visits.setdefault(_ends(actor), []).extend(span.start for span in (*event.targets, *event.places))
    return visits
