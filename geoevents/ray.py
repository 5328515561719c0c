"""Coding on one machine or many with Ray Data: a dataset of texts in, a dataset of events out.

    dataset = ray.data.read_parquet("s3://archive/articles/")
    geoevents.ray.extract(dataset, text_column="body").write_parquet("s3://archive/events/")

A pool of workers codes the documents; each loads the model once. A document that cannot be coded never ends the run:

- A record without a text or with a date that cannot be read, and a document on which the coder raises an exception, is
  skipped and reported.
- When a worker dies (a lost machine, a full memory, a document that crashes it or takes too long), Ray starts it again
  and gives it the same batch. It then takes the documents one at a time, and skips one that it has died on twice.
  What a worker is busy with is remembered outside of it, in a small actor that all share.

Needs the extra `ray`.
"""

from __future__ import annotations

import faulthandler
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

from geoevents.errors import InputError, MissingExtraError
from geoevents.events import Document, document_id
from geoevents.formats.columns import Columns, ReadOptions, choose_columns
from geoevents.formats.rows import RowSchema, row_schema
from geoevents.pipeline import Extractor, load
from geoevents.records import Record

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

BATCH_SIZE = 64
TIME_LIMIT = 300.0

# A death can be another's fault; two on the same document, read by itself, cannot.
_DEATHS = 2

_logger = logging.getLogger(__name__)


def extract(
    dataset: Dataset,
    *,
    rows: Literal["events", "documents"] = "events",
    model: str | os.PathLike[str] | Callable[[], Extractor] = "default",
    text_column: str | None = None,
    id_column: str | None = None,
    date_column: str | None = None,
    columns: str = "geoevents",
    batch_size: int = BATCH_SIZE,
    concurrency: int | tuple[int, int | None] = (1, None),
    cpus_per_worker: float = 1,
    time_limit: float = TIME_LIMIT,
) -> Dataset:
    """The events of a dataset of texts.

    Nothing is computed before the result is read or written. The order of the documents is kept only if Ray's
    `DataContext.execution_options.preserve_order` is set.

    Example:
        >>> coded = geoevents.ray.extract(dataset, rows="documents").materialize()
        >>> geoevents.ray.event_rows(coded).write_parquet("events")
        >>> geoevents.ray.skipped(coded).write_json("skipped")

    Args:
        dataset: A row for each document.
        rows: "events" for a row for each event, with the columns that `geoevents extract -o events.parquet` writes;
            skipped documents are then logged as warnings. "documents" for a row for each document, skipped or not:
            `document` (its identifier, or null where a skipped one has none), `error` (why it was skipped, else null)
            and `events` (the list of its event rows, empty for a skipped one); `event_rows()` and `skipped()` read it.
        model: A shipped model's name, a model directory that every machine has, or a function that loads an extractor
            in the worker, such as `functools.partial(geoevents.load, threads=1, min_score=0.5)`.
        text_column: Column with the text; None for the usual names ("text", "body", "content" …).
        id_column: Column with the identifier; None for the usual names ("id", "url" …), else one made from the text.
        date_column: Column with the date of publication; None for the usual names ("date", "published" …).
        columns: "geoevents", "gdelt" or "polecat"; see docs/outputs.md.
        batch_size: Documents that a worker takes at once.
        concurrency: Most workers at a time, or the fewest and the most (None for as many as the cluster has room for).
            They start with the fewest, which is one where only the most is given: the tasks that read the dataset
            need processors too.
        cpus_per_worker: Processors that Ray sets aside for each worker; the model has as many threads, at least one.
        time_limit: Seconds after which a document is given up.

    Raises:
        MissingExtraError: Ray is not installed.
        InputError: The dataset lacks a column.
        ValueError: An option has a value that is not allowed.
    """
    ray = _ray()
    if rows not in ("events", "documents"):
        raise ValueError(f"rows={rows!r}: allowed are 'events', 'documents'")
    row_schema(columns)  # an unknown name fails here, not in the workers
    pool = _pool(concurrency)
    chosen = choose_columns(dataset.columns() or (), ReadOptions(text_column, id_column, date_column))
    options = {
        "load": model if callable(model) else partial(load, model, threads=max(1, int(cpus_per_worker))),
        "columns": chosen,
        "schema": columns,
        "time_limit": time_limit,
        "attempts": ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Attempts).remote(),
    }
    return dataset.select_columns(chosen.names()).map_batches(
        EventWorker if rows == "events" else DocumentWorker,
        fn_constructor_kwargs=options,
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=pool,
        num_cpus=cpus_per_worker,
    )


def event_rows(coded: Dataset) -> Dataset:
    """The event rows of what `extract(rows="documents")` returns; unless that is materialised, all is coded anew."""
    return coded.map_batches(_event_table, batch_format="pyarrow", batch_size=None)


def skipped(coded: Dataset) -> Dataset:
    """The skipped documents of what `extract(rows="documents")` returns: the columns `document` and `error`."""
    return coded.map_batches(_skipped_table, batch_format="pyarrow", batch_size=None)


class Attempts:
    """Counts how often each piece of work was begun and not ended; a Ray actor that survives the workers."""

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


@dataclass(frozen=True, slots=True)
class _Coded:
    """A document that was read, or the reason why it was skipped."""

    id: str | None
    document: Document | None = None
    error: str | None = None


