"""How far the work has come: a bar on a terminal, or a line now and then in the log of a bulk run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from geoevents.cli.messages import say

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from geoevents.bulk import Advance

_SECONDS_BETWEEN_LINES = 60.0


class Progress(Protocol):
    """Shows how far the work has come."""

    def update(self, advance: Advance) -> None:
        """Show it."""
        ...

    def say(self, message: object) -> None:
        """Write a line to standard error."""
        ...


@contextmanager
def open_progress(total: int | None, *, shown: bool, logged: bool = False) -> Iterator[Progress]:
    """A progress bar, if it is to be shown and standard error is a terminal.

    Args:
        total: Bytes to read, or None where that is unknown.
        shown: Whether to show it; not beside events on the same terminal.
        logged: Whether to write a line each minute where standard error is no terminal.
    """
    if not shown or not sys.stderr.isatty():
        yield _Lines() if logged else _Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[state]}"))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Shown(bar, bar.add_task("reading", total=total, state=""))


def state(advance: Advance) -> str:
    """Documents, speed and time left, as far as known: "1,200 documents, 60 a second, 1:02:03 left"."""
    parts = [f"{advance.documents:,} documents"]
    if advance.seconds >= 1:
        parts.append(f"{advance.documents / advance.seconds:,.0f} a second")
    if advance.seconds_left is not None:
        parts.append(f"{timedelta(seconds=round(advance.seconds_left))} left")
    return ", ".join(parts)


class _Silent:
    def update(self, advance: Advance) -> None:
        pass

    def say(self, message: object) -> None:
        say(message)


class _Lines(_Silent):
    def __init__(self) -> None:
        self._last = time.monotonic()

    def update(self, advance: Advance) -> None:
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            share = f"{advance.done / advance.total:.1%}, " if advance.total else ""
            say(f"{share}{state(advance)}")


class _Shown:
    def __init__(self, bar: Bar, task: TaskID) -> None:
        self._bar = bar
        self._task = task

    def update(self, advance: Advance) -> None:
        self._bar.update(self._task, completed=advance.done, state=state(advance))

    def say(self, message: object) -> None:
        self._bar.console.print(f"geoevents: {message}", markup=False, highlight=False, soft_wrap=True)
