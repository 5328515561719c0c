"""Writing events to files that appear only when they are complete, or to open streams."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from geoevents.errors import InputError
from geoevents.events import Document
from geoevents.formats.placing import PARTIAL, create
from geoevents.formats.rows import RowSchema

OUTPUT_FORMATS = ("jsonl", "csv", "parquet")

_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}


class EventWriter(Protocol):
    """Takes documents and writes their events."""

    def write(self, document: Document) -> None:
        """Write the events of a document."""
        ...

    def close(self) -> None:
        """Write what is left; the stream stays open."""
        ...


def output_format(path: str | Path) -> str:
    """The format that a file's suffix tells.

    Raises:
        InputError: It tells none.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(
            f"the suffix {suffix!r} tells no output format; known are {', '.join(_SUFFIXES)}; the name of a directory "
            "for shards ends with /",
            path=path,
        )
    return _SUFFIXES[suffix]


@contextmanager
def open_writer(
    path: str | Path, *, format: str | None = None, schema: RowSchema | None = None
) -> Iterator[EventWriter]:
    """A writer of events to a file.

    What is written goes to "PATH.partial", which takes the place of PATH when the block ends. If the block raises, PATH
    stays as it was; after Ctrl-C the events so far are kept in the partial file, else it is removed.

    Example:
        >>> with open_writer("events.parquet") as writer:
        ...     for document in extractor.pipe(texts):
        ...         writer.write(document)

    Args:
        path: The file.
        format: "jsonl", "csv" or "parquet"; None to go by the suffix.
        schema: Columns of the rows; None for whole events in JSON Lines and for our own columns in CSV and Parquet.

    Raises:
        InputError: The format is unknown, or the file cannot be opened.
    """
    path = Path(path)
    format = format or output_format(path)
    partial = path.with_name(path.name + PARTIAL)
    try:
        stream = create(partial)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", path=path) from None
    try:
        with stream:
            writer = stream_writer(stream, format, schema=schema, delimiter="\t" if path.suffix == ".tsv" else ",")
            try:
                yield writer
            finally:
                writer.close()
        partial.replace(path)
    except KeyboardInterrupt:
        raise
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def stream_writer(
    stream: BinaryIO, format: str, *, schema: RowSchema | None = None, delimiter: str = ","
) -> EventWriter:
    """A writer of events to an open stream, which stays open.

    Args:
        stream: The stream.
        format: "jsonl", "csv" or "parquet".
        schema: See `open_writer`.
        delimiter: What separates the fields of CSV.

    Raises:
        InputError: The format is unknown.
    """
    if format == "parquet":
        from geoevents.formats import parquet

        return parquet.Writer(stream, schema)
    if format == "jsonl":
        from geoevents.formats import json_lines

        return json_lines.Writer(stream, schema)
    if format == "csv":
        from geoevents.formats import delimited

        return delimited.Writer(stream, schema, delimiter=delimiter)
    raise InputError(f"unknown output format {format!r}; allowed: {', '.join(OUTPUT_FORMATS)}")
