"""Worker processes that code chunks, and what is done when one dies or takes too long.

Each worker is a new process ("spawn") that loads the extractor once, is given a chunk at a time and sends its rows back
through a pipe. A chunk that two workers died on, or that shows no sign of life for longer than the time limit, is taken
apart: its documents go through one at a time, and one that kills its worker or exhausts its time twice is skipped.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from geoevents.bulk.chunks import Chunk
from geoevents.bulk.extraction import Coded, Coder, ExtractorSource, load_for_good
from geoevents.errors import GeoEventsError, InputError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

# A whole chunk gives signs of life only between windows of sentences, which may take this long beside the document's
# own; so may what a new worker loads when it first needs it.
WINDOW_SECONDS = 10.0

# Workers that may die one after another before they have loaded the extractor.
_FAILED_STARTS = 3

# Chunks that may be coded but not taken yet, for each worker: one that has trouble holds the others up only then.
_AHEAD = 4

_READY = "ready"


@dataclass(frozen=True)
class Workers:
    """Codes chunks in worker processes.

    Attributes:
        source: Where each worker gets its extractor from.
        coder: How chunks become rows.
        number: Number of processes.
        time_limit: Seconds that a document may take, or None for any.

    Raises:
        ValueError: The number of processes or the time limit is not positive.
    """

    source: ExtractorSource
    coder: Coder
    number: int
    time_limit: float | None = None

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"workers={self.number!r}: give a positive number")
        if self.time_limit is not None and self.time_limit <= 0:
            raise ValueError(f"time_limit={self.time_limit!r}: give a positive number of seconds")

    def code(self, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Coded]]:
        """The chunks with their rows, in order; few more are read than are being coded.

        Raises:
            GeoEventsError: The workers cannot load the extractor.
        """
        pool = _Pool(self)
        try:
            yield from pool.run(iter(chunks))
        finally:
            pool.end()


@dataclass
class _Task:
    """A chunk to be coded.

    Attributes:
        place: Its place in the order of the input: the chunk's number, and the item's if it was taken apart.
        chunk: The chunk, of one item if it was taken apart.
        alone: Whether it was.
        failures: Number of workers that died on it or were too slow.
    """

    place: tuple[int, int]
    chunk: Chunk
    alone: bool = False
    failures: int = 0


@dataclass
class _Worker:
    """A worker process.

    Attributes:
        process: The process.
        pipe: The connection to it.
        ticks: Counts its signs of life; shared with it.
        ready: Whether it has loaded the extractor.
        warm: Whether it has finished a task; the first takes longer.
        task: What it works on.
        seen: The count when it was last looked at.
        since: When it was last seen to have changed.
    """

    process: BaseProcess
    pipe: Connection
    ticks: Any
    ready: bool = False
    warm: bool = False
    task: _Task | None = None
    seen: int = 0
    since: float = field(default_factory=time.monotonic)

    def give(self, task: _Task) -> None:
        """Let it work on a task; if it is dead, that shows when it is next looked at."""
        self.task = task
        self.since = time.monotonic()
        with suppress(OSError):
            self.pipe.send(task.chunk)

    def silent(self) -> float:
        """Seconds since its last sign of life, while it works on a task."""
        now = time.monotonic()
        if self.ticks.value != self.seen:
            self.seen, self.since = self.ticks.value, now
        return now - self.since if self.task else 0.0

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class _Pool:
    """The workers of a run and the chunks on their way.

    Args:
        plan: What they are to do.
    """

    def __init__(self, plan: Workers) -> None:
        self._plan = plan
        self._failed_starts = 0
        self._waiting: deque[_Task] = deque()
        self._open: dict[int, _Parts] = {}
        self._workers = [self._start() for _ in range(plan.number)]

    def run(self, chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Coded]]:
        """See `Workers.code`."""
        first = read = 0
        more = True
        while more or self._open:
            while more and len(self._open) < self._plan.number * _AHEAD and len(self._waiting) < self._plan.number:
                chunk = next(chunks, None)
                if chunk is None:
                    more = False
                    break
                self._open[read] = _Parts(chunk, 1)
                self._waiting.append(_Task((read, 0), chunk))
                read += 1
            self._hand_out()
            if self._open:
                self._look()
            self._hand_out()  # so that no worker waits while what has come is written
            while first in self._open and self._open[first].complete():
                parts = self._open.pop(first)
                yield parts.chunk, parts.joined()
                first += 1

    def end(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.process.kill()  # all of them, even if waiting for the first is interrupted
        for worker in self._workers:
            worker.end()

    def _start(self) -> _Worker:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        ticks = context.RawValue("Q", 0)
        arguments = (theirs, ticks, self._plan.source, self._plan.coder)
        process = context.Process(target=_work, args=arguments, name="geoevents worker", daemon=True)
        with _signals_kept():
            process.start()
        theirs.close()
        return _Worker(process, ours, ticks)

    def _hand_out(self) -> None:
        for worker in self._workers:
            if worker.ready and worker.task is None and self._waiting:
                worker.give(self._waiting.popleft())

    def _look(self) -> None:
        """Wait until something happens, and deal with it."""
        limit = self._plan.time_limit
        pipes = [worker.pipe for worker in self._workers]
        heard = connection.wait(pipes, None if limit is None else min(1.0, limit / 4))
        for number, worker in enumerate(self._workers):
            if worker.pipe in heard:
                self._hear(number, worker)
            elif limit is not None and worker.task:
                exact = worker.task.alone and worker.warm
                if worker.silent() > (limit if exact else limit + WINDOW_SECONDS):
                    self._replace(number)
                    self._failed(worker.task, f"not coded within the time limit of {limit:g} seconds", slow=True)

    def _hear(self, number: int, worker: _Worker) -> None:
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(1.0)  # so that its own exit status is seen
            self._replace(number)
            self._died(worker)
            return
        if isinstance(message, Exception):
            raise message
        if isinstance(message, Coded) and worker.task:
            self._finish(worker.task, message)
            worker.task, worker.warm = None, True
        worker.ready = True
        self._failed_starts = 0

    def _replace(self, number: int) -> None:
        self._workers[number].end()
        self._workers[number] = self._start()

    def _died(self, worker: _Worker) -> None:
        task = worker.task
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts == _FAILED_STARTS:
                raise GeoEventsError(f"the worker processes die while they load the model ({_ending(worker.process)})")
        if task is not None:
            self._failed(task, f"the worker process died twice on this text ({_ending(worker.process)})")

    def _failed(self, task: _Task, cause: str, *, slow: bool = False) -> None:
        """Give a task to another worker; after two failures, which are no other's fault, skip or take it apart."""
        task.failures += 1
        if task.alone and task.failures == 2:
            self._finish(task, self._plan.coder.coded([(task.chunk.items[0], InputError(cause))]))
        elif not task.alone and (slow or task.failures == 2):
            self._take_apart(task)
        else:
            self._waiting.appendleft(task)

    def _take_apart(self, task: _Task) -> None:
        chunk = task.chunk
        self._open[task.place[0]] = _Parts(chunk, len(chunk.items))
        self._waiting.extendleft(
            _Task((task.place[0], number), replace(chunk, items=(item,)), alone=True)
            for number, item in reversed(list(enumerate(chunk.items)))
        )

    def _finish(self, task: _Task, coded: Coded) -> None:
        number, part = task.place
        self._open[number].coded[part] = coded


