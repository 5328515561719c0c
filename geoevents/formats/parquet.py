"""Parquet through pyarrow, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from geoevents.errors import InputError
from geoevents.events import Document
from geoevents.formats.columns import ReadOptions, choose_columns
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
        raise InputError(f"not a readable Parquet file: {error}", path=name) from None
    columns = choose_columns(file.schema_arrow.names, options)
    number = 0
    try:
        for batch in file.iter_batches(_ROWS_READ, columns=columns.names()):
            for row in input_rows(batch, columns.date):
                number += 1
                try:
                    yield columns.record(row, f"{name}:{number}")
                except InputError as error:
                    yield InputError(f"row {number}: {error.cause}", path=name)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"damaged after row {number}: {error}", path=name) from None


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
    """The rows of a batch, with timestamps in the column `date` as dates: nanoseconds have no type in Python."""
    if date is not None and pa.types.is_timestamp(batch.column(date).type):
        days = batch.column(date).cast(pa.date32(), safe=False)
        batch = batch.set_column(batch.schema.get_field_index(date), date, days)
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


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
