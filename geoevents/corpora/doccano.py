"""doccano's JSON Lines exports of sequence labelling, with or without relations.

- {"id", "text", "label": [[start, end, label]]} ("labels" in older versions).
- {"id", "text", "entities": [{"id", "label", "start_offset", "end_offset"}], "relations": [{"from_id", "to_id",
  "type"}]}; a relation's type is a role.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from geoevents.corpora.assembly import Annotation, Link, Mark, assemble
from geoevents.corpora.json_records import json_records
from geoevents.corpora.labels import LabelMap
from geoevents.errors import CorpusError
from geoevents.events import Document


def read(path: Path, labels: LabelMap) -> Iterator[Document | CorpusError]:
    """The document of each line, or what is wrong with it."""
    yield from assemble(_annotations(path), labels)


def _annotations(path: Path) -> Iterator[Annotation | CorpusError]:
    for number, record in enumerate(json_records(path), 1):
        if isinstance(record, CorpusError):
            yield record
            continue
        line, value = record
        try:
            yield _annotation(value, path, line, number)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            cause = f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
            yield CorpusError(f"not a record as doccano exports it (JSONL): {cause}", path=path, line=line)


def _annotation(value: Mapping[str, Any], path: Path, line: int, number: int) -> Annotation:
    text = value.get("text", value.get("data"))
    if not isinstance(text, str):
        raise ValueError('expected an object with the string "text"')
    identifier = value.get("id", number)
    relations = value.get("relations")
    return Annotation(
        id=identifier if isinstance(identifier, str) else f"{path.stem}#{identifier}",
        text=text,
        path=path,
        line=line,
        marks=list(_marks(value, line)),
        links=[Link(str(item["from_id"]), str(item["to_id"]), str(item["type"]), line) for item in relations or ()],
        has_links=relations is not None,
    )


def _marks(value: Mapping[str, Any], line: int) -> Iterator[Mark]:
    for item in value.get("entities") or ():
        yield Mark(str(item["id"]), str(item["label"]), int(item["start_offset"]), int(item["end_offset"]), line)
    for number, (start, end, label) in enumerate(value.get("label") or value.get("labels") or ()):
        yield Mark(f"T{number}", str(label), int(start), int(end), line)
