"""Marked spans and the links between them into Documents: what the readers of annotation tools have in common.

A span whose label is a role is an argument; every other one is a trigger, unless links only lead to it. An argument
without a link goes to `Document.arguments`. Where a file has no links at all, the arguments of a sentence with exactly
one trigger are that event's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geoevents.corpora.labels import LEFT_OUT, LabelMap
from geoevents.errors import CorpusError, OntologyError
from geoevents.events import ROLES, Actor, Argument, Document, Event, Place, Span, SpanT, Status, Time
from geoevents.ontology import split_actor_code
from geoevents.sentences import split_sentences


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked span.

    Attributes:
        key: Its name in the links.
        label: Its label.
        start: Offset of the first character.
        end: Offset behind the last character.
        line: Line of the file, or None.
        is_trigger: Whether it is a trigger; None to find out from labels and links.
        code: Code of an actor, country of a place.
        status: Status of the event, if it is a trigger.
    """

    key: str
    label: str
    start: int
    end: int
    line: int | None = None
    is_trigger: bool | None = None
    code: str | None = None
    status: Status = "asserted"


@dataclass(frozen=True, slots=True)
class Link:
    """A link between a trigger and an argument, in either direction.

    Attributes:
        head: Key of one mark.
        tail: Key of the other.
        label: The role, or "" where the argument's own label says it.
        line: Line of the file, or None.
    """

    head: str
    tail: str
    label: str
    line: int | None = None


@dataclass(frozen=True)
class Annotation:
    """What a file says about one text.

    Attributes:
        id: Identifier of the document.
        text: The text.
        path: The file.
        line: Where the text stands in it, or None.
        marks: The marked spans; their keys differ.
        links: The links between them.
        has_links: Whether the file links arguments to events, here or elsewhere.
        sentences: Offsets of the sentences, or None to find them.
        date: ISO 8601 date, or None.
        causes: What is wrong with it that the reader saw, with lines.
    """

    id: str
    text: str
    path: Path
    line: int | None = None
    marks: Sequence[Mark] = ()
    links: Sequence[Link] = ()
    has_links: bool = False
    sentences: Sequence[tuple[int, int]] | None = None
    date: str | None = None
    causes: Sequence[tuple[str, int | None]] = field(default_factory=list)


def assemble(annotations: Iterable[Annotation | CorpusError], labels: LabelMap) -> Iterator[Document | CorpusError]:
    """The document of each annotation or, in its place, everything that is wrong with it.

    Args:
        annotations: The annotations, and errors to pass on.
        labels: What the labels mean.
    """
    seen: dict[str, Annotation] = {}
    for item in annotations:
        if isinstance(item, CorpusError):
            yield item
            continue
        first = seen.setdefault(item.id, item)
        if first is not item:
            origin = first.path if first.line is None else f"{first.path}:{first.line}"
            yield CorpusError(shared_id(item.id, origin), path=item.path, line=item.line)
            continue
        causes = [*item.causes, *_causes(item, labels)]
        if causes:
            yield from (
                CorpusError(cause, path=item.path, line=item.line if line is None else line) for cause, line in causes
            )
        else:
            yield _document(item, labels)


def shared_id(document_id: str, origin: object) -> str:
    """What to say of an id that occurs twice."""
    return f"the document id {document_id!r} occurs in {origin} already; ids must differ (markup: rename a file)"


