"""Files that are put in place only when they are complete on disk, and write errors that name the file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

PARTIAL = ".partial"


def create(path: Path) -> BinaryIO:
    """A new file; where writing fails (a full disk), the OSError has the file's name, which Python leaves out.

    Raises:
        OSError: The file cannot be created.
    """
    return cast(BinaryIO, io.BufferedWriter(_NamedFile(path), 1 << 16))


class _NamedFile(io.FileIO):
    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            super().__init__(path, "w")
        except OSError as error:
            error.filename = path
            raise

    def write(self, data: bytes) -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError as error:
            error.filename = self._path
            raise


@contextmanager
def placed(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name when the block ends, as a whole and on disk, even if the power fails.

    Until then it is hidden (".NAME.partial"); if the block raises, it is removed and PATH stays as it was.

    Args:
        path: The file.

    Raises:
        OSError: The file cannot be written; its `filename` says which.
    """
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        with create(partial) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == partial:
            error.filename = path
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    """Make the names in a directory safe against loss of power, where the system can."""
    if os.name != "nt":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
