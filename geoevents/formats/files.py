"""The records of a user's files as one stream that knows how far it has come."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from geoevents.errors import InputError
from geoevents.formats.columns import ReadOptions
from geoevents.formats.inputs import open_input, read_items, shown_name
from geoevents.formats.paths import INPUT_SUFFIXES, STANDARD_INPUT, InputFile, find_inputs, format_suffix
from geoevents.records import Record


class RecordFiles:
    """Several files of records.

    Args:
        files: The files; see `find_inputs`.
        options: How to read them.
        format: Their format, or None to go by their suffixes.
        date: ISO 8601 date of the records that have none.
    """

    def __init__(
        self, files: Sequence[InputFile], options: ReadOptions, *, format: str | None = None, date: str | None = None
    ) -> None:
        self._files = files
        self._options = options
        self._format = format
        self._date = date
        self._stream: BinaryIO | None = None
        self._rows: int | None = None
        self._taken = 0
        self._finished = 0

    def contents(self, *, first: int = 0) -> Iterator[tuple[int, Record | InputError]]:
        """What the files hold, in order: the number of the file, and a record or what makes it unreadable.

        A file that cannot be opened, or not be read to its end, is an error of its own.

        Args:
            first: Number of the file to begin with, from 0.
        """
        self._finished = sum(file_size(file.path) or 0 for file in self._files[:first])
        for number in range(first, len(self._files)):
            for item in self._file_items(self._files[number]):
                yield number, item
            self._finished += file_size(self._files[number].path) or 0

    def records(self, *, on_error: Callable[[InputError], None] | None) -> Iterator[Record]:
        """The records, file after file; a file or record that cannot be read goes to `on_error`, or is raised.

        Raises:
            InputError: A file or record cannot be read and `on_error` is None.
        """
        for _, item in self.contents():
            if isinstance(item, Record):
                yield item
            elif on_error is None:
                raise item
            else:
                on_error(item)

    def bytes_read(self) -> int:
        """Bytes read so far, as they lie on disk (compressed); standard input does not count.

        Of a Parquet file, which is not read from its beginning to its end, the share of the rows counts.
        """
        if self._stream is None or not self._stream.seekable():
            return self._finished
        if self._rows is None:
            return self._finished + self._stream.tell()
        return self._finished + os.fstat(self._stream.fileno()).st_size * self._taken // max(self._rows, 1)

    def name(self, number: int) -> str:
        """The name of a file given by its number, as messages and identifiers have it."""
        return shown_name(self._files[number].path)

    def bytes_total(self) -> int | None:
        """Bytes of all files, or None where a size is unknown."""
        sizes = [file_size(file.path) for file in self._files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def _count_rows(self, stream: BinaryIO, path: str) -> int | None:
        """Number of rows of a Parquet file; None for other files and pipes."""
        if not stream.seekable() or (self._format or INPUT_SUFFIXES.get(format_suffix(path))) != "parquet":
            return None
        from geoevents.formats.parquet import count_rows

        return count_rows(stream)

    def _file_items(self, file: InputFile) -> Iterator[Record | InputError]:
        path = file.path
        if file.problem:
            yield InputError(file.problem, path=path)
            return
        try:
            with open_input(path) as stream:
                self._stream, self._rows, self._taken = stream, self._count_rows(stream, path), 0
                for item in read_items(stream, path, format=self._format, options=self._options):
                    self._taken += 1
                    yield replace(item, date=self._date) if isinstance(item, Record) and item.date is None else item
        except InputError as error:
            yield error
        finally:
            self._stream = None


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
    """The records of a file, or of all files of a directory or a pattern, as they are read.

    Example:
        >>> for document in extractor.pipe(read_records("news.csv", text_column="body", on_error=print)):
        ...     ...

    Args:
        path: A file, also with .gz or .zst; a directory or a pattern (see `find_inputs`); or "-" for standard input.
        format: "txt", "jsonl", "csv" or "parquet"; None to go by the suffix (standard input: by the first character).
        text_column: Column with the text; None for the usual names ("text", "body", "content" …).
        id_column: Column with the identifier; None for the usual names ("id", "url" …), else file and line.
        date_column: Column with the date of publication; None for the usual names ("date", "published" …).
        encoding: Encoding of text files.
        lines: Whether each line of a plain text file is a document of its own.
        on_error: Is given the error of each record or file that cannot be read, which is then skipped; without it
            the error is raised.

    Raises:
        InputError: A record or a file cannot be read and `on_error` is None, naming file, line and cause; or the
            directory or pattern holds no file to read.
    """
    options = ReadOptions(text_column, id_column, date_column, encoding, lines)
    yield from RecordFiles(find_inputs([path]), options, format=format).records(on_error=on_error)


def file_size(path: str) -> int | None:
    """The size of a file in bytes, 0 where there is none or none can be seen, None for standard input."""
    if path == STANDARD_INPUT:
        return None
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
