"""Documents as a Hugging Face dataset, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from geoevents.corpora.assembly import shared_id
from geoevents.corpora.jsonl import check_document
from geoevents.corpora.reading import Paths, iterate_corpus, listed
from geoevents.errors import CorpusError, MissingExtraError
from geoevents.events import Document

if TYPE_CHECKING:
    import datasets


def to_dataset(documents: Iterable[Document]) -> datasets.Dataset:
    """The documents as rows of a Hugging Face dataset, with the keys of `Document.to_dict()`.

    Raises:
        MissingExtraError: The package datasets is not installed.
    """
    package = _datasets()
    features = _features(package)
    rows = [document.to_dict() for document in documents]
    return package.Dataset.from_dict({key: [row[key] for row in rows] for key in features}, features=features)


def from_dataset(dataset: datasets.Dataset) -> list[Document]:
    """The inverse of `to_dataset`.

    Raises:
        CorpusError: A row is no document, or two share an id; the message says which row.
    """
    documents: list[Document] = []
    rows: dict[str, int] = {}
    for number, row in enumerate(dataset):
        document = row_document(row, number)
        first = rows.setdefault(document.id, number)
        if first != number:
            raise CorpusError(f"row {number}: {shared_id(document.id, f'row {first}')}")
        documents.append(document)
    return documents


def row_document(row: Mapping[str, Any], number: int) -> Document:
    """The document of a row that `to_dataset` or `stream_corpus` made.

    Args:
        row: The row.
        number: Its number, for messages.

    Raises:
        CorpusError: The row is no document.
    """
    try:
        document = Document.from_dict(row)
        check_document(document)
    except (KeyError, TypeError, ValueError) as error:
        raise CorpusError(f"row {number} is no document as to_dataset() makes it: {error}") from None
    return document


def stream_corpus(paths: Paths, **options: Any) -> datasets.IterableDataset:
    """The documents of annotated files as a stream of rows, so that a corpus need not fit into memory.

    Example:
        >>> stream = stream_corpus(["big-1.jsonl", "big-2.jsonl"]).shuffle(seed=13, buffer_size=10_000)

    Args:
        paths: The files, in the formats that `read_corpus` reads; one file at a time is open.
        options: The options of `read_corpus`: `format`, `ontology`, `roles`.

    Raises:
        MissingExtraError: The package datasets is not installed.
        CorpusError: While the stream is read, where a file is malformed.
    """
    package = _datasets()
    files = [str(path) for path in listed(paths)]
    return package.IterableDataset.from_generator(
        _stream_rows, features=_features(package), gen_kwargs={"files": files, "options": [options] * len(files)}
    )


def _stream_rows(files: Sequence[str], options: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for path, of_file in zip(files, options, strict=True):
        for document in iterate_corpus(path, **of_file):
            yield document.to_dict()


def _datasets() -> Any:
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("datasets", "train") from None
    return datasets


def _features(package: Any) -> Any:
    """The columns' types, fixed so that a corpus without places has the same columns as one with."""
    text, whole, number = package.Value("string"), package.Value("int64"), package.Value("float64")
    span = {"text": text, "start": whole, "end": whole}
    actor = {"code": text, "country": text, "roles": [text], "name": text, "confidence": number, "resolved_from": span}
    place = {"country": text, "name": text, "lat": number, "lon": number, "geonameid": whole}
    event = dict.fromkeys(("id", "document", "code", "root", "name", "plover", "status", "date"), text) | {
        "sentence": whole,
        "quad_class": whole,
        "goldstein": number,
        "score": number,
        "trigger": span,
        "sources": [span | actor],
        "targets": [span | actor],
        "places": [span | place],
        "times": [span | {"date": text, "granularity": text}],
        "mentions": [span],
    }
    document = dict.fromkeys(("id", "text", "date"), text) | {"sentences": [span], "events": [event]}
    return package.Features(document | {"arguments": [span | {"role": text}]})
