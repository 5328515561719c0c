"""What the command line says on standard error, and its exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import typer

from geoevents.errors import InputError

FAILED = 1
SKIPPED = 3
INTERRUPTED = 130

_ERRORS_SHOWN = 10


def say(message: object) -> None:
    """Write a line to standard error."""
    typer.echo(f"geoevents: {message}", err=True)


def fail(message: object) -> NoReturn:
    """Write a line to standard error and end with status 1."""
    say(message)
    sys.exit(FAILED)


@dataclass
class SkippedRecords:
    """Reports the records that are skipped: the first ones each, the others by their number.

    Attributes:
        say: Writes a line.
        count: Number of records skipped.
    """

    say: Callable[[object], None]
    count: int = 0

    def __call__(self, error: InputError) -> None:
        """Count a record as skipped."""
        self.count += 1
        if self.count <= _ERRORS_SHOWN:
            self.say(f"skipped: {error}")
        elif self.count == _ERRORS_SHOWN + 1:
            self.say("more records are skipped; only their number will be told")
