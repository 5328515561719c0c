"""The records of several files as one stream that knows how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from geoevents.errors import InputError
from geoevents.formats.columns import ReadOptions
from geoevents.formats.inputs import STANDARD_INPUT, open_input, read_stream
from geoevents.records import Record


class RecordFiles:
    """Several files of records.

    Args:
        paths: The files, "-" for standard input.
        options: How to read them.
        format: Their format, or None to go by their suffixes.
        date: ISO 8601 date of the records that have none.
    """

    def __init__(
        self, paths: Sequence[str], options: ReadOptions, *, format: str | None = None, date: str | None = None
    ) -> None:
        self._paths = paths
        self._options = options
        self._format = format
        self._date = date
        self._stream: BinaryIO | None = None
        self._finished = 0

    def records(self, *, on_error: Callable[[InputError], None]) -> Iterator[Record]:
        """The records, file after file; a file or record that cannot be read goes to `on_error`."""
        for path in self._paths:
            try:
                with open_input(path) as stream:
                    self._stream = stream
                    records = read_stream(stream, path, format=self._format, options=self._options, on_error=on_error)
                    for record in records:
                        yield replace(record, date=self._date) if record.date is None else record
            except InputError as error:
                on_error(error)
            self._stream = None
            self._finished += _size(path) or 0

    def bytes_read(self) -> int:
        """Bytes read so far; standard input does not count."""
        current = self._stream.tell() if self._stream is not None and self._stream.seekable() else 0
        return self._finished + current

    def bytes_total(self) -> int | None:
        """Bytes of all files, or None where a size is unknown."""
        sizes = [_size(path) for path in self._paths]
        return None if None in sizes else sum(size or 0 for size in sizes)


def _size(path: str) -> int | None:
    """The size of a file in bytes, 0 where there is none, None for standard input."""
    if path == STANDARD_INPUT:
        return None
    return Path(path).stat().st_size if Path(path).is_file() else 0
