"""Coding on one machine or many with Ray: a Ray dataset of texts in, a dataset of events out.

    dataset = ray.data.read_parquet("s3://archive/articles/")
    geoevents.ray.extract(dataset, text_column="body").write_parquet("s3://archive/events/")

A pool of workers codes the documents; each loads the model once. A document that cannot be coded never ends the run:

- A record without a text or with a date that cannot be read, and a text on which the extractor raises an exception, is
  skipped and reported.
- When a worker dies (a lost machine, a full memory, a text that crashes it or takes too long), Ray starts it again and
  gives it the same chunk. When it has died on that twice, it takes the documents one at a time, and skips one that it
  dies on twice more. What a worker is busy with is remembered outside of it, in a small actor that all share.
- A worker that dies twice while it loads the model ends the run.

`RayWorkers` is the same for `geoevents.bulk`: files in, shards out. Needs the extra `ray`; docs/cluster.md tells how to
run it.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

from geoevents.bulk.chunks import Chunk, Item, Position
from geoevents.bulk.extraction import Coded, Coder, ExtractorOptions, ExtractorSource, load_for_good
from geoevents.bulk.processes import WINDOW_SECONDS
from geoevents.errors import GeoEventsError, InputError, MissingExtraError
from geoevents.events import document_id
from geoevents.formats.columns import Columns, ReadOptions, choose_columns
from geoevents.formats.rows import row_schema
from geoevents.records import Record

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

BATCH_SIZE = 64
TIME_LIMIT = 300.0

# One death can be another's fault, as that of a lost machine; two are those of what was being read.
_DEATHS = 2

# Chunks given to a worker at a time, so that it need not wait for the next, and chunks that may be coded but not taken
# yet, for each worker: one that has trouble holds the others up only then.
_IN_HAND = 2
_AHEAD = 4

# Columns of a run's documents that a dataset has nothing for.
_OF_FILES = ("file", "record", "line")

_logger = logging.getLogger(__name__)


def extract(
    dataset: Dataset,
    *,
    model: str | os.PathLike[str] | ExtractorSource = "default",
    text_column: str | None = None,
    id_column: str | None = None,
    date_column: str | None = None,
    columns: str = "geoevents",
    output: Literal["events", "both"] = "events",
    batch_size: int = BATCH_SIZE,
    concurrency: int | tuple[int, int | None] = (1, None),
    cpus_per_worker: float = 1,
    time_limit: float | None = TIME_LIMIT,
) -> Dataset:
    """The events of a dataset of texts.

    Nothing is computed before the result is read or written. The order of the documents is kept only if Ray's
    `DataContext.execution_options.preserve_order` is set.

    Example:
        >>> coded = geoevents.ray.extract(dataset, output="both").materialize()
        >>> geoevents.ray.event_rows(coded).write_parquet("events")
        >>> geoevents.ray.document_rows(coded).write_parquet("documents")

    Args:
        dataset: A row for each document.
        model: A shipped model's name, a model directory that every machine has, or `ExtractorOptions` (package
            `geoevents.bulk`) with dictionaries, statuses and the like.
        text_column: Column with the text; None for the usual names ("text", "body", "content" …).
        id_column: Column with the identifier; None for the usual names ("id", "url" …), else one made from the text.
        date_column: Column with the date of publication; None for the usual names ("date", "published" …).
        columns: "geoevents", "gdelt" or "polecat"; see docs/outputs.md.
        output: "events" for a row for each event, with the columns that `geoevents extract -o events.parquet` writes;
            skipped documents are then only logged, as warnings. "both" for events and documents in one: a row for each
            batch, which `event_rows()` and `document_rows()` take apart.
        batch_size: Documents that a worker takes at once.
        concurrency: Most workers at a time, or the fewest and the most (None for as many as the cluster has room for).
            They start with the fewest, which is one where only the most is given: the tasks that read the dataset
            need processors too.
        cpus_per_worker: Processors that Ray sets aside for each worker; the model has as many threads, at least one.
        time_limit: Seconds that a document may take before it is skipped, or None for any.

    Raises:
        MissingExtraError: Ray is not installed.
        InputError: The dataset lacks a column.
        ValueError: An option has a value that is not allowed.
    """
    ray = _ray()
    if output not in ("events", "both"):
        raise ValueError(f"output={output!r}: allowed are 'events', 'both'")
    row_schema(columns)  # an unknown name fails here, not in the workers
    pool = _pool(concurrency)
    chosen = choose_columns(dataset.columns() or (), ReadOptions(text_column, id_column, date_column))
    source = ExtractorOptions(str(model)) if isinstance(model, str | os.PathLike) else model
    if isinstance(source, ExtractorOptions) and source.threads is None:
        source = replace(source, threads=max(1, int(cpus_per_worker)))
    return dataset.select_columns(chosen.names()).map_batches(
        DatasetWorker,
        fn_constructor_kwargs={
            "source": source,
            "coder": Coder(columns),
            "time_limit": time_limit,
            "attempts": _start_attempts(ray),
            "columns": chosen,
            "both": output == "both",
        },
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=pool,
        num_cpus=cpus_per_worker,
    )


def event_rows(coded: Dataset) -> Dataset:
    """A row for each event of what `extract(output="both")` returns; unless that is materialised, all is coded anew."""
    return coded.map_batches(partial(_rows_of, column="events"), batch_format="pyarrow", batch_size=None)


def document_rows(coded: Dataset) -> Dataset:
    """A row for each document that went into `extract(output="both")`, skipped or not.

    The columns are those of `DOCUMENT_COLUMNS` in `geoevents.bulk.extraction` without file, record and line.
    """
    return coded.map_batches(partial(_rows_of, column="documents"), batch_format="pyarrow", batch_size=None)


@dataclass(frozen=True)
class RayWorkers:
    """Codes chunks on a Ray cluster, as `geoevents.bulk.processes.Workers` does on one machine.

    Connects to the cluster that Ray's settings name, else to one on this machine, else starts one of its processors.

    Attributes:
        source: Where each worker gets its extractor from.
        coder: How chunks become rows.
        number: Number of workers, or None for one on each processor of the cluster.
        time_limit: Seconds that a document may take, or None for any.

    Raises:
        MissingExtraError: Ray is not installed.
        ValueError: The number of workers or the time limit is not positive.
    """

    source: ExtractorSource
    coder: Coder
    number: int | None = None
    time_limit: float | None = None

    def __post_init__(self) -> None:
        if self.number is not None and self.number < 1:
            raise ValueError(f"workers={self.number!r}: give a positive number")
        if self.time_limit is not None and self.time_limit <= 0:
            raise ValueError(f"time_limit={self.time_limit!r}: give a positive number of seconds")
        _ray()

    def code(self, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Coded]]:
        """The chunks with their rows, in order; few more are read than are being coded.

        Raises:
            GeoEventsError: The workers cannot load the extractor.
        """
        ray = _ray()
        ours = not ray.is_initialized()
        if ours:
            _start(ray)
        attempts = _start_attempts(ray)
        number = self.number or max(1, int(ray.cluster_resources().get("CPU", 1)))
        start = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=-1)(ChunkWorker).remote
        options = {"source": self.source, "coder": self.coder, "time_limit": self.time_limit, "attempts": attempts}
        workers = [start(**options) for _ in range(number)]
        try:
            yield from _in_order(ray, workers, iter(chunks))
        except ray.exceptions.RayError as error:
            raise GeoEventsError(f"the workers cannot go on: {error}") from error
        finally:
            for worker in (*workers, attempts):
                ray.kill(worker)
            if ours:
                ray.shutdown()


def _in_order(ray: Any, workers: Sequence[Any], chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Coded]]:
    """The chunks with their rows; each worker has some in hand, and all together only so many are on their way."""
    # A worker is given chunks when it has started: the cluster may have no room for all.
    busy = {worker.ready.remote(): worker for worker in workers for _ in range(_IN_HAND)}
    free: deque[Any] = deque()
    waiting: deque[tuple[Chunk, Any]] = deque()
    done: dict[Any, Coded] = {}
    more = True
    while more or waiting:
        while more and free and len(waiting) < len(workers) * _AHEAD:
            chunk = next(chunks, None)
            if chunk is None:
                more = False
                break
            worker = free.popleft()
            result = worker.code.remote(chunk)
            busy[result] = worker
            waiting.append((chunk, result))
        while waiting and waiting[0][1] in done:
            chunk, result = waiting.popleft()
            yield chunk, done.pop(result)
        if waiting or more:
            for result in ray.wait(list(busy))[0]:
                free.append(busy.pop(result))
                coded = ray.get(result)
                if coded is not None:
                    done[result] = coded


class Attempts:
    """Counts how often each piece of work was begun and not ended; an actor that outlives the workers."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, work: str) -> int:
        """Note that a piece of work begins, and return how often it was begun before."""
        before = self._begun[work]
        self._begun[work] += 1
        return before

    def end(self, work: Sequence[str]) -> None:
        """Forget pieces of work."""
        for item in work:
            self._begun.pop(item, None)


