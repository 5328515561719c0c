"""Events as flat rows, for tables: one row for each event.

`FLAT` is our own set of columns; `row_schema()` finds it and the others by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import Any, Literal

from geoevents.events import Actor, Document, Event, Place

ColumnType = Literal["string", "integer", "number"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table of events.

    Attributes:
        name: Its name.
        type: "string", "integer" or "number"; any value may be missing.
        description: What it holds.
    """

    name: str
    type: ColumnType
    description: str


@dataclass(frozen=True, slots=True)
class RowSchema:
    """A set of columns and the way to fill them.

    Attributes:
        columns: The columns in order.
        row: Gives the values of an event of a document by column name.
        events: Gives the events that get a row each; a schema of dyads splits those of several actors.
    """

    columns: tuple[Column, ...]
    row: Callable[[Event, Document], Mapping[str, Any]]
    events: Callable[[Document], Iterable[Event]] = attrgetter("events")

    def rows(self, document: Document) -> list[Mapping[str, Any]]:
        """The rows of a document."""
        return [self.row(event, document) for event in self.events(document)]

    def names(self) -> list[str]:
        """The names of the columns in order."""
        return [column.name for column in self.columns]


SCHEMA_NAMES = ("geoevents", "gdelt", "polecat")


def row_schema(name: str) -> RowSchema:
    """The schema of a name in `SCHEMA_NAMES`.

    Raises:
        ValueError: There is no schema of that name.
    """
    if name not in SCHEMA_NAMES:
        raise ValueError(f"columns {name!r} are unknown; allowed are {', '.join(map(repr, SCHEMA_NAMES))}")
    if name == "geoevents":
        return FLAT
    schema: RowSchema = import_module(f"geoevents.formats.{name}").SCHEMA
    return schema


def _joined(values: Iterable[object]) -> str | None:
    """Several values in one field, in order and with gaps, or None where all are missing."""
    texts = ["" if value is None else str(value).replace("|", "/") for value in values]
    joined = "|".join(texts)
    # A code or a name of one word, as most values are, has no white space to look for.
    return (joined if joined.isalnum() else " ".join(joined.split())) if any(texts) else None


def _actor_columns(side: Literal["source", "target"], what: str) -> list[tuple[Column, Callable[[Event], Any]]]:
    def actors(event: Event) -> tuple[Actor, ...]:
        return event.sources if side == "source" else event.targets

    return [
        (Column(side, "string", f"{what}, as the text says"), lambda e: _joined(a.text for a in actors(e))),
        (Column(f"{side}_code", "string", "Their CAMEO actor codes"), lambda e: _joined(a.code for a in actors(e))),
        (
            Column(f"{side}_country", "string", "Their countries (ISO 3166 alpha-3)"),
            lambda e: _joined(a.country for a in actors(e)),
        ),
        (Column(f"{side}_name", "string", "Their canonical names"), lambda e: _joined(a.name for a in actors(e))),
    ]


_NO_PLACE = Place("", 0, 0)


def _place(event: Event) -> Place:
    """The first place with coordinates, else the first place."""
    located = (place for place in event.places if place.lat is not None)
    return next(located, event.places[0]) if event.places else _NO_PLACE


_FLAT: list[tuple[Column, Callable[[Event], Any]]] = [
    (Column("id", "string", "Identifier of the event"), lambda e: e.id),
    (Column("document", "string", "Identifier of the document"), lambda e: e.document),
    (Column("sentence", "integer", "Index of the sentence in the document, from 0"), lambda e: e.sentence),
    (Column("date", "string", "Date of the event (ISO 8601), else of the document"), lambda e: e.date),
    (Column("code", "string", "CAMEO code"), lambda e: e.code),
    (Column("root", "string", "CAMEO root code"), lambda e: e.root),
    (Column("name", "string", "Name of the code"), lambda e: e.name),
    (Column("quad_class", "integer", "1, 2 verbal, material cooperation; 3, 4 conflict"), lambda e: e.quad_class),
    (Column("goldstein", "number", "Goldstein scale, -10 (conflict) to 10"), lambda e: e.goldstein),
    (Column("plover", "string", "PLOVER event type"), lambda e: e.plover),
    (Column("status", "string", "asserted, negated or hypothetical"), lambda e: e.status),
    (Column("score", "number", "Probability that trigger and root are right"), lambda e: e.score),
    (Column("trigger", "string", "The expression that names the act"), lambda e: _joined([e.trigger.text])),
    (Column("trigger_start", "integer", "Its first character in the document, from 0"), lambda e: e.trigger.start),
    (Column("trigger_end", "integer", "The character behind its last"), lambda e: e.trigger.end),
    *_actor_columns("source", "Who does it"),
    *_actor_columns("target", "To whom it is done"),
    (Column("place", "string", "Where, as the text says"), lambda e: _joined(p.text for p in e.places)),
    (Column("place_name", "string", "Name of the place in the gazetteer"), lambda e: _place(e).name),
    (Column("place_country", "string", "Its country (ISO 3166 alpha-3)"), lambda e: _place(e).country),
    (Column("lat", "number", "Its latitude in degrees"), lambda e: _place(e).lat),
    (Column("lon", "number", "Its longitude in degrees"), lambda e: _place(e).lon),
    (Column("geonameid", "integer", "Its identifier at geonames.org"), lambda e: _place(e).geonameid),
    (Column("time", "string", "When, as the text says"), lambda e: _joined(t.text for t in e.times)),
    (Column("mentions", "integer", "How often the document tells of the event"), lambda e: 1 + len(e.mentions)),
]


def _flat_row(event: Event, document: Document) -> dict[str, Any]:
    return {column.name: value(event) for column, value in _FLAT}


FLAT = RowSchema(tuple(column for column, _ in _FLAT), _flat_row)
"""One row for each event. Several actors, places or times of an event stand in one field, separated by bars: the second
code belongs to the second source, and a missing one leaves a gap ("IRNGOV||RUS"). Name, country and coordinates of the
place are those of the first place that has coordinates."""
