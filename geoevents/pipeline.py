"""The extractor: sentences, model and resolution in one line, for one text or for a stream of them.

`extract()` and `load()` are the library's front door; both are also names of the package itself.
"""

from __future__ import annotations

import datetime
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from geoevents import ontology
from geoevents.errors import InputError
from geoevents.events import STATUSES, Actor, Argument, Document, Event, Place, Span, Status, Time, document_id
from geoevents.ontology import Ontology
from geoevents.prediction import PredictedArgument, PredictedEvent, Prediction, Tagger
from geoevents.reciprocal import RECIPROCAL_MODES, Reciprocal, direct
from geoevents.records import Record, RecordLike, as_record
from geoevents.sentences import sentence_offsets
from geoevents.text import normalise

if TYPE_CHECKING:
    from geoevents.resolution import Resolver

OnError = Callable[[InputError], None]

BATCH_SIZE = 128

# Batches are cut from windows of this many batches, sorted by length: enough to keep the padding small, few enough to
# keep memory and delay low. A window never holds more documents than this many batches' worth.
_BATCHES_PER_WINDOW = 4

# Sentences longer than this share a batch with fewer others, so that a batch never needs much more memory than usual.
_USUAL_SENTENCE = 300


class ResolvesDocuments(Protocol):
    """What follows the model: fills in actor codes, places and dates, and collapses repeated mentions."""

    def resolve(self, document: Document) -> Document:
        """The document with its events resolved."""
        ...


@dataclass(frozen=True, repr=False)
class Extractor:
    """Reads texts and returns their events.

    Example:
        >>> extractor = geoevents.load()
        >>> extractor("Iranian President Ebrahim Raisi met Vladimir Putin in Moscow.", date="2022-01-20")
        <Document 'doc-18f2c1a93c9e6b0d': 1 sentences, 1 events>

    Attributes:
        tagger: The model.
        resolver: What fills in codes, places, dates and antecedents, or None to leave the events as the model says.
        statuses: Statuses of the events to return.
        min_score: Lowest score of the events to return, 0 to 1.
        reciprocal: How to write acts with a joint subject ("Iran and Russia signed"): "joint" puts all parties on both
            sides of one event, "expand" writes one event for each ordered pair, "annotated" leaves them all as
            sources.
        ontology: The event types of a model that has its own, or None for CAMEO.

    Raises:
        ValueError: An option has a value that is not allowed.
    """

    tagger: Tagger
    resolver: ResolvesDocuments | None = None
    statuses: tuple[Status, ...] = STATUSES
    min_score: float = 0.0
    reciprocal: Reciprocal = "joint"
    ontology: Ontology | None = None

    def __post_init__(self) -> None:
        unknown = [status for status in self.statuses if status not in STATUSES]
        if unknown or isinstance(self.statuses, str):
            raise ValueError(f"statuses={self.statuses!r}: give a tuple of {', '.join(map(repr, STATUSES))}")
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"min_score={self.min_score!r}: give a number from 0 to 1")
        if self.reciprocal not in RECIPROCAL_MODES:
            raise ValueError(f"reciprocal={self.reciprocal!r}: allowed are {', '.join(map(repr, RECIPROCAL_MODES))}")

    def __repr__(self) -> str:
        return f"<Extractor: {self.tagger!r}, {'resolved' if self.resolver else 'unresolved'}>"

    def __call__(self, text: str, *, date: str | datetime.date | None = None, id: str | None = None) -> Document:
        """The document of a text, with its sentences and events.

        Args:
            text: The text, of any length.
            date: Date of publication, in ISO 8601 or as a date; time expressions are read against it.
            id: Identifier of the document; without one, the text gets one of its own.

        Raises:
            InputError: The text is not a string, or the date cannot be read.
        """
        return next(self._stream([as_record((text, {"id": id, "date": date}))], BATCH_SIZE))

    def pipe(
        self, records: Iterable[RecordLike], *, batch_size: int = BATCH_SIZE, on_error: OnError | None = None
    ) -> Iterator[Document]:
        """The documents of a stream of texts, in order, in constant memory.

        Sentences of neighbouring documents share batches, so a document comes out when up to 4 batches of sentences
        have been read, or at the end.

        Example:
            >>> for document in extractor.pipe([("Putin met Xi.", {"id": "a", "date": "2022-02-04"}), "Iran left."]):
            ...     print(document)

        Args:
            records: Texts, `Record`s, or pairs of a text and a mapping with "id", "date" or both.
            batch_size: Sentences that go through the model at once.
            on_error: Is given the error of each bad record, which is then skipped; without it the error is raised.

        Raises:
            InputError: A record is bad and `on_error` is None; the message gives its number in the stream.
            ValueError: The batch size is not positive.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size!r}: give a positive number")
        return self._stream(_checked(records, on_error), batch_size)

    def _stream(self, records: Iterable[Record], batch_size: int) -> Iterator[Document]:
        window = batch_size * _BATCHES_PER_WINDOW
        drafts: deque[_Draft] = deque()
        waiting: list[tuple[_Draft, int]] = []
        for record in records:
            draft = _Draft.of(record)
            drafts.append(draft)
            for index in range(draft.open):
                waiting.append((draft, index))
                if len(waiting) == window:
                    self._predict(waiting, batch_size)
            if len(drafts) > window:
                self._predict(waiting, batch_size)
            while drafts and not drafts[0].open:
                yield self._finish(drafts.popleft())
        self._predict(waiting, batch_size)
        for draft in drafts:
            yield self._finish(draft)

    def _predict(self, waiting: list[tuple[_Draft, int]], batch_size: int) -> None:
        """Run the model over the waiting sentences, which are then waiting no more."""
        for batch in _batches(sorted(waiting, key=_length), batch_size):
            predictions = self.tagger.predict([draft.sentence(index) for draft, index in batch])
            for (draft, index), predicted in zip(batch, predictions, strict=True):
                draft.predictions[index] = predicted
                draft.open -= 1
        waiting.clear()

    def _finish(self, draft: _Draft) -> Document:
        found = [(i, item) for i, predicted in enumerate(draft.predictions) for item in predicted]
        events = (
            _event(draft.document, i, item, self.ontology)
            for i, item in found
            if isinstance(item, PredictedEvent) and item.status in self.statuses and item.score >= self.min_score
        )
        arguments = (
            Argument(*_located(draft.document, i, item), role=item.role)
            for i, item in found
            if isinstance(item, PredictedArgument) and item.score >= self.min_score
        )
        document = replace(draft.document, events=tuple(events), arguments=tuple(arguments))
        if self.resolver is not None:
            document = self.resolver.resolve(document)
        return direct(document, self.reciprocal)


@dataclass(slots=True)
class _Draft:
    """A document on its way through the model.

    Attributes:
        document: The document without events.
        normalised: Its text as the model sees it.
        predictions: What the model said about each sentence.
        open: Number of sentences that the model has not seen yet.
    """

    document: Document
    normalised: str
    predictions: list[tuple[Prediction, ...]] = field(default_factory=list)
    open: int = 0

    @classmethod
    def of(cls, record: Record) -> _Draft:
        text = record.text
        normalised = normalise(text)
        sentences = tuple(Span(text[start:end], start, end) for start, end in sentence_offsets(text, normalised))
        document = Document(record.id or document_id(text), text, record.date, sentences)
        return cls(document, normalised, [()] * len(sentences), len(sentences))

    def sentence(self, index: int) -> str:
        """A sentence as the model sees it; of the same length as the user's."""
        span = self.document.sentences[index]
        return self.normalised[span.start : span.end].replace("\n", " ")


