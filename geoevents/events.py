"""The result types: documents, their events, and the spans that the events are made of.

All types are frozen. Every offset counts characters of `Document.text` as the user gave it, so that
`document.text[span.start:span.end] == span.text` always holds. `to_dict()` gives plain JSON types with the
same keys for every object of a type; `from_dict()` is its inverse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, TypeVar

Status = Literal["asserted", "negated", "hypothetical"]
Role = Literal["source", "target", "place", "time"]

STATUSES: tuple[Status, ...] = ("asserted", "negated", "hypothetical")
ROLES: tuple[Role, ...] = ("source", "target", "place", "time")

SpanT = TypeVar("SpanT", bound="Span")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a document's text.

    Attributes:
        text: The text as it stands in the document.
        start: Offset of the first character.
        end: Offset behind the last character.
    """

    text: str
    start: int
    end: int

    def __str__(self) -> str:
        return self.text

    def overlaps(self, other: Span) -> bool:
        """Whether the two spans share at least one character."""
        return self.start < other.end and other.start < self.end

    def to_dict(self) -> dict[str, Any]:
        """The span as plain JSON types."""
        return _json_object(self)

    @classmethod
    def from_dict(cls: type[SpanT], data: Mapping[str, Any]) -> SpanT:
        """The inverse of `to_dict()`; unknown keys are ignored, missing optional ones take their defaults."""
        return cls(**{field.name: data[field.name] for field in fields(cls) if field.name in data})


@dataclass(frozen=True, slots=True)
class Actor(Span):
    """Who does an act, or to whom it is done.

    Attributes:
        code: CAMEO actor code such as "IRNGOV", or None where the actor is unknown.
        country: ISO 3166 alpha-3 code of the actor's country, or None.
        roles: CAMEO role codes in the order of the actor code, such as ("GOV",) or ("REB", "MOS").
        name: Canonical name ("Ebrahim Raisi", "Russia"), or None.
        confidence: Confidence of the actor coding, 0 to 1; None where there is no code.
        resolved_from: The antecedent that gave code and name, where coreference found them; else None.
    """

    code: str | None = None
    country: str | None = None
    roles: tuple[str, ...] = ()
    name: str | None = None
    confidence: float | None = None
    resolved_from: Span | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Actor:
        """The inverse of `to_dict()`."""
        antecedent = data.get("resolved_from")
        return cls(
            text=data["text"],
            start=data["start"],
            end=data["end"],
            code=data.get("code"),
            country=data.get("country"),
            roles=tuple(data.get("roles") or ()),
            name=data.get("name"),
            confidence=data.get("confidence"),
            resolved_from=None if antecedent is None else Span.from_dict(antecedent),
        )


@dataclass(frozen=True, slots=True)
class Place(Span):
    """Where an act happens.

    Attributes:
        country: ISO 3166 alpha-3 code, or None.
        name: Name in the gazetteer, or None.
        lat: Latitude in degrees, -90 to 90, or None.
        lon: Longitude in degrees, -180 to 180, or None.
        geonameid: Identifier at geonames.org, or None.
    """

    country: str | None = None
    name: str | None = None
    lat: float | None = None
    lon: float | None = None
    geonameid: int | None = None


@dataclass(frozen=True, slots=True)
class Time(Span):
    """When an act happens.

    Attributes:
        date: ISO 8601 date of the granularity's precision ("2022-01-19", "2022-01", "2022"), or None.
        granularity: "hour", "day", "week", "month", "season", "year" or "decade"; None without a date. A week is
            given by the date of its first day.
    """

    date: str | None = None
    granularity: str | None = None


@dataclass(frozen=True, slots=True)
class Argument(Span):
    """An argument that a corpus marks without saying to which event it belongs.

    Attributes:
        role: One of `ROLES`, or a corpus's own such as "related".
    """

    role: str


