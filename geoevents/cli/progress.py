"""The progress bar on standard error; none where that is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from geoevents.cli.messages import say

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class Progress(Protocol):
    """Shows how far the work has come."""

    def update(self, done: int, documents: int) -> None:
        """Show that so many bytes have been read and so many documents finished."""
        ...

    def say(self, message: object) -> None:
        """Write a line to standard error."""
        ...


@contextmanager
def open_progress(total: int | None, *, shown: bool) -> Iterator[Progress]:
    """A progress bar, if it is to be shown and standard error is a terminal.

    Args:
        total: Bytes to read, or None where that is unknown.
        shown: Whether to show it; not beside events on the same terminal.
    """
    if not shown or not sys.stderr.isatty():
        yield _Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[documents]} documents"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Shown(bar, bar.add_task("reading", total=total, documents=0))


class _Silent:
    def update(self, done: int, documents: int) -> None:
        pass

    def say(self, message: object) -> None:
        say(message)


class _Shown:
    def __init__(self, bar: Bar, task: TaskID) -> None:
        self._bar = bar
        self._task = task

    def update(self, done: int, documents: int) -> None:
        self._bar.update(self._task, completed=done, documents=documents)

    def say(self, message: object) -> None:
        self._bar.console.print(f"geoevents: {message}", markup=False, highlight=False, soft_wrap=True)
