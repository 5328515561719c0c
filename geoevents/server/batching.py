"""Batches across requests: documents that wait at the same moment go through the model together.

One thread runs the model. Requests take turns, document by document, so that one of many documents does not keep the
others waiting, and short documents pass a long one between two of its batches. Work that nobody waits for any more is
dropped, at the latest between two batches.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace

from geoevents.events import STATUSES, Document, Status
from geoevents.pipeline import Extractor
from geoevents.prediction import Prediction, Tagger
from geoevents.reciprocal import Reciprocal
from geoevents.records import Record

_log = logging.getLogger(__name__)

# A document longer than this (about a hundred sentences, a third of a second) is read by itself; a batch of shorter
# ones ends when it has as many characters.
_LONG = 16_000

# How long the first document waits for company when the model is idle, in seconds.
_PATIENCE = 0.003


@dataclass(frozen=True, slots=True)
class Options:
    """What a request wants to have; see `geoevents.Extractor`."""

    statuses: tuple[Status, ...] = STATUSES
    min_score: float = 0.0
    reciprocal: Reciprocal = "joint"


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """A document to be read. Its result stays pending while it is read, so that it can be cancelled at any time."""

    record: Record
    options: Options
    result: Future[Document] = field(default_factory=Future)

    def finish(self, document: Document) -> None:
        with suppress(InvalidStateError):  # cancelled just now
            self.result.set_result(document)

    def fail(self, error: Exception) -> None:
        with suppress(InvalidStateError):
            self.result.set_exception(error)


class _Turns:
    """Waiting tasks of several requests, taken in turn."""

    def __init__(self) -> None:
        self._requests: deque[deque[_Task]] = deque()

    def __bool__(self) -> bool:
        return bool(self._requests)

    def add(self, tasks: Iterable[_Task]) -> None:
        """Queue the tasks of a request."""
        if request := deque(tasks):
            self._requests.append(request)

    def take(self, documents: int) -> list[_Task]:
        """Up to so many tasks that somebody still waits for."""
        taken: list[_Task] = []
        characters = 0
        while self._requests and len(taken) < documents and characters < _LONG:
            request = self._requests.popleft()
            task = request.popleft()
            self.add(request)
            if not task.result.cancelled():
                taken.append(task)
                characters += len(task.record.text)
        return taken


class Batcher:
    """Reads documents of concurrent requests in a thread of its own.

    Args:
        extractor: What reads them.
        max_batch: Documents that may go through the model together.
    """

    def __init__(self, extractor: Extractor, *, max_batch: int) -> None:
        self._extractor = extractor
        self._max_batch = max_batch
        self._short, self._long = _Turns(), _Turns()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="geoevents-model", daemon=True)
        self._thread.start()

    def submit(self, records: Iterable[Record], options: Options) -> list[Future[Document]]:
        """Queue the documents of one request.

        Returns:
            The documents to come, in the order of the records. Cancel what is not wanted any more.
        """
        tasks = [_Task(record, options) for record in records]
        with self._changed:
            self._short.add(task for task in tasks if len(task.record.text) <= _LONG)
            self._long.add(task for task in tasks if len(task.record.text) > _LONG)
            self._changed.notify()
        return [task.result for task in tasks]

    def close(self) -> None:
        """Drop what still waits and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while self._wait():
            self._read(self._take(self._short, self._max_batch))
            self._read(self._take(self._long, 1), between=self._let_short_pass)
        while left := self._take(self._short, 1) + self._take(self._long, 1):
            for task in left:
                task.result.cancel()

    def _wait(self) -> bool:
        """Wait for tasks; False at the end."""
        with self._changed:
            if not (self._short or self._long or self._closed):
                self._changed.wait_for(lambda: self._short or self._long or self._closed)
                if self._max_batch > 1:
                    self._changed.wait_for(lambda: self._closed, timeout=_PATIENCE)
            return not self._closed

    def _take(self, turns: _Turns, documents: int) -> list[_Task]:
        with self._changed:
            return turns.take(documents)

    def _let_short_pass(self) -> None:
        self._read(self._take(self._short, self._max_batch))

    def _read(self, tasks: Sequence[_Task], between: Callable[[], None] | None = None) -> None:
        """Read documents, those of equal options together; an error of one never reaches another."""
        for options in dict.fromkeys(task.options for task in tasks):
            group = [task for task in tasks if task.options == options]
            try:
                self._pipe(group, options, between)
            except _NobodyWaitsError:
                for task in group:
                    task.result.cancel()
            except Exception as error:
                if len(group) == 1:
                    _log.exception("a document of %d characters cannot be read", len(group[0].record.text))
                    group[0].fail(error)
                    continue
                for task in group:
                    if not task.result.done():
                        self._read([task], between)

    def _pipe(self, tasks: Sequence[_Task], options: Options, between: Callable[[], None] | None) -> None:
        def pause() -> None:
            if self._closed or all(task.result.cancelled() for task in tasks):
                raise _NobodyWaitsError
            if between is not None:
                between()

        extractor = replace(self._extractor, tagger=_PausingTagger(self._extractor.tagger, pause), **asdict(options))
        for task, document in zip(tasks, extractor.pipe([task.record for task in tasks]), strict=True):
            task.finish(document)


class _NobodyWaitsError(Exception):
    """All documents of a batch have been cancelled."""


@dataclass(frozen=True, slots=True)
class _PausingTagger:
    """A tagger that does something else before each batch."""

    tagger: Tagger
    pause: Callable[[], None]

    def predict(self, texts: Sequence[str]) -> Sequence[tuple[Prediction, ...]]:
        """See `geoevents.prediction.Tagger`."""
        self.pause()
        return self.tagger.predict(texts)