@dataclass
class _Parts:
    """A chunk and what has become of its parts so far.

    Attributes:
        chunk: The chunk.
        number: Number of its parts: one, or one for each item.
        coded: Their rows, by number.
    """

    chunk: Chunk
    number: int
    coded: dict[int, Coded] = field(default_factory=dict)

    def complete(self) -> bool:
        """Whether all parts are done."""
        return len(self.coded) == self.number

    def joined(self) -> Coded:
        """The rows of all parts."""
        return Coded.joined([self.coded[part] for part in range(self.number)])


def _ending(process: BaseProcess) -> str:
    """How a process ended."""
    status = process.exitcode
    if status is not None and status < 0:
        with suppress(ValueError):
            return f"signal {signal.Signals(-status).name}"
    return f"exit status {status}"


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Let a process that is started meanwhile never see Ctrl-C and the like: this one ends it when it has to."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it lifts the block when it starts, so not meanwhile
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection, ticks: Any, source: ExtractorSource, coder: Coder) -> None:
    """What a worker process does until its parent closes the pipe."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        extractor = load_for_good(source)
        coder.coded([])  # what that imports is not to count for the first chunk
    except Exception as error:
        pipe.send(error if isinstance(error, GeoEventsError) else GeoEventsError(f"{type(error).__name__}: {error}"))
        return

    def tick() -> None:
        ticks.value += 1

    pipe.send(_READY)
    with suppress(EOFError, OSError):
        while True:
            pipe.send(coder.code(extractor, pipe.recv(), tick=tick))


def _end_with_parent() -> None:
    """End this process when its parent is gone, even by SIGKILL."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
