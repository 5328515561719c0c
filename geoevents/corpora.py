"""Annotated corpora: files to Documents and back, to `datasets.Dataset` and back, and their statistics.

Two formats, by the suffix of the file: `.evt`, the inline markup (see `markup`), and `.jsonl`, one `Document.to_dict()`
a line, which loses nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geoevents import ontology
from geoevents.errors import CorpusError, MissingExtraError
from geoevents.events import ROLES, STATUSES, Document, Span
from geoevents.markup import check_markup, read_markup, write_markup

if TYPE_CHECKING:
    import datasets

Paths = str | Path | Iterable[str | Path]


def read_corpus(paths: Paths) -> list[Document]:
    """The documents of one file or of several, in order.

    Example:
        >>> len(read_corpus("seeds/dev.evt"))
        300

    Raises:
        CorpusError: A file is malformed (file, line, cause), of unknown format, or two documents share an id.
        OSError: A file cannot be opened.
    """
    documents: list[Document] = []
    origins: dict[str, Path] = {}
    for path in _listed(paths):
        read = _format_of(path, _READERS)(path)
        for document in read:
            if document.id in origins:
                raise CorpusError(_shared_id(document.id, origins[document.id]), path=path)
            origins[document.id] = path
        documents += read
    return documents


def check_corpus(paths: Paths) -> list[CorpusError]:
    """Every problem in some files, by file and line; none if `read_corpus` can read them.

    Texts that occur twice in markup files are problems too.

    Raises:
        CorpusError: A file is of unknown format.
        OSError: A file cannot be opened.
    """
    files = list(_listed(paths))
    for path in files:
        _format_of(path, _READERS)
    problems = check_markup(*(path for path in files if path.suffix == ".evt"))
    for path in files:
        if path.suffix == ".jsonl":
            problems += [item for item in _json_lines(path) if isinstance(item, CorpusError)]
    if not problems:
        try:
            read_corpus(files)
        except CorpusError as error:
            problems.append(error)
    return problems


def write_corpus(documents: Sequence[Document], path: str | Path) -> None:
    """Writes documents in the format of the path's suffix.

    Raises:
        CorpusError: The suffix is unknown, or the format cannot hold a document; nothing is written.
        OSError: The file cannot be written.
    """
    path = Path(path)
    _format_of(path, _WRITERS)(documents, path)


def _listed(paths: Paths) -> Iterator[Path]:
    yield from [Path(paths)] if isinstance(paths, (str, Path)) else map(Path, paths)


def _format_of(path: Path, formats: Mapping[str, Any]) -> Callable[..., Any]:
    """The function for a file's suffix."""
    try:
        return formats[path.suffix]  # type: ignore[no-any-return]
    except KeyError:
        allowed = ", ".join(formats)
        raise CorpusError(f"unknown corpus format {path.suffix!r}; allowed: {allowed}", path=path) from None


def _shared_id(document_id: str, origin: object) -> str:
    return f"the document id {document_id!r} occurs in {origin} already; ids must differ (markup: rename a file)"


def _read_jsonl(path: Path) -> list[Document]:
    documents: list[Document] = []
    for item in _json_lines(path):
        if isinstance(item, CorpusError):
            raise item
        documents.append(item)
    return documents


def _json_lines(path: Path) -> Iterator[Document | CorpusError]:
    """The document of each line that is not blank, or what is wrong with the line."""
    seen: dict[str, int] = {}
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                document = _parse_json(line)
            except ValueError as error:
                yield CorpusError(str(error), path=path, line=number)
                continue
            first = seen.setdefault(document.id, number)
            if first != number:
                yield CorpusError(_shared_id(document.id, f"line {first}"), path=path, line=number)
            else:
                yield document


def _parse_json(line: bytes) -> Document:
    """The document of a line.

    Raises:
        ValueError: The line holds no valid document; the message says why.
    """
    try:
        data = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"byte 0x{line[error.start]:02x} is not UTF-8; save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"malformed JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(data, dict):
        raise ValueError(f"expected a document as a JSON object, found {type(data).__name__}")
    try:
        document = Document.from_dict(data)
        _check_document(document)
    except KeyError as error:
        raise ValueError(f"the key {error} is missing") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not a document as Document.to_dict() writes it: {error}") from None
    return document


def _check_document(document: Document) -> None:
    """Raises ValueError unless types, offsets and statuses are right."""
    for name in ("id", "text"):
        if not isinstance(getattr(document, name), str):
            raise ValueError(f"{name!r} must be a string, found {getattr(document, name)!r}")
    for event in document.events:
        if event.status not in STATUSES:
            raise ValueError(f"unknown status {event.status!r}; allowed: {', '.join(STATUSES)}")
        for span in (event.trigger, *event.mentions, *(argument for _, argument in event.arguments())):
            _check_span(span, document.text)
    for span in document.sentences:
        _check_span(span, document.text)


