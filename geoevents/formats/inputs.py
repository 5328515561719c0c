"""Opening a user's file and reading what it holds, whatever its format."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, cast

from geoevents.errors import InputError
from geoevents.formats.columns import ReadOptions
from geoevents.formats.compression import compression, decompressed
from geoevents.formats.paths import INPUT_SUFFIXES, STANDARD_INPUT, format_suffix
from geoevents.records import Record

INPUT_FORMATS = ("txt", "jsonl", "csv", "parquet")

_MODULES = {"txt": "plain_text", "jsonl": "json_lines", "csv": "delimited", "parquet": "parquet"}


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


def shown_name(path: str | Path) -> str:
    """The name of a file as messages and identifiers have it."""
    return "stdin" if str(path) == STANDARD_INPUT else str(path)


def read_items(
    stream: BinaryIO, path: str | Path, *, format: str | None = None, options: ReadOptions | None = None
) -> Iterator[Record | InputError]:
    """What an open file holds, in order: its records, and an error in place of each one that cannot be read.

    The last item is an error if the file cannot be read to its end.

    Args:
        stream: The open file.
        path: Its name, for messages and identifiers; its suffix tells the format and the compression.
        format: One of `INPUT_FORMATS`, or None to go by the suffix (standard input: by the first character).
        options: Columns, encoding and lines.
    """
    name = shown_name(path)
    try:
        read = import_module(f"geoevents.formats.{_MODULES[_format_of(path, stream, format)]}").read
        yield from read(decompressed(stream, path), name, options or ReadOptions())
    except InputError as error:
        yield error if error.path else InputError(error.cause, path=name)
    except OSError as error:
        yield InputError(f"cannot be read: {error.strerror or error}", path=name)


def _format_of(path: str | Path, stream: BinaryIO, format: str | None) -> str:
    found = format or _told_format(path, stream)
    if found not in INPUT_FORMATS:
        raise InputError(f"unknown input format {found!r}; allowed: {', '.join(INPUT_FORMATS)}", path=path)
    if found == "parquet" and compression(path):
        raise InputError("Parquet is compressed in itself; decompress the file", path=path)
    return found


def _told_format(path: str | Path, stream: BinaryIO) -> str:
    if str(path) == STANDARD_INPUT:
        beginning = cast(io.BufferedReader, stream).peek(1).lstrip(codecs.BOM_UTF8 + b" \r\n")
        return "jsonl" if beginning.startswith(b"{") else "txt"
    suffix = format_suffix(path)
    if suffix not in INPUT_SUFFIXES:
        raise InputError(
            f"the suffix {suffix!r} tells no format; known are {', '.join(INPUT_SUFFIXES)}, with .gz or .zst; "
            f"else name the format with --from (format=): {', '.join(INPUT_FORMATS)}",
            path=path,
        )
    return INPUT_SUFFIXES[suffix]