def _causes(annotation: Annotation, labels: LabelMap) -> Iterator[tuple[str, int | None]]:
    """What is wrong between text, marks, links and labels."""
    triggers = _trigger_keys(annotation, labels)
    for start, end in annotation.sentences or ():
        if not 0 <= start < end <= len(annotation.text):
            yield f"the sentence {start}:{end} lies outside of the text of {len(annotation.text)} characters", None
    for mark in annotation.marks:
        if not 0 <= mark.start < mark.end <= len(annotation.text):
            yield (
                f"the span {mark.start}:{mark.end} lies outside of the text of {len(annotation.text)} characters",
                (mark.line),
            )
        elif not annotation.text[mark.start : mark.end].strip():
            yield f"the span {mark.start}:{mark.end} holds only spaces", mark.line
        if mark.key in triggers and (cause := _type_cause(mark, labels)):
            yield cause, mark.line
    marks = {mark.key: mark for mark in annotation.marks}
    for link in annotation.links:
        if cause := _link_cause(link, marks, triggers, labels):
            yield cause, link.line


def _type_cause(mark: Mark, labels: LabelMap) -> str | None:
    try:
        labels.event_type(mark.label)
    except OntologyError as error:
        return f"{error}; if it names a role, map it, as in roles={{{mark.label!r}: 'source'}} ('' skips it)"
    return None


def _link_cause(link: Link, marks: Mapping[str, Mark], triggers: set[str], labels: LabelMap) -> str | None:
    for key in (link.head, link.tail):
        if key not in marks:
            return f"the link {link.head} to {link.tail} names {key!r}, which is not marked"
    if (link.head in triggers) == (link.tail in triggers):
        kind = "two triggers" if link.head in triggers else "two arguments"
        return (
            f"the link {link.label!r} joins {kind} ({link.head}, {link.tail}); a link joins a trigger and an argument"
        )
    if _role(link, marks, triggers, labels) is None:
        return (
            f"the role {_role_label(link, marks, triggers)!r} is none of {', '.join(ROLES)}; "
            f"map it, as in roles={{{_role_label(link, marks, triggers)!r}: 'source'}} ('' skips it)"
        )
    return None


def _trigger_keys(annotation: Annotation, labels: LabelMap) -> set[str]:
    heads = {link.head for link in annotation.links}
    # A link from an argument leads to a trigger.
    roles = {mark.key for mark in annotation.marks if labels.role_of(mark.label) is not None}
    tails = {link.tail for link in annotation.links if link.head not in roles}

    def is_trigger(mark: Mark) -> bool:
        if mark.is_trigger is not None:
            return mark.is_trigger
        if labels.role_of(mark.label) is not None:
            return False
        if labels.ontology is not None and mark.label in labels.ontology:
            return True
        return mark.key in heads or mark.key not in tails

    return {mark.key for mark in annotation.marks if is_trigger(mark)}


def _role_label(link: Link, marks: Mapping[str, Mark], triggers: set[str]) -> str:
    return link.label or marks[_argument_key(link, triggers)].label


def _role(link: Link, marks: Mapping[str, Mark], triggers: set[str], labels: LabelMap) -> str | None:
    return labels.role_of(_role_label(link, marks, triggers))


def _argument_key(link: Link, triggers: set[str]) -> str:
    return link.tail if link.head in triggers else link.head


def _trigger_key(link: Link, triggers: set[str]) -> str:
    return link.head if link.head in triggers else link.tail


def _document(annotation: Annotation, labels: LabelMap) -> Document:
    """The document of an annotation without problems."""
    text = annotation.text
    offsets = annotation.sentences
    sentences = split_sentences(text) if offsets is None else tuple(_span(Span, text, *pair) for pair in offsets)
    marks = {mark.key: _trimmed(mark, text) for mark in annotation.marks}
    triggers = _trigger_keys(annotation, labels)
    roles = _roles_by_trigger(annotation, marks, triggers, labels, [sentence.start for sentence in sentences])
    linked = {mark.key for pairs in roles.values() for role, mark in pairs if role in ROLES}
    events = {
        event.id: event
        for key in triggers
        for event in [_event(annotation, marks[key], roles.get(key, []), labels, sentences)]
    }
    loose = {
        _span(Argument, text, mark.start, mark.end, role=role)
        for key, mark in marks.items()
        if key not in triggers and key not in linked and (role := labels.role_of(mark.label)) not in (None, LEFT_OUT)
    }
    return Document(
        id=annotation.id,
        text=text,
        date=annotation.date,
        sentences=sentences,
        events=tuple(sorted(events.values(), key=lambda event: (event.trigger.start, event.trigger.end, event.code))),
        arguments=tuple(sorted(loose, key=lambda item: (item.start, item.end, item.role))),
    )


