"""Opening the user's files and reading their records, whatever their format."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, cast

from geoevents.errors import InputError
from geoevents.formats.columns import ReadOptions
from geoevents.records import Record

INPUT_FORMATS = ("txt", "jsonl", "csv", "parquet")

_SUFFIXES = {
    ".txt": "txt",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_MODULES = {"txt": "plain_text", "jsonl": "json_lines", "csv": "delimited", "parquet": "parquet"}

STANDARD_INPUT = "-"


def read_records(
    path: str | Path,
    *,
    format: str | None = None,
    text_column: str | None = None,
    id_column: str | None = None,
    date_column: str | None = None,
    encoding: str = "utf-8",
    lines: bool = False,
    on_error: Callable[[InputError], None] | None = None,
) -> Iterator[Record]:
    """The records of a file, as they are read.

    Example:
        >>> for document in extractor.pipe(read_records("news.csv", text_column="body", on_error=print)):
        ...     ...

    Args:
        path: The file, or "-" for standard input.
        format: "txt", "jsonl", "csv" or "parquet"; None to go by the suffix (standard input: by the first character).
        text_column: Column with the text; None for the usual names ("text", "body", "content" …).
        id_column: Column with the identifier; None for the usual names ("id", "url" …), else file and line.
        date_column: Column with the date of publication; None for the usual names ("date", "published" …).
        encoding: Encoding of text files.
        lines: Whether each line of a plain text file is a document of its own.
        on_error: Is given the error of each record or file that cannot be read, which is then skipped; without it
            the error is raised.

    Raises:
        InputError: A record or the file cannot be read and `on_error` is None; names file, line and cause.
    """
    options = ReadOptions(text_column, id_column, date_column, encoding, lines)
    try:
        with open_input(path) as stream:
            yield from read_stream(stream, path, format=format, options=options, on_error=on_error)
    except InputError as error:
        if on_error is None:
            raise
        on_error(error)


@contextmanager
def open_input(path: str | Path) -> Iterator[BinaryIO]:
    """A file or, for "-", standard input, opened for reading bytes.

    Raises:
        InputError: The file cannot be opened.
    """
    if str(path) == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    with _open(Path(path)) as stream:
        yield stream


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", path=path) from None


def read_stream(
    stream: BinaryIO,
    path: str | Path,
    *,
    format: str | None = None,
    options: ReadOptions | None = None,
    on_error: Callable[[InputError], None] | None = None,
) -> Iterator[Record]:
    """The records of an open file; see `read_records`.

    Args:
        stream: The open file.
        path: Its name, for messages and identifiers; its suffix tells the format.
        format: See `read_records`.
        options: Columns, encoding and lines.
        on_error: Is given the error of each bad record; without it the error is raised.

    Raises:
        InputError: The file cannot be read, or a record cannot and `on_error` is None.
    """
    name = "stdin" if str(path) == STANDARD_INPUT else str(path)
    read = import_module(f"geoevents.formats.{_MODULES[_format_of(path, stream, format)]}").read
    try:
        for item in read(stream, name, options or ReadOptions()):
            if isinstance(item, Record):
                yield item
            elif on_error is None:
                raise item
            else:
                on_error(item)
    except InputError as error:
        raise error if error.path else InputError(error.cause, path=name) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", path=name) from None


def _format_of(path: str | Path, stream: BinaryIO, format: str | None) -> str:
    if format is not None:
        if format not in INPUT_FORMATS:
            raise InputError(f"unknown input format {format!r}; allowed: {', '.join(INPUT_FORMATS)}", path=path)
        return format
    if str(path) == STANDARD_INPUT:
        beginning = cast(io.BufferedReader, stream).peek(1).lstrip(codecs.BOM_UTF8 + b" \r\n")
        return "jsonl" if beginning.startswith(b"{") else "txt"
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(
            f"the suffix {suffix!r} tells no format; known are {', '.join(_SUFFIXES)}; "
            f"else name the format with --from (format=): {', '.join(INPUT_FORMATS)}",
            path=path,
        )
    return _SUFFIXES[suffix]