class ChunkWorker:
    """Codes chunks; what an actor runs.

    Args:
        source: Gives the extractor.
        coder: How chunks become rows.
        time_limit: Seconds that a document may take, or None for any.
        attempts: The actor of an `Attempts`.

    Raises:
        GeoEventsError: The extractor cannot be loaded, or two lives of this worker ended while they loaded it.
    """

    def __init__(self, *, source: ExtractorSource, coder: Coder, time_limit: float | None, attempts: Any) -> None:
        self._coder = coder
        self._time_limit = time_limit
        self._attempts = attempts
        # Ray restarts an actor under its old identifier, and gives it the work that it had.
        self._name = _ray().get_runtime_context().get_actor_id()
        if self._begin(self._name) >= _DEATHS:  # what fails here is not restarted
            raise GeoEventsError("the worker died twice while it loaded the model")
        self._extractor = load_for_good(source)
        self._end(self._name)

    def ready(self) -> None:
        """Return when the extractor is loaded."""

    def code(self, chunk: Chunk) -> Coded:
        """What becomes of a chunk."""
        work = self._work(chunk.items)
        suspicious = self._begin(work) >= _DEATHS
        try:
            if suspicious:  # but of which document is not known
                return Coded.joined([self._code_alone(replace(chunk, items=(item,))) for item in chunk.items])
            return self._code(chunk, WINDOW_SECONDS)
        finally:
            # Documents that were skipped are remembered until now: the next one may end this worker again.
            self._end(work, *(self._work([item]) for item in chunk.items))

    def _code_alone(self, chunk: Chunk) -> Coded:
        """What becomes of a chunk of one item."""
        work = self._work(chunk.items)
        if self._begin(work) >= _DEATHS:
            limit = "" if self._time_limit is None else f", or took longer than {self._time_limit:g} seconds"
            cause = f"the worker died twice on this text: it crashed{limit}"
            return self._coder.coded([(chunk.items[0], InputError(cause))])
        coded = self._code(chunk, 0)
        self._end(work)
        return coded

    def _code(self, chunk: Chunk, window: float) -> Coded:
        """What becomes of a chunk; this process ends if a document takes too long, even in compiled code."""
        if self._time_limit is None:
            return self._coder.code(self._extractor, chunk)
        seconds = self._time_limit + window
        try:
            return self._coder.code(
                self._extractor, chunk, tick=lambda: faulthandler.dump_traceback_later(seconds, exit=True)
            )
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _begin(self, work: str) -> int:
        """Note that a piece of work begins; how often an earlier life of this worker ended in it."""
        deaths: int = _ray().get(self._attempts.begin.remote(work))
        return deaths

    def _end(self, *work: str) -> None:
        self._attempts.end.remote(work)

    def _work(self, items: Iterable[Item]) -> str:
        """A name for some items in the hands of this worker."""
        digest = blake2b(self._name.encode(), digest_size=16)
        for item in items:
            digest.update(f"{item}\0".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


class DatasetWorker(ChunkWorker):
    """Codes batches of a dataset; what Ray Data's actors run.

    Args:
        columns: The dataset's columns.
        both: Whether to return what `event_rows` and `document_rows` read, not the rows of the events.
        worker: See `ChunkWorker`.
    """

    def __init__(self, *, columns: Columns, both: bool, **worker: Any) -> None:
        super().__init__(**worker)
        self._columns = columns
        self._both = both

    def __call__(self, batch: pa.Table) -> pa.Table:
        """What becomes of a batch."""
        from geoevents.formats.parquet import input_rows

        rows = input_rows(batch, self._columns.date)
        items = tuple(Item("", number, self._content(row)) for number, row in enumerate(rows, 1))
        coded = self.code(Chunk(0, items, Position(0, 0), Position(0, len(items)), size=0, read=0))
        if self._both:
            return _as_row(coded)
        for row in coded.documents.to_pylist():
            if row["skipped"] is not None:
                _logger.warning("skipped: %s: %s", row["document"], row["skipped"])
        return coded.events

    def _content(self, row: Mapping[str, Any]) -> Record | InputError:
        text = row[self._columns.text]
        try:
            return self._columns.record(row, document_id(text) if isinstance(text, str) else "")
        except InputError as error:
            name = row[self._columns.id] if self._columns.id else None
            if name is None or isinstance(name, InputError):
                return error
            return InputError(f"{error.cause} (document {name!r})")


def _as_row(coded: Coded) -> pa.Table:
    """Both tables as lists in one row."""
    import pyarrow as pa

    def listed(table: pa.Table) -> pa.ListArray:
        rows = table.to_struct_array().combine_chunks()
        return pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), rows)

    return pa.table({"events": listed(coded.events), "documents": listed(coded.documents.drop_columns(_OF_FILES))})


def _rows_of(coded: pa.Table, column: str) -> pa.Table:
    """The rows that are lists in a column."""
    import pyarrow as pa

    return pa.Table.from_struct_array(coded.column(column).combine_chunks().flatten())


def _start(ray: Any) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    ray.init(logging_level=logging.WARNING)
    with suppress(ValueError):  # not the main thread, in which Ray sets no handler either
        signal.signal(signal.SIGTERM, handler)


def _start_attempts(ray: Any) -> Any:
    return ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Attempts).remote()


def _pool(concurrency: int | tuple[int, int | None]) -> Any:
    from ray.data import ActorPoolStrategy

    fewest, most = (1, concurrency) if isinstance(concurrency, int) else concurrency
    if fewest < 1 or (most is not None and most < fewest):
        raise ValueError(f"concurrency={concurrency!r}: give a positive number, or the fewest and the most workers")
    return ActorPoolStrategy(min_size=fewest, max_size=most)


def _ray() -> Any:
    """Ray, with its Data library."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("ray[data]", "ray") from error
    return ray
