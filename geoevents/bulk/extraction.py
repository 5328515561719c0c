"""A chunk through the extractor: rows of its events, and a row for each document or skipped record."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from geoevents.bulk.chunks import Chunk, Item
from geoevents.errors import DictionaryError, InputError
from geoevents.events import STATUSES, Document, Status
from geoevents.formats.rows import Column, row_schema
from geoevents.pipeline import BATCH_SIZE, Extractor, load
from geoevents.reciprocal import Reciprocal
from geoevents.records import Record

if TYPE_CHECKING:
    import pyarrow as pa

DOCUMENT_COLUMNS = (
    Column("document", "string", "Identifier of the document"),
    Column("date", "string", "Date of the document (ISO 8601)"),
    Column("file", "string", "File it was read from"),
    Column("record", "integer", "Its number in the file, from 1, unreadable ones included"),
    Column("line", "integer", "Line of the file, where a record could not be read"),
    Column("characters", "integer", "Length of the text"),
    Column("sentences", "integer", "Number of its sentences"),
    Column("events", "integer", "Number of its events"),
    Column("skipped", "string", "Why the record was skipped; missing for all others"),
)


Outcome = tuple[Item, Document | InputError]
"""An item of the input, and its document or why it is skipped."""


class ExtractorSource(Protocol):
    """Where each process gets its extractor from; must be picklable."""

    def load(self) -> Extractor:
        """A new extractor."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """What decides about the extractor's results, in plain JSON types."""
        ...


def load_for_good(source: ExtractorSource) -> Extractor:
    """A new extractor for a process that does nothing else until it ends.

    What is loaded by then is taken out of the garbage collector's sight, who would look through all names of the
    gazetteer every few thousand sentences.
    """
    extractor = source.load()
    gc.freeze()
    return extractor


@dataclass(frozen=True)
class ExtractorOptions:
    """How to load an extractor; see `geoevents.load`.

    Attributes:
        model: Name of a shipped model, or a model directory.
        backend: "onnx" or "torch".
        threads: Threads of the model, or None for one on each core.
        dictionaries: The user's own actor dictionaries.
        lenient: Whether to use the good lines of malformed dictionaries.
        statuses: Statuses of the events to return.
        min_score: Lowest score of the events to return.
        reciprocal: How to write acts with a joint subject.
    """

    model: str = "default"
    backend: Literal["onnx", "torch"] = "onnx"
    threads: int | None = None
    dictionaries: tuple[Path, ...] = ()
    lenient: bool = False
    statuses: tuple[Status, ...] = STATUSES
    min_score: float = 0.0
    reciprocal: Reciprocal = "joint"

    def load(self) -> Extractor:
        """The extractor.

        Raises:
            ModelError: The model cannot be loaded.
            DictionaryError: A dictionary is malformed and `lenient` is off.
        """
        from geoevents.resolution import load_resolver

        return load(
            self.model,
            backend=self.backend,
            threads=self.threads,
            resolver=load_resolver(dictionaries=self.dictionaries, lenient=self.lenient),
            statuses=self.statuses,
            min_score=self.min_score,
            reciprocal=self.reciprocal,
        )

    def describe(self) -> dict[str, Any]:
        """The options in plain JSON types; models and dictionaries by name and content.

        Raises:
            DictionaryError: A dictionary cannot be read.
            ModelError: There is no such model.
        """
        from geoevents.runtime import model_directory

        directory = model_directory(self.model)
        files = sorted(path for path in directory.rglob("*") if path.is_file())
        try:
            dictionaries = _digest(self.dictionaries)
        except OSError as error:
            cause = f"the dictionary cannot be read: {error.strerror or error}"
            raise DictionaryError(cause, path=error.filename) from error
        return {
            "model": self.model,
            "model files": _digest(files),
            "backend": self.backend,
            "dictionaries": dictionaries,
            "lenient": self.lenient,
            "statuses": list(self.statuses),
            "min_score": self.min_score,
            "reciprocal": self.reciprocal,
        }


