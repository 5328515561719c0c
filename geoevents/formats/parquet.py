"""Parquet through pyarrow, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from geoevents.errors import InputError
from geoevents.events import Document
from geoevents.formats.columns import Columns, ReadOptions, choose_columns
from geoevents.formats.rows import FLAT, Column, RowSchema
from geoevents.records import Record

_ROWS_READ = 256
_ROWS_WRITTEN = 5000

_TYPES = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64()}


def read(stream: BinaryIO, name: str, options: ReadOptions) -> Iterator[Record | InputError]:
    """The records of a Parquet file; see `geoevents.formats.read_stream`."""
    try:
        file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"not a readable Parquet file: {_one_line(error)}", path=name) from None
    columns = choose_columns(file.schema_arrow.names, options)
    before = 0
    for group in range(file.num_row_groups):
        yield from _row_group(file, group, before, name, columns)
        before += file.metadata.row_group(group).num_rows


def _row_group(
    file: pq.ParquetFile, group: int, before: int, name: str, columns: Columns
) -> Iterator[Record | InputError]:
    """The records of a row group; if it is damaged, an error for all that cannot be read.

    Args:
        file: The file.
        group: Number of the row group, from 0.
        before: Number of rows in the groups before it.
        name: The file's name.
        columns: The columns to read.
    """
    number, end = before, before + file.metadata.row_group(group).num_rows
    cause = "it ends too early"
    try:
        for batch in file.iter_batches(_ROWS_READ, row_groups=[group], columns=columns.names()):
            for row in input_rows(batch, columns.date):
                number += 1
                try:
                    record: Record | InputError = columns.record(row, f"{name}:{number}")
                except InputError as error:
                    record = InputError(f"row {number}: {error.cause}", path=name)
                yield record
    except (pa.ArrowException, OSError) as error:
        cause = _one_line(error)
    if number < end:
        lost = f"row {end}" if number + 1 == end else f"the {end - number} rows {number + 1} to {end}"
        yield InputError(f"row group {group + 1} is damaged ({cause}); {lost} cannot be read", path=name)


def _one_line(error: Exception) -> str:
    """What pyarrow says, without the line ends and control characters that damage brings with it."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(error)).split())


def count_rows(stream: BinaryIO) -> int | None:
    """Number of rows of an open file, or None if it cannot be read."""
    try:
        number: int = pq.read_metadata(stream).num_rows
    except (pa.ArrowException, OSError):
        return None
    finally:
        stream.seek(0)
    return number


def input_rows(batch: pa.RecordBatch | pa.Table, date: str | None) -> list[dict[str, Any]]:
    """The rows of a batch, with timestamps in the column `date` as dates: nanoseconds have no type in Python.

    In place of a value that cannot be read (text that is not UTF-8, a date after the year 9999), a row has an
    `InputError`, which `Columns.record` raises.
    """
    names = batch.schema.names
    columns = [_values(batch.column(index), name, as_dates=name == date) for index, name in enumerate(names)]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _values(column: pa.Array | pa.ChunkedArray, name: str, *, as_dates: bool) -> list[Any]:
    """The values of a column, and errors in place of those that Python has no value for."""
    try:
        if as_dates and pa.types.is_timestamp(column.type):
            column = column.cast(pa.date32(), safe=False)
        values: list[Any] = column.to_pylist()
        return values
    except Exception as error:  # whatever it is, one value must not end the run
        if len(column) == 1:
            return [InputError(f"the value in column {name!r} cannot be read: {error}")]
        return [_values(column.slice(row, 1), name, as_dates=as_dates)[0] for row in range(len(column))]


class Writer:
    """Writes a row for each event to a Parquet file.

    Args:
        stream: Where to write.
        schema: The columns, or None for `geoevents.formats.rows.FLAT`.
    """

    def __init__(self, stream: BinaryIO, schema: RowSchema | None = None) -> None:
        self._schema = schema or FLAT
        self._fields = fields(self._schema.columns)
        self._file = pq.ParquetWriter(stream, self._fields, compression="zstd")
        self._rows: list[Mapping[str, Any]] = []

    def write(self, document: Document) -> None:
        """Write the events of a document; they reach the file some thousand at a time."""
        self._rows += self._schema.rows(document)
        if len(self._rows) >= _ROWS_WRITTEN:
            self._flush()

    def close(self) -> None:
        """Write what is left and the file's footer."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        self._file.write_table(as_table(self._rows, self._fields))
        self._rows.clear()


def fields(columns: Sequence[Column]) -> pa.Schema:
    """The columns as Parquet has them."""
    return pa.schema([pa.field(column.name, _TYPES[column.type]) for column in columns])


def as_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table; lone surrogates, which JSON input may hold and Parquet cannot, become question marks."""
    try:
        return pa.Table.from_pylist(rows, schema)
    except UnicodeEncodeError:
        return pa.Table.from_pylist([_encodable(row) for row in rows], schema)


def _encodable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in row.items()
    }