def _checked(records: Iterable[RecordLike], on_error: OnError | None) -> Iterator[Record]:
    """The records that are good; the others go to `on_error`."""
    if isinstance(records, str):
        raise InputError("pipe() takes several texts, not one string; give a list of texts")
    for number, item in enumerate(records, 1):
        try:
            record = as_record(item)
        except InputError as error:
            located = InputError(f"record {number}: {error.cause}")
            if on_error is None:
                raise located from None
            on_error(located)
            continue
        yield record


def _length(item: tuple[_Draft, int]) -> int:
    draft, index = item
    span = draft.document.sentences[index]
    return span.end - span.start


def _batches(items: list[tuple[_Draft, int]], batch_size: int) -> Iterator[list[tuple[_Draft, int]]]:
    """Batches of items sorted by length, the shorter the longer the sentences are."""
    batch: list[tuple[_Draft, int]] = []
    for item in items:
        full = len(batch) == batch_size or len(batch) * _length(item) >= batch_size * _USUAL_SENTENCE
        if batch and full:
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _event(document: Document, index: int, predicted: PredictedEvent, own_types: Ontology | None) -> Event:
    """The event of a document that the model found in its sentence `index`."""

    def arguments(role: str, kind: type[Any]) -> tuple[Any, ...]:
        located = [_located(document, index, item) for item in predicted.arguments if item.role == role]
        return tuple([kind(*parts) for parts in located if any(map(str.isalnum, parts[0]))])

    return Event.of_type(
        ontology.describe(predicted.code, own_types),
        document=document.id,
        trigger=Span(*_located(document, index, predicted)),
        sentence=index,
        status=predicted.status,
        score=predicted.score,
        sources=arguments("source", Actor),
        targets=arguments("target", Actor),
        places=arguments("place", Place),
        times=arguments("time", Time),
        date=document.date,
    )