class DocumentWorker:
    """Codes batches of documents into a row for each document; what Ray Data's actors run.

    Args:
        load: Loads the extractor.
        columns: The dataset's columns.
        schema: Name of the schema of the event rows.
        time_limit: Seconds for a document.
        attempts: The actor of an `Attempts`.
    """

    def __init__(
        self, *, load: Callable[[], Extractor], columns: Columns, schema: str, time_limit: float, attempts: Any
    ) -> None:
        self._extractor = load()
        self._columns = columns
        self._schema = row_schema(schema)
        self._time_limit = time_limit
        self._attempts = attempts
        # Ray restarts an actor under its old identifier, and gives it the batches that it had.
        self._name = _ray().get_runtime_context().get_actor_id()

    def __call__(self, batch: pa.Table) -> pa.Table:
        """The coded documents of a batch."""
        from geoevents.formats.parquet import input_rows

        return _document_table(self._coded(input_rows(batch, self._columns.date)), self._schema)

    def _coded(self, rows: Sequence[Mapping[str, Any]]) -> list[_Coded]:
        """The outcome for each row, in order."""
        read = [self._read(row) for row in rows]
        records = [record for record in read if isinstance(record, Record)]
        outcomes = iter(self._code(records))
        return [next(outcomes) if isinstance(record, Record) else record for record in read]

    def _read(self, row: Mapping[str, Any]) -> Record | _Coded:
        text = row[self._columns.text]
        name = document_id(text) if isinstance(text, str) else None
        try:
            return self._columns.record(row, name or "")
        except InputError as error:
            identifier = row.get(self._columns.id or "")
            return _Coded(name if identifier in (None, "") else str(identifier), error=error.cause)

    def _code(self, records: Sequence[Record]) -> list[_Coded]:
        batch = self._work(records)
        # An earlier life of this worker ended in this batch: on which document is not known.
        suspicious = self._begin(batch) > 0
        try:
            outcomes = None if suspicious else self._together(records)
            return outcomes or [self._alone(record) for record in records]
        finally:
            faulthandler.cancel_dump_traceback_later()
            # Documents that were skipped are remembered until now: the next one may end this worker again.
            self._end(batch, *(self._work([record]) for record in records))

    def _together(self, records: Sequence[Record]) -> list[_Coded] | None:
        """The documents of records, or None if any of them raises an exception."""
        try:
            return [_Coded(document.id, document) for document in self._timed(self._extractor.pipe(records))]
        except Exception:  # whatever it is, `_alone` finds whose it is and reports it
            return None

    def _timed(self, documents: Iterator[Document]) -> Iterator[Document]:
        """The same documents; the process ends if one takes too long, even in compiled code."""
        self._set_alarm()
        for document in documents:
            yield document
            self._set_alarm()

    def _set_alarm(self) -> None:
        faulthandler.dump_traceback_later(self._time_limit, exit=True)

    def _alone(self, record: Record) -> _Coded:
        work = self._work([record])
        if self._begin(work) >= _DEATHS:
            limit = f"it crashed, or took longer than {self._time_limit:g} s"
            return _Coded(record.id, error=f"the worker ended on it {_DEATHS} times: {limit}")
        self._set_alarm()
        try:
            outcome = _Coded(record.id, self._extractor(record.text, date=record.date, id=record.id))
        except Exception as error:  # one document's failure must not end the run
            outcome = _Coded(record.id, error=f"{type(error).__name__}: {error}")
        self._end(work)
        return outcome

    def _begin(self, work: str) -> int:
        """Note that a piece of work begins; how often an earlier life of this worker ended in it."""
        deaths: int = _ray().get(self._attempts.begin.remote(work))
        return deaths

    def _end(self, *work: str) -> None:
        self._attempts.end.remote(work)

    def _work(self, records: Sequence[Record]) -> str:
        """A name for some records in the hands of this worker."""
        digest = blake2b(self._name.encode(), digest_size=16)
        for record in records:
            digest.update(f"{record.id}\0{record.text}\0".encode("utf-8", "surrogatepass"))
        return f"{digest.hexdigest()}:{len(records)}"


class EventWorker(DocumentWorker):
    """Codes batches of documents into a row for each event, and logs the skipped documents."""

    def __call__(self, batch: pa.Table) -> pa.Table:
        """The events of a batch."""
        coded = super().__call__(batch)
        for row in _skipped_table(coded).to_pylist():
            _logger.warning("skipped: document %s: %s", row["document"], row["error"])
        return _event_table(coded)


def _document_table(coded: Sequence[_Coded], schema: RowSchema) -> pa.Table:
    import pyarrow as pa

    from geoevents.formats.parquet import as_table, fields

    found = [schema.rows(outcome.document) if outcome.document else [] for outcome in coded]
    events = as_table([row for rows in found for row in rows], fields(schema.columns))
    ends = [0]
    for rows in found:
        ends.append(ends[-1] + len(rows))
    return pa.table(
        {
            "document": pa.array([outcome.id for outcome in coded], pa.string()),
            "error": pa.array([outcome.error for outcome in coded], pa.string()),
            "events": pa.ListArray.from_arrays(pa.array(ends, pa.int32()), events.to_struct_array().combine_chunks()),
        }
    )


def _event_table(coded: pa.Table) -> pa.Table:
    import pyarrow as pa

    events = coded.column("events").combine_chunks()
    return pa.Table.from_struct_array(events.flatten())


def _skipped_table(coded: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    return coded.filter(pc.is_valid(coded.column("error"))).select(["document", "error"])


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