def _check_span(span: Span, text: str) -> None:
    if not 0 <= span.start < span.end or text[span.start : span.end] != span.text:
        found = text[span.start : span.end] if 0 <= span.start <= span.end else ""
        raise ValueError(
            f"the span {span.text!r} at {span.start}:{span.end} does not fit the text, which has {found!r} there; "
            "offsets count characters"
        )


def _write_jsonl(documents: Sequence[Document], path: Path) -> None:
    path.write_bytes(b"".join(_json_line(document) for document in documents))


def _json_line(document: Document) -> bytes:
    """A document as a line of JSON; lone surrogates, which UTF-8 cannot hold, are escaped."""
    try:
        return json.dumps(document.to_dict(), ensure_ascii=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(document.to_dict()).encode("ascii") + b"\n"


_READERS: dict[str, Callable[[Path], list[Document]]] = {".evt": read_markup, ".jsonl": _read_jsonl}
_WRITERS: dict[str, Callable[[Sequence[Document], Path], None]] = {".evt": write_markup, ".jsonl": _write_jsonl}


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
        try:
            document = Document.from_dict(row)
            _check_document(document)
        except (KeyError, TypeError, ValueError) as error:
            raise CorpusError(f"row {number} is no document as to_dataset() makes it: {error}") from None
        first = rows.setdefault(document.id, number)
        if first != number:
            raise CorpusError(f"row {number}: {_shared_id(document.id, f'row {first}')}")
        documents.append(document)
    return documents


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
    return package.Features({"id": text, "text": text, "date": text, "sentences": [span], "events": [event]})


@dataclass(frozen=True)
class Statistics:
    """What a corpus holds.

    Attributes:
        documents: Number of documents.
        empty: Documents without an event.
        words: White-space words.
        events: Number of events.
        arguments: Argument links by role; a span that serves two events counts twice.
        statuses: Events by status.
        roots: Events by root code.
        codes: Events by code.
    """

    documents: int
    empty: int
    words: int
    events: int
    arguments: Mapping[str, int]
    statuses: Mapping[str, int]
    roots: Mapping[str, int]
    codes: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The counts as plain JSON types."""
        return asdict(self)


def statistics(documents: Iterable[Document]) -> Statistics:
    """Counts documents, events, arguments and codes.

    Example:
        >>> statistics(read_corpus("seeds/dev.evt")).documents
        300
    """
    documents = list(documents)
    events = [event for document in documents for event in document.events]
    roles = Counter(role for event in events for role, _ in event.arguments())
    return Statistics(
        documents=len(documents),
        empty=sum(not document.events for document in documents),
        words=sum(len(document.text.split()) for document in documents),
        events=len(events),
        arguments={role: roles[role] for role in ROLES},
        statuses=_tally(STATUSES, (event.status for event in events)),
        roots=_tally((), (event.root for event in events)),
        codes=_tally((), (event.code for event in events)),
    )


def _tally(always: Iterable[str], values: Iterable[str]) -> dict[str, int]:
    """How often each value occurs, in order; those in `always` even if they do not."""
    counts = Counter(values)
    return {key: counts[key] for key in (*always, *sorted(set(counts) - set(always)))}


def data_card_tables(corpora: Mapping[str, Sequence[Document]]) -> str:
    """Markdown tables of several corpora: sizes by name, with the total, then events by root.

    `seeds/README.md` says how its tables are made with this.
    """
    each = {name: statistics(documents) for name, documents in corpora.items()}
    each["total"] = statistics(document for documents in corpora.values() for document in documents)
    sizes = [[name, *_size_cells(counts)] for name, counts in each.items()]
    head = ["file", "documents", "without events", "words", "events", "codes", *(f"{role}s" for role in ROLES)]
    total = each["total"]
    roots = [[root, _root_name(root), total.roots[root], _code_cells(total, root)] for root in total.roots]
    return (
        f"{_table([*head, 'negated', 'hypothetical'], sizes)}\n{_table(['root', 'name', 'events', 'by code'], roots)}"
    )


def _size_cells(counts: Statistics) -> list[int]:
    return [
        counts.documents,
        counts.empty,
        counts.words,
        counts.events,
        len(counts.codes),
        *counts.arguments.values(),
        counts.statuses["negated"],
        counts.statuses["hypothetical"],
    ]


def _root_name(root: str) -> str:
    return ontology.lookup(root).name if ontology.is_valid(root) else ""


def _code_cells(counts: Statistics, root: str) -> str:
    return ", ".join(f"{code}: {number}" for code, number in counts.codes.items() if code.startswith(root))


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
