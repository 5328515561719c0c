"""CSV and its kin: a header and a record a row in, a row for each event out."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from geoevents.errors import InputError
from geoevents.events import Document
from geoevents.formats.columns import Columns, ReadOptions, choose_columns
from geoevents.formats.decoding import decoded_lines, encoded
from geoevents.formats.rows import FLAT, RowSchema
from geoevents.records import Record

# Longest field in characters: more than any article has, and little enough that a quotation mark that is never closed
# does not swallow the rest of a large file.
_LONGEST_FIELD = 20_000_000

_DELIMITERS = ",;\t|"


def read(stream: BinaryIO, name: str, options: ReadOptions) -> Iterator[Record | InputError]:
    """The records of a CSV file; see `geoevents.formats.read_stream`.

    The delimiter is the most frequent of comma, semicolon, tab and bar in the header. Fields in quotation marks may
    hold line ends.
    """
    problems: dict[int, str] = {}
    lines = _lines(stream, options.encoding, problems)
    header_line = next(lines, None)
    if header_line is None:
        return
    if 1 in problems:
        raise InputError(problems[1], path=name, line=1)
    delimiter = max(_DELIMITERS, key=header_line.count)
    header = next(csv.reader([header_line], delimiter=delimiter))
    columns = choose_columns(header, options)
    yield from _rows(lines, name, header, delimiter, columns, problems)


def _lines(stream: BinaryIO, encoding: str, problems: dict[int, str]) -> Iterator[str]:
    """The lines; what cannot be decoded is noted in `problems` by line number."""
    for line in decoded_lines(stream, encoding):
        if line.problem:
            problems[line.number] = line.problem
        yield line.text


def _rows(
    lines: Iterator[str], name: str, header: Sequence[str], delimiter: str, columns: Columns, problems: dict[int, str]
) -> Iterator[Record | InputError]:
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(lines, delimiter=delimiter)
    number = 2  # the line at which the next row begins
    while True:
        try:
            fields = next(reader)
            problem = next(iter(problems.values()), None)
            if fields or problem:
                yield _record(fields, header, columns, f"{name}:{number}", problem)
        except StopIteration:
            return
        except csv.Error as error:
            yield InputError(f"malformed CSV: {error}; the row is skipped", path=name, line=number)
        except InputError as error:
            yield InputError(error.cause, path=name, line=number)
        problems.clear()
        number = reader.line_num + 2


def _record(fields: Sequence[str], header: Sequence[str], columns: Columns, name: str, problem: str | None) -> Record:
    if problem:
        raise InputError(problem)
    if len(fields) != len(header):
        raise InputError(f"the row has {len(fields)} fields, the header {len(header)}; check quotes and delimiters")
    return columns.record(dict(zip(header, fields, strict=True)), name)


class Writer:
    """Writes a row for each event as CSV.

    Args:
        stream: Where to write.
        schema: The columns, or None for `geoevents.formats.rows.FLAT`.
        delimiter: What separates the fields.
    """

    def __init__(self, stream: BinaryIO, schema: RowSchema | None = None, *, delimiter: str = ",") -> None:
        self._stream = encoded(stream)
        self._schema = schema or FLAT
        self._rows = csv.DictWriter(self._stream, self._schema.names(), delimiter=delimiter, lineterminator="\n")
        self._rows.writeheader()

    def write(self, document: Document) -> None:
        """Write the events of a document."""
        self._rows.writerows(self._schema.rows(document))

    def close(self) -> None:
        """Write what is left; the stream stays open."""
        self._stream.detach()
