"""Plain text: a file is a document, or each of its lines is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from geoevents.errors import InputError
from geoevents.formats.columns import ReadOptions
from geoevents.formats.decoding import decode, decoded_lines
from geoevents.records import Record


def read(stream: BinaryIO, name: str, options: ReadOptions) -> Iterator[Record | InputError]:
    """The records of a plain text file; see `geoevents.formats.read_stream`."""
    if not options.lines:
        yield Record(decode(stream.read(), options.encoding), name)
        return
    for line in decoded_lines(stream, options.encoding):
        if line.problem:
            yield InputError(line.problem, path=name, line=line.number)
        elif line.text.strip():
            yield Record(line.text.rstrip("\r\n"), f"{name}:{line.number}")
