"""JSON Lines with one `Document.to_dict()` a line, which loses nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from geoevents.corpora.assembly import shared_id
from geoevents.corpora.labels import LabelMap
from geoevents.errors import CorpusError, OntologyError
from geoevents.events import STATUSES, Document, Event, Span


def read(path: Path, labels: LabelMap) -> Iterator[Document | CorpusError]:
    """The document of each line that is not blank, or what is wrong with the line.

    An ontology gives the events' names, roots and values anew.
    """
    seen: dict[str, int] = {}
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            item = _read_line(line, labels, path, number)
            if isinstance(item, Document) and seen.setdefault(item.id, number) != number:
                yield CorpusError(shared_id(item.id, f"line {seen[item.id]}"), path=path, line=number)
            else:
                yield item


def write(documents: Sequence[Document], path: Path, labels: LabelMap) -> None:
    """Writes documents as JSON Lines."""
    path.write_bytes(b"".join(map(_json_line, documents)))


def check_document(document: Document) -> None:
    """Raises ValueError unless types, offsets and statuses are right."""
    for name in ("id", "text"):
        if not isinstance(getattr(document, name), str):
            raise ValueError(f"{name!r} must be a string, found {getattr(document, name)!r}")
    for event in document.events:
        if event.status not in STATUSES:
            raise ValueError(f"unknown status {event.status!r}; allowed: {', '.join(STATUSES)}")
        for span in (event.trigger, *event.mentions, *(argument for _, argument in event.arguments())):
            _check_span(span, document.text)
    for span in (*document.sentences, *document.arguments):
        _check_span(span, document.text)


def _read_line(line: bytes, labels: LabelMap, path: Path, number: int) -> Document | CorpusError:
    try:
        document = _parse(line)
        if labels.ontology is None:
            return document
        return replace(document, events=tuple(_relabelled(event, labels) for event in document.events))
    except (OntologyError, ValueError) as error:
        return CorpusError(str(error), path=path, line=number)


def _parse(line: bytes) -> Document:
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
        check_document(document)
    except KeyError as error:
        raise ValueError(f"the key {error} is missing") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"not a document as Document.to_dict() writes it: {error}") from None
    return document


def _check_span(span: Span, text: str) -> None:
    if not 0 <= span.start < span.end or text[span.start : span.end] != span.text:
        found = text[span.start : span.end] if 0 <= span.start <= span.end else ""
        raise ValueError(
            f"the span {span.text!r} at {span.start}:{span.end} does not fit the text, which has {found!r} there; "
            "offsets count characters"
        )


def _relabelled(event: Event, labels: LabelMap) -> Event:
    kind = labels.event_type(event.code)
    return replace(
        event,
        name=kind.name,
        root=kind.root,
        quad_class=kind.quad_class,
        goldstein=kind.goldstein,
        plover=kind.plover,
    )


def _json_line(document: Document) -> bytes:
    """A document as a line of JSON; lone surrogates, which UTF-8 cannot hold, are escaped."""
    try:
        return json.dumps(document.to_dict(), ensure_ascii=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(document.to_dict()).encode("ascii") + b"\n"
