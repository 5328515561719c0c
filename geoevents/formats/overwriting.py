"""Keeping the user's files from being overwritten with what is made of them."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from geoevents.errors import InputError
from geoevents.formats.paths import STANDARD_INPUT
from geoevents.formats.placing import PARTIAL

STANDARD_OUTPUT = "-"


def refuse_overwriting(outputs: Iterable[str | Path], inputs: Iterable[str]) -> None:
    """Raise if a file is to be written and to be read, by whatever name: links are followed.

    Args:
        outputs: The files that will be written, replaced or removed, "-" for standard output; they need not be there.
        inputs: The files that will be read, "-" for standard input.

    Raises:
        InputError: One of the outputs is one of the inputs.
    """
    written: dict[tuple[int, int], str] = {}
    for output in outputs:
        identity = _stream_identity(sys.stdout) if output == STANDARD_OUTPUT else _identity(output)
        if identity:
            written[identity] = "stdout" if output == STANDARD_OUTPUT else str(output)
    if not written:
        return
    for name in inputs:
        identity = _stream_identity(sys.stdin) if name == STANDARD_INPUT else _identity(name)
        if identity is not None and identity in written:
            raise InputError(
                f"the input {name} would be overwritten with the output; choose another output", path=written[identity]
            )


def refuse_doubles(outputs: Iterable[Path | None]) -> None:
    """Raise if two outputs are the same file, by whatever name; None is no output.

    Raises:
        InputError: Two of them are.
    """
    seen = set()
    for output in outputs:
        if output is None:
            continue
        file = output.resolve()
        if file in seen:
            raise InputError("two outputs would be written to this file; give each its own", path=output)
        seen.add(file)


def with_partial_files(path: Path) -> Iterator[Path]:
    """A file to be written, and those that it may be written to at first."""
    yield path
    yield path.with_name(path.name + PARTIAL)
    yield path.with_name(f".{path.name}{PARTIAL}")


def _stream_identity(stream: TextIO) -> tuple[int, int] | None:
    """The same of a stream; None for one that is no file of the system, as in a notebook."""
    try:
        return _identity(stream.fileno())
    except (OSError, ValueError):
        return None


def _identity(file: str | Path | int) -> tuple[int, int] | None:
    """What tells a regular file from all others; None for terminals, pipes and files that are not there."""
    try:
        status = os.stat(file)  # noqa: PTH116  # also of a file that is open
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