class EventType(Protocol):
    """What an ontology says of a code; the attributes are those of `Event`."""

    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def root(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def quad_class(self) -> int | None: ...  # noqa: D102
    @property
    def goldstein(self) -> float | None: ...  # noqa: D102
    @property
    def plover(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Event:
    """One coded event: who did what to whom, where and when.

    Attributes:
        id: Identifier, a function of document, trigger and code; equal input gives equal ids.
        document: Identifier of the document.
        sentence: Index of the sentence that holds the trigger, from 0.
        code: CAMEO code (version 1.1b3), three or four digits (two where a corpus gives no more), or a label of the
            user's own ontology.
        root: CAMEO root code, "01" to "20"; for an own label what the ontology says, else the label itself.
        name: Name of the code; an own label without a name is its name.
        quad_class: 1 verbal cooperation, 2 material cooperation, 3 verbal conflict, 4 material conflict; None for an
            own label without one.
        goldstein: Value on the Goldstein scale, -10 (conflict) to 10 (cooperation); None for an own label without one.
        plover: PLOVER event type such as "CONSULT", or None where PLOVER has none.
        status: "asserted", "negated" (said not to have happened) or "hypothetical" (planned, feared, conditional).
        score: Calibrated probability that trigger and root are right, 0 to 1.
        trigger: The expression that names the act.
        sources: Who does it.
        targets: To whom it is done.
        places: Where it happens.
        times: When it happens.
        date: ISO 8601 date of the event: the first resolved time, else the document's date; None without either.
        mentions: Triggers of the further mentions that were collapsed into this event, in document order.
    """

    id: str
    document: str
    sentence: int
    code: str
    root: str
    name: str
    quad_class: int | None
    goldstein: float | None
    plover: str | None
    status: Status
    score: float
    trigger: Span
    sources: tuple[Actor, ...] = ()
    targets: tuple[Actor, ...] = ()
    places: tuple[Place, ...] = ()
    times: tuple[Time, ...] = ()
    date: str | None = None
    mentions: tuple[Span, ...] = ()

    def __str__(self) -> str:
        def side(actors: tuple[Actor, ...]) -> str:
            return ", ".join(actor.text for actor in actors) or "?"

        return f"{self.code} {self.name}: {side(self.sources)} → {side(self.targets)} [{self.trigger.text}]"

    @classmethod
    def of_type(cls, kind: EventType, *, document: str, trigger: Span, **details: Any) -> Event:
        """The event of a type that a trigger names in a document, with its identifier.

        Args:
            kind: The event type, such as `ontology.describe` returns.
            document: Identifier of the document.
            trigger: The expression that names the act.
            details: The fields of the event that neither type nor trigger tells, from `sentence` on.
        """
        return cls(
            id=event_id(document, trigger, kind.code),
            document=document,
            code=kind.code,
            root=kind.root,
            name=kind.name,
            quad_class=kind.quad_class,
            goldstein=kind.goldstein,
            plover=kind.plover,
            trigger=trigger,
            **details,
        )

    def arguments(self) -> Iterator[tuple[Role, Span]]:
        """The arguments with their roles: sources, targets, places, times."""
        for role, spans in zip(ROLES, (self.sources, self.targets, self.places, self.times), strict=True):
            for span in spans:
                yield role, span

    def to_dict(self) -> dict[str, Any]:
        """The event as plain JSON types; the form that the command line writes."""
        return _json_object(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Event:
        """The inverse of `to_dict()`.

        Raises:
            KeyError: A required key is missing.
        """
        spans = {
            "trigger": Span.from_dict(data["trigger"]),
            "sources": tuple(Actor.from_dict(item) for item in data.get("sources", ())),
            "targets": tuple(Actor.from_dict(item) for item in data.get("targets", ())),
            "places": tuple(Place.from_dict(item) for item in data.get("places", ())),
            "times": tuple(Time.from_dict(item) for item in data.get("times", ())),
            "mentions": tuple(Span.from_dict(item) for item in data.get("mentions", ())),
        }
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known} | spans)


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its sentences and events.

    Attributes:
        id: Identifier: the user's, or one made from the text by `document_id()`.
        text: The text as the user gave it.
        date: ISO 8601 date of publication, or None.
        sentences: The sentences in order.
        events: The events in the order of their triggers.
        arguments: Arguments that no event is linked to, in the order of the text: gold of corpora that mark roles but
            no triggers, or no links, and what models trained on these find.
    """

    id: str
    text: str
    date: str | None = None
    sentences: tuple[Span, ...] = ()
    events: tuple[Event, ...] = ()
    arguments: tuple[Argument, ...] = ()

    def __repr__(self) -> str:
        return f"<Document {self.id!r}: {len(self.sentences)} sentences, {len(self.events)} events>"

    def to_dict(self) -> dict[str, Any]:
        """The document as plain JSON types."""
        return _json_object(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Document:
        """The inverse of `to_dict()`.

        Raises:
            KeyError: A required key is missing.
        """
        return cls(
            id=data["id"],
            text=data["text"],
            date=data.get("date"),
            sentences=tuple(Span.from_dict(item) for item in data.get("sentences", ())),
            events=tuple(Event.from_dict(item) for item in data.get("events", ())),
            arguments=tuple(Argument.from_dict(item) for item in data.get("arguments", ())),
        )


def document_id(text: str) -> str:
    """An identifier for a text that has none: equal texts get equal identifiers."""
    return "doc-" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def event_id(document: str, trigger: Span, code: str) -> str:
    """The identifier of the event that a trigger names in a document."""
    key = f"{document}\0{trigger.start}\0{trigger.end}\0{code}"
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _json_object(instance: Span | Event | Document) -> dict[str, Any]:
    """The fields of a result as plain JSON types: nested results as objects, tuples as lists."""
    return {field.name: _json_value(getattr(instance, field.name)) for field in fields(instance)}


def _json_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_json_value(item) for item in value]
    if isinstance(value, (Span, Event)):
        return _json_object(value)
    return value