def _digest(paths: Iterable[Path]) -> str:
    """A digest of the files' contents."""
    digests = [sha256(path.read_bytes()).digest() for path in paths]
    return sha256(b"".join(digests)).hexdigest()


@dataclass(frozen=True)
class LoadedExtractor:
    """An extractor that is there already, for runs in one process.

    Attributes:
        extractor: The extractor.
    """

    extractor: Extractor

    def load(self) -> Extractor:
        """The extractor itself."""
        return self.extractor

    def describe(self) -> dict[str, Any]:
        """What can be told of the extractor without its files."""
        return {
            "extractor": repr(self.extractor),
            "statuses": list(self.extractor.statuses),
            "min_score": self.extractor.min_score,
            "reciprocal": self.extractor.reciprocal,
        }


@dataclass(frozen=True)
class Coder:
    """Codes chunks; picklable, so that it can be handed to other processes and machines.

    Attributes:
        columns: Name of the columns of the event rows: "geoevents", "gdelt" or "polecat".
        batch_size: Sentences that go through the model at once.

    Raises:
        ValueError: There are no columns of that name, or the batch size is not positive.
    """

    columns: str = "geoevents"
    batch_size: int = BATCH_SIZE

    def __post_init__(self) -> None:
        row_schema(self.columns)
        if self.batch_size < 1:
            raise ValueError(f"batch_size={self.batch_size!r}: give a positive number")

    def code(self, extractor: Extractor, chunk: Chunk, *, tick: Callable[[], None] = lambda: None) -> Coded:
        """Code a chunk. A record that raises an exception is skipped; the others are not lost with it.

        Args:
            extractor: The extractor.
            chunk: The chunk.
            tick: Is called when a record goes in and when a document comes out, as a sign of life.
        """
        return self.coded(list(code_items(extractor, chunk.items, batch_size=self.batch_size, tick=tick)))

    def coded(self, outcomes: Sequence[Outcome]) -> Coded:
        """The rows of items that became documents or are skipped."""
        from geoevents.formats.parquet import as_table, fields

        schema = row_schema(self.columns)
        rows = [row for _, outcome in outcomes if isinstance(outcome, Document) for row in schema.rows(outcome)]
        documents = [_document_row(item, outcome) for item, outcome in outcomes]
        return Coded(as_table(rows, fields(schema.columns)), as_table(documents, fields(DOCUMENT_COLUMNS)))


@dataclass(frozen=True)
class Coded:
    """What became of a chunk.

    Attributes:
        events: A row for each event.
        documents: A row of `DOCUMENT_COLUMNS` for each document or skipped record.
    """

    events: pa.Table
    documents: pa.Table

    @classmethod
    def joined(cls, parts: Sequence[Coded]) -> Coded:
        """What became of successive parts of the input; at least one."""
        import pyarrow as pa

        return cls(
            pa.concat_tables([part.events for part in parts]), pa.concat_tables([part.documents for part in parts])
        )

    def number_of_events(self) -> int:
        """Number of events; columns of dyads have more rows."""
        return sum(number or 0 for number in self.documents["events"].to_pylist())

    def skips(self) -> list[InputError]:
        """The skipped records, as errors that say where they are."""
        if self.documents["skipped"].null_count == self.documents.num_rows:
            return []
        return [_skip(row) for row in self.documents.to_pylist() if row["skipped"] is not None]


def _skip(row: Mapping[str, Any]) -> InputError:
    return _located(row["skipped"], row["file"], row["line"], row["record"], row["document"])


def located_skip(item: Item, error: InputError) -> InputError:
    """Why an item was skipped, with the place where it is in the input."""
    return _located(error.cause, item.file, error.line, item.record, _identifier(item))


def _located(cause: str, file: str, line: int | None, record: int, identifier: str | None) -> InputError:
    where = "" if identifier is None else f"record {record} ({identifier}): "
    return InputError(where + cause, path=file, line=line)


def skipped_record(item: Item, error: InputError) -> dict[str, Any]:
    """A skipped record as reports list it: file, line, record, id and cause."""
    return {
        "file": item.file,
        "line": error.line,
        "record": item.record,
        "id": _identifier(item),
        "cause": error.cause,
    }