def _located(document: Document, index: int, part: Prediction) -> tuple[str, int, int]:
    """Text, start and end in the document of what the model found in its sentence `index`."""
    offset = document.sentences[index].start
    start, end = offset + part.start, offset + part.end
    return document.text[start:end], start, end


def load(
    name_or_path: str | os.PathLike[str] = "default",
    *,
    backend: Literal["onnx", "torch"] = "onnx",
    threads: int | None = None,
    resolver: ResolvesDocuments | Literal["default"] | None = "default",
    statuses: Iterable[Status] = STATUSES,
    min_score: float = 0.0,
    reciprocal: Reciprocal = "joint",
) -> Extractor:
    """Load a model and everything around it.

    Args:
        name_or_path: The name of a shipped model ("default") or the directory of one.
        backend: "onnx" (fast, needs no torch) or "torch" (needs the extra `train`).
        threads: Threads that the model may use, or None for one on each core.
        resolver: What fills in actor codes, places, dates and antecedents: "default", one of your own (see
            `geoevents.resolution.load_resolver`), or None to leave the events as the model says.
        statuses: See `Extractor`.
        min_score: See `Extractor`.
        reciprocal: See `Extractor`.

    Raises:
        ModelError: There is no such model, a file is missing or damaged, or another version wrote it.
        MissingExtraError: The backend is "torch" and torch is not installed.
        ValueError: An option has a value that is not allowed.
    """
    from geoevents.runtime import load_tagger, model_directory, read_ontology

    directory = model_directory(os.fspath(name_or_path))
    tagger = load_tagger(directory, backend=backend, threads=threads)
    return Extractor(
        tagger,
        resolver=_default_resolver() if resolver == "default" else resolver,
        statuses=tuple(statuses),
        min_score=min_score,
        reciprocal=reciprocal,
        ontology=read_ontology(directory),
    )


@overload
def extract(  # type: ignore[overload-overlap]  # a string is also several strings, but never meant as such
    text: str,
    *,
    date: str | datetime.date | None = ...,
    model: str | os.PathLike[str] = ...,
    statuses: Iterable[Status] = ...,
    min_score: float = ...,
    reciprocal: Reciprocal = ...,
    batch_size: int = ...,
) -> list[Event]: ...


@overload
def extract(
    text: Iterable[str],
    *,
    date: str | datetime.date | None = ...,
    model: str | os.PathLike[str] = ...,
    statuses: Iterable[Status] = ...,
    min_score: float = ...,
    reciprocal: Reciprocal = ...,
    batch_size: int = ...,
) -> list[list[Event]]: ...


def extract(
    text: str | Iterable[str],
    *,
    date: str | datetime.date | None = None,
    model: str | os.PathLike[str] = "default",
    statuses: Iterable[Status] = STATUSES,
    min_score: float = 0.0,
    reciprocal: Reciprocal = "joint",
    batch_size: int = BATCH_SIZE,
) -> list[Event] | list[list[Event]]:
    """The events of a text, or of each of several texts.

    The model is loaded at the first call and kept. For streams, documents of different dates and everything else use
    the `Extractor` that `load()` returns.

    Example:
        >>> for event in geoevents.extract("Iran and Russia signed a treaty in Moscow."):
        ...     print(event)
        057 Sign formal agreement: Iran, Russia → Iran, Russia [signed]

    Args:
        text: One text or several.
        date: Date of publication of the text or of all texts, in ISO 8601 or as a date.
        model: The name of a shipped model or a model directory.
        statuses: Statuses of the events to return: "asserted", "negated", "hypothetical".
        min_score: Lowest score of the events to return, 0 to 1.
        reciprocal: How to write acts with a joint subject; see `Extractor`.
        batch_size: Sentences that the model is given at once.

    Raises:
        InputError: A text is not a string, or the date cannot be read.
        ModelError: The model cannot be loaded.
        ValueError: An option has a value that is not allowed.
    """
    extractor = replace(_loaded(os.fspath(model)), statuses=tuple(statuses), min_score=min_score, reciprocal=reciprocal)
    if isinstance(text, str):
        return list(extractor(text, date=date).events)
    if not isinstance(text, Iterable):
        raise InputError(f"the text is of type {type(text).__name__}, not a string or several")
    records = ((item, {"date": date}) for item in text)
    return [list(document.events) for document in extractor.pipe(records, batch_size=batch_size)]


@cache
def _loaded(model: str) -> Extractor:
    return load(model)


@cache
def _default_resolver() -> Resolver:
    from geoevents.resolution import load_resolver

    return load_resolver()
