"""Events as a readable table on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from geoevents.events import Actor, Document, Event, Place, Time

_FILE_WIDTH = 140

_QUAD_STYLES = {1: "green", 2: "cyan", 3: "yellow", 4: "red"}
_STATUS_MARKS = {"asserted": "", "negated": "not ", "hypothetical": "maybe "}


@contextmanager
def open_table(path: Path | None) -> Iterator[TableWriter]:
    """A writer of tables to a text file or, without one, to standard output."""
    if path is None:
        yield TableWriter(Console())
        return
    with path.open("w", encoding="utf-8") as file:
        yield TableWriter(Console(file=file, width=_FILE_WIDTH))


@dataclass(frozen=True)
class TableWriter:
    """Writes the events of each document as a table; documents without events are left out."""

    console: Console

    def write(self, document: Document) -> None:
        """Write the events of a document."""
        if document.events:
            self.console.print(event_table(document))

    def close(self) -> None:
        """Nothing is left to write."""


def event_table(document: Document) -> Table:
    """A document's events, one a row, coloured by quad class."""
    title = Text.assemble((document.id, "bold"), f"  {document.date}" if document.date else "")
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="", pad_edge=False)
    for header in ("code", "event", "who", "to whom", "where", "when"):
        table.add_column(header, no_wrap=header == "code", overflow="fold")
    table.add_column("score", justify="right", no_wrap=True)
    for event in document.events:
        table.add_row(*_cells(event))
    return table


def _cells(event: Event) -> list[Text]:
    style = _QUAD_STYLES.get(event.quad_class or 0, "")
    act = Text.assemble((_STATUS_MARKS[event.status], "bold"), (event.trigger.text, f"bold {style}"), f"  {event.name}")
    return [
        Text(event.code, style),
        act,
        _lines(map(_actor, event.sources)),
        _lines(map(_actor, event.targets)),
        _lines(map(_place, event.places)),
        _lines(map(_time, event.times)) if event.times else Text(event.date or "", "dim"),
        Text(f"{event.score:.2f}"),
    ]


def _lines(texts: Iterable[Text]) -> Text:
    return Text("\n").join(texts)


def _actor(actor: Actor) -> Text:
    known = actor.resolved_from.text if actor.resolved_from else None
    return _with_notes(actor.text, known, actor.code)


def _place(place: Place) -> Text:
    return _with_notes(place.text, place.country)


def _time(time: Time) -> Text:
    return _with_notes(time.text, time.date)


def _with_notes(text: str, *notes: str | None) -> Text:
    """A text on one line, with what was found out about it in grey."""
    found = " ".join(note for note in notes if note)
    return Text.assemble(" ".join(text.split()), (f" {found}", "dim") if found else "")
