"""label-studio's JSON and JSON-MIN exports: labelled spans, relations between them, and a status by choice.

A relation's label is a role ("source"); a relation without a label takes the role from the argument's own label. Of
several annotations of a task the one marked as ground truth is read, else the first that was not cancelled. A choice
or text area for a span that says "negated" or "hypothetical" gives its status.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from geoevents.corpora.assembly import Annotation, Link, Mark, assemble
from geoevents.corpora.json_records import json_records
from geoevents.corpora.labels import LabelMap, status_of
from geoevents.errors import CorpusError
from geoevents.events import Document


def read(path: Path, labels: LabelMap) -> Iterator[Document | CorpusError]:
    """The document of each task, or what is wrong with it."""
    records = list(json_records(path))
    has_links = any(_has_relation(record[1]) for record in records if not isinstance(record, CorpusError))
    yield from assemble(_annotations(records, path, has_links), labels)


def _has_relation(task: Any) -> bool:
    try:
        return any(item.get("type") == "relation" for item in _results(task))
    except (AttributeError, TypeError):
        return False  # a malformed task, which is reported when it is read


def _annotations(
    records: Sequence[tuple[int, Any] | CorpusError], path: Path, has_links: bool
) -> Iterator[Annotation | CorpusError]:
    for number, record in enumerate(records, 1):
        if isinstance(record, CorpusError):
            yield record
            continue
        line, task = record
        try:
            yield _annotation(task, path, line, number, has_links)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            cause = f"the key {error} is missing" if isinstance(error, KeyError) else str(error)
            yield CorpusError(f"not a task as label-studio exports it (JSON): {cause}", path=path, line=line)


def _annotation(task: Mapping[str, Any], path: Path, line: int, number: int, has_links: bool) -> Annotation:
    text = _text(task)
    results = _results(task)
    causes: list[tuple[str, int | None]] = []
    marks: dict[str, Mark] = {}
    for index, item in enumerate(results):
        if "start" in item["value"] and "labels" in item["value"] if "value" in item else False:
            key = str(item.get("id", f"T{index}"))
            start, end, cause = _offsets(item["value"], text)
            marks[key] = Mark(key, str(item["value"]["labels"][0]), start, end, line)
            causes += [(cause, line)] if cause else []
    for key, status in _statuses(results):
        if key in marks:
            marks[key] = replace(marks[key], status=status)
    identifier = task.get("id", number)
    return Annotation(
        id=identifier if isinstance(identifier, str) else f"{path.stem}#{identifier}",
        text=text,
        path=path,
        line=line,
        marks=list(marks.values()),
        links=[
            Link(str(item["from_id"]), str(item["to_id"]), str((item.get("labels") or [""])[0]), line)
            for item in results
            if item.get("type") == "relation"
        ],
        has_links=has_links,
        causes=causes,
    )


def _text(task: Mapping[str, Any]) -> str:
    """The task's text: that under "text", else the only string."""
    data = task.get("data", task)
    if isinstance(data.get("text"), str):
        return str(data["text"])
    strings = [value for value in data.values() if isinstance(value, str)]
    if len(strings) != 1:
        raise ValueError('the data hold no "text" and not exactly one string')
    return strings[0]


def _results(task: Any) -> list[Any]:
    """The items of the annotation to read; none where there is no annotation."""
    if not isinstance(task, dict):
        return []
    if "data" not in task:
        return [{"type": "labels", "value": item} for item in task.get("label") or ()]
    annotations = task.get("annotations") or task.get("completions") or []
    kept = [item for item in annotations if not item.get("was_cancelled")]
    best = next((item for item in kept if item.get("ground_truth")), kept[0] if kept else {})
    return list(best.get("result") or ())


def _statuses(results: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for item in results:
        value = item.get("value") or {}
        for choice in [*(value.get("choices") or ()), *(value.get("text") or () if "labels" not in value else ())]:
            if status := status_of(str(choice)):
                yield str(item.get("id")), status


def _offsets(value: Mapping[str, Any], text: str) -> tuple[int, int, str | None]:
    """Start and end in characters, and what is wrong with them if anything.

    label-studio counts UTF-16 units as its browser does, so that offsets behind an emoji are too large.
    """
    start, end = int(value["start"]), int(value["end"])
    surface = value.get("text")
    if surface is None or text[start:end].split() == surface.split():
        return start, end, None
    units = text.encode("utf-16-le", "surrogatepass")
    first, last = (len(units[: 2 * offset].decode("utf-16-le", "replace")) for offset in (start, end))
    if text[first:last].split() == surface.split():
        return first, last, None
    return start, end, f"the span {start}:{end} says {surface!r}, but the text has {text[start:end]!r} there"