def _identifier(item: Item) -> str | None:
    return item.content.id if isinstance(item.content, Record) else None


def code_items(
    extractor: Extractor,
    items: Iterable[Item],
    *,
    batch_size: int = BATCH_SIZE,
    tick: Callable[[], None] = lambda: None,
) -> Iterator[Outcome]:
    """The items with what became of them, in order: a document, or why the item is skipped.

    A record on which the extractor raises an exception is skipped. Those that were in work beside it are coded again,
    one at a time, since nobody can tell which one it was.

    Args:
        extractor: The extractor.
        items: The items, which are read as they are needed.
        batch_size: Sentences that go through the model at once.
        tick: Is called when a record goes in and when a document comes out, as a sign of life.

    Raises:
        Exception: What reading the items raises, behind the outcomes of those read before.
    """
    work = _InWork(iter(items), tick)
    while not work.ended:
        try:
            for document in extractor.pipe(work.records(), batch_size=batch_size):
                tick()
                yield from work.taken_out(document)
        except Exception as error:  # whatever it is, it must not stop a run of days
            alone = work.waiting_records() > 1
            for item in work.all_taken_out():
                yield item, _coded_alone(extractor, item, batch_size, tick) if alone else _outcome_of(item, error)
        yield from ((item, item.content) for item in work.all_taken_out() if isinstance(item.content, InputError))
    if work.failure is not None:
        raise work.failure


# Items that may wait behind a record whose document has not come yet, so that a file of nothing but bad lines does not
# fill the memory.
_MOST_IN_WORK = 10_000


@dataclass
class _InWork:
    """The items that went into the extractor and have not come out yet.

    Attributes:
        items: The items to come.
        tick: Is called when a record goes in.
        waiting: Those in work, in order.
        ended: Whether all items have gone in.
        failure: What reading them has raised.
    """

    items: Iterator[Item]
    tick: Callable[[], None]
    waiting: deque[Item] = field(default_factory=deque)
    ended: bool = False
    failure: Exception | None = None

    def records(self) -> Iterator[Record]:
        """The records as they go in."""
        while len(self.waiting) < _MOST_IN_WORK:
            try:
                item = next(self.items)
            except StopIteration:
                self.ended = True
                return
            except Exception as error:  # of the reader, which is not to be taken for one of the model
                self.ended, self.failure = True, error
                return
            self.waiting.append(item)
            if isinstance(item.content, Record):
                self.tick()
                yield item.content

    def taken_out(self, document: Document) -> Iterator[Outcome]:
        """The first record with its document, behind the unreadable items before it."""
        while True:
            item = self.waiting.popleft()
            if isinstance(item.content, Record):
                yield item, document
                return
            yield item, item.content

    def all_taken_out(self) -> Iterator[Item]:
        """All that wait."""
        while self.waiting:
            yield self.waiting.popleft()

    def waiting_records(self) -> int:
        """Number of records that wait."""
        return sum(isinstance(item.content, Record) for item in self.waiting)


def _coded_alone(extractor: Extractor, item: Item, batch_size: int, tick: Callable[[], None]) -> Document | InputError:
    if isinstance(item.content, InputError):
        return item.content
    tick()
    try:
        (document,) = extractor.pipe([item.content], batch_size=batch_size)
    except Exception as error:
        return _outcome_of(item, error)
    tick()
    return document


def _outcome_of(item: Item, error: Exception) -> InputError:
    """What an exception of the extractor makes of an item."""
    if isinstance(item.content, InputError):
        return item.content
    return InputError(f"the text cannot be coded: {type(error).__name__}: {error}")


def _document_row(item: Item, outcome: Document | InputError) -> dict[str, Any]:
    row: dict[str, Any] = {"file": item.file, "record": item.record}
    if isinstance(item.content, Record):
        row |= {"document": item.content.id, "date": item.content.date, "characters": len(item.content.text)}
    if isinstance(outcome, InputError):
        return row | {"line": outcome.line, "skipped": outcome.cause}
    return row | {"document": outcome.id, "sentences": len(outcome.sentences), "events": len(outcome.events)}