def _roles_by_trigger(
    annotation: Annotation, marks: Mapping[str, Mark], triggers: set[str], labels: LabelMap, starts: Sequence[int]
) -> dict[str, list[tuple[str, Mark]]]:
    """The arguments of each trigger with their roles, by position."""
    found: dict[str, set[tuple[str, Mark]]] = {}
    for link in annotation.links:
        role = _role(link, marks, triggers, labels) or LEFT_OUT
        found.setdefault(_trigger_key(link, triggers), set()).add((role, marks[_argument_key(link, triggers)]))
    if not annotation.has_links:
        for key, argument in _by_sentence(marks, triggers, starts):
            role = labels.role_of(argument.label) or LEFT_OUT
            found.setdefault(key, set()).add((role, argument))
    return {
        key: sorted(pairs, key=lambda pair: (pair[1].start, pair[1].end, pair[1].key)) for key, pairs in found.items()
    }


def _by_sentence(marks: Mapping[str, Mark], triggers: set[str], starts: Sequence[int]) -> Iterator[tuple[str, Mark]]:
    """Each argument of a sentence with exactly one trigger, after that trigger's key."""
    in_sentence: dict[int, list[str]] = {}
    for key in triggers:
        in_sentence.setdefault(bisect_right(starts, marks[key].start), []).append(key)
    for key, mark in marks.items():
        candidates = in_sentence.get(bisect_right(starts, mark.start), [])
        if key not in triggers and len(candidates) == 1:
            yield candidates[0], mark


def _event(
    annotation: Annotation,
    trigger: Mark,
    arguments: Sequence[tuple[str, Mark]],
    labels: LabelMap,
    sentences: Sequence[Span],
) -> Event:
    def of_role(role: str) -> list[Mark]:
        return [mark for name, mark in arguments if name == role]

    text = annotation.text
    return Event.of_type(
        labels.event_type(trigger.label),
        document=annotation.id,
        trigger=_span(Span, text, trigger.start, trigger.end),
        sentence=max(0, bisect_right([sentence.start for sentence in sentences], trigger.start) - 1),
        status=trigger.status,
        score=1.0,
        sources=tuple(_actor(text, mark) for mark in of_role("source")),
        targets=tuple(_actor(text, mark) for mark in of_role("target")),
        places=tuple(_place(text, mark) for mark in of_role("place")),
        times=tuple(_span(Time, text, mark.start, mark.end) for mark in of_role("time")),
        date=annotation.date,
    )


def _actor(text: str, mark: Mark) -> Actor:
    country, roles = split_actor_code(mark.code) if mark.code else (None, ())
    confidence = 1.0 if mark.code else None
    details = {"code": mark.code, "country": country, "roles": roles, "confidence": confidence}
    return _span(Actor, text, mark.start, mark.end, **details)


def _place(text: str, mark: Mark) -> Place:
    country = split_actor_code(mark.code)[0] if mark.code else None
    return _span(Place, text, mark.start, mark.end, country=country)


def _trimmed(mark: Mark, text: str) -> Mark:
    """The mark without the spaces at its ends, which annotators select by accident."""
    surface = text[mark.start : mark.end]
    start = mark.start + len(surface) - len(surface.lstrip())
    end = mark.start + len(surface.rstrip())
    return Mark(mark.key, mark.label, start, end, mark.line, mark.is_trigger, mark.code, mark.status)


def _span(kind: type[SpanT], text: str, start: int, end: int, **details: Any) -> SpanT:
    return kind(text=text[start:end], start=start, end=end, **details)
