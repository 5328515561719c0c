"""JSON Lines: an object or a string a line in, an event a line out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from geoevents.errors import InputError
from geoevents.events import Document
from geoevents.formats.columns import ReadOptions, choose_columns
from geoevents.formats.decoding import Line, decoded_lines, encoded
from geoevents.formats.rows import RowSchema
from geoevents.records import Record


def read(stream: BinaryIO, name: str, options: ReadOptions) -> Iterator[Record | InputError]:
    """The records of a JSON Lines file; see `geoevents.formats.read_stream`."""
    for line in decoded_lines(stream, options.encoding):
        if line.problem or line.text.strip():
            try:
                yield _record(line, name, options)
            except InputError as error:
                yield InputError(error.cause, path=name, line=line.number)


def _record(line: Line, name: str, options: ReadOptions) -> Record:
    if line.problem:
        raise InputError(line.problem)
    data = _parse(line.text)
    identifier = f"{name}:{line.number}"
    if isinstance(data, str):
        return Record(data, identifier)
    if not isinstance(data, dict):
        raise InputError(f"expected a JSON object or string, found {type(data).__name__}")
    return choose_columns(data, options).record(data, identifier)


def _parse(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"malformed JSON: {error.msg} at column {error.colno}; the line is skipped") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, brackets without end
        raise InputError(f"malformed JSON: {error}; the line is skipped") from None


class Writer:
    """Writes events, or their rows, as JSON Lines.

    Args:
        stream: Where to write.
        schema: Flat rows to write in place of `Event.to_dict()`, or None.
    """

    def __init__(self, stream: BinaryIO, schema: RowSchema | None = None) -> None:
        self._stream = encoded(stream)
        self._schema = schema

    def write(self, document: Document) -> None:
        """Write the events of a document."""
        for data in self._schema.rows(document) if self._schema else [event.to_dict() for event in document.events]:
            self._stream.write(json.dumps(data, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Write what is left; the stream stays open."""
        self._stream.detach()
