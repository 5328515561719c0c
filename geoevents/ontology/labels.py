"""Event types of the user's own instead of CAMEO's, from a small table or from what a corpus uses."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from geoevents.errors import CorpusError, OntologyError
from geoevents.events import Event
from geoevents.ontology import cameo

_COLUMNS = ("code", "name", "root", "quad_class", "goldstein", "plover")


@dataclass(frozen=True, slots=True)
class Label:
    """One event type, of CAMEO or of the user's own.

    Attributes:
        code: The label.
        name: Its name in words.
        root: The coarser type that the label begins with, or the label itself.
        quad_class: 1 to 4 as in `Event`, or None.
        goldstein: Value on the Goldstein scale, -10 to 10, or None.
        plover: PLOVER event type, or None.
    """

    code: str
    name: str
    root: str
    quad_class: int | None = None
    goldstein: float | None = None
    plover: str | None = None


@dataclass(frozen=True)
class Ontology:
    """A set of event types.

    Attributes:
        labels: The event types; their codes differ.
    """

    labels: tuple[Label, ...]

    @cached_property
    def _by_code(self) -> dict[str, Label]:
        return {label.code: label for label in self.labels}

    @property
    def codes(self) -> list[str]:
        """The codes of the event types, in their order."""
        return [label.code for label in self.labels]

    @property
    def roots(self) -> list[str]:
        """The roots of the event types, sorted."""
        return sorted({label.root for label in self.labels})

    def __contains__(self, code: object) -> bool:
        return code in self._by_code

    def lookup(self, code: str) -> Label:
        """The event type of a code.

        Raises:
            OntologyError: There is none; the message lists those there are.
        """
        try:
            return self._by_code[code]
        except KeyError:
            raise OntologyError(f"{code!r} is not in the ontology; allowed: {', '.join(self._by_code)}") from None

    @classmethod
    def read(cls, path: str | Path) -> Ontology:
        """The event types of a table with tabs between its columns.

        The first line names the columns: "code", and any of "name" and "root" (by default the code), "quad_class",
        "goldstein" and "plover" (by default empty).

        Raises:
            CorpusError: The table is malformed (file, line, cause).
            OSError: The file cannot be opened.
        """
        path = Path(path)
        labels: dict[str, Label] = {}
        for line, label in _read_rows(path):
            if label.code in labels:
                raise CorpusError(f"the code {label.code!r} occurs twice", path=path, line=line)
            labels[label.code] = label
        if not labels:
            raise CorpusError("the ontology is empty; give a line with a code for each event type", path=path)
        return cls(tuple(labels.values()))

    def write(self, path: str | Path) -> None:
        """Writes the table that `read` reads."""
        rows = [[getattr(label, column) for column in _COLUMNS] for label in self.labels]
        lines = ["\t".join("" if cell is None else str(cell) for cell in row) for row in [_COLUMNS, *rows]]
        Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")

    @classmethod
    def of_codes(cls, codes: Iterable[str]) -> Ontology:
        """The event types of some codes: CAMEO's with what CAMEO says of them, others as their own roots."""
        return cls(tuple(map(describe, codes)))

    @classmethod
    def of(cls, events: Iterable[Event]) -> Ontology:
        """The event types that some events have, by code."""
        found = {event.code: event for event in events}
        return cls(
            tuple(
                Label(event.code, event.name, event.root, event.quad_class, event.goldstein, event.plover)
                for _, event in sorted(found.items())
            )
        )


def describe(code: str, ontology: Ontology | None = None) -> Label:
    """The event type of a code: the ontology's if there is one, else CAMEO's, else a label that is its own root.

    Example:
        >>> describe("040").goldstein, describe("Attack").root
        (1.0, 'Attack')

    Raises:
        OntologyError: The ontology lacks the code.
    """
    if ontology is not None:
        return ontology.lookup(code)
    if not cameo.is_valid(code):
        return Label(code, code, code)
    entry = cameo.lookup(code)
    return Label(entry.code, entry.name, entry.root, entry.quad_class, entry.goldstein, entry.plover)


def _read_rows(path: Path) -> Iterator[tuple[int, Label]]:
    """The event types with their lines."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            rows = [
                (number, row)
                for number, row in enumerate(csv.reader(file, "excel-tab", quoting=csv.QUOTE_NONE), 1)
                if any(row)
            ]
        except UnicodeDecodeError as error:
            raise CorpusError(f"not UTF-8 ({error.reason}); save the file as UTF-8", path=path) from None
    if not rows:
        return
    columns = rows[0][1]
    if "code" not in columns or not set(columns) <= set(_COLUMNS):
        cause = f"the first line must name the columns: code, and any of {', '.join(_COLUMNS[1:])}; found {columns}"
        raise CorpusError(cause, path=path, line=rows[0][0])
    for number, row in rows[1:]:
        yield number, _located_label(columns, row, path, number)


def _located_label(columns: Sequence[str], row: Sequence[str], path: Path, line: int) -> Label:
    try:
        return _read_label(columns, row)
    except ValueError as error:
        raise CorpusError(str(error), path=path, line=line) from None


def _read_label(columns: Sequence[str], row: Sequence[str]) -> Label:
    """The event type of a row; raises ValueError with the cause."""
    if len(row) != len(columns):
        raise ValueError(f"expected {len(columns)} columns, found {len(row)}")
    cells = {column: cell.strip() for column, cell in zip(columns, row, strict=True)}
    code = cells["code"]
    root = cells.get("root") or code
    if not code or any(character.isspace() for character in code):
        raise ValueError(f"the code {code!r} must be a word without spaces")
    if not code.startswith(root):
        # The model finds a code's root by its beginning.
        raise ValueError(f"the root {root!r} must be {code!r} or its beginning, such as 'Attack' of 'Attack.Bombing'")
    quad_class = cells.get("quad_class", "")
    if quad_class not in ("", "1", "2", "3", "4"):
        raise ValueError(f"the quad_class {quad_class!r} must be 1, 2, 3, 4 or empty")
    goldstein = float(cells["goldstein"]) if cells.get("goldstein") else None
    if goldstein is not None and not -10 <= goldstein <= 10:
        raise ValueError(f"the goldstein value {goldstein} must lie between -10 and 10")
    plover = cells.get("plover") or None
    return Label(code, cells.get("name") or code, root, int(quad_class) if quad_class else None, goldstein, plover)
