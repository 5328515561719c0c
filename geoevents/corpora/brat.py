"""brat standoff: a directory of text files (.txt) each with its annotations (.ann), as brat.nlplab.org describes.

Read are text-bound annotations (T), events (E), relations (R) whose label is a role, negation and speculation
(attributes A or M named Negation, Speculation, or Status with a value), and normalisations (N) to CAMEO:<actor code>
and ISO3166:<country>. Other attributes, other normalisations, equivalences (*) and notes (#) are passed over. Roles may
be numbered (Target2).

Written like this a document loses its date, resolved places and dates, names, scores and collapsed mentions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from geoevents import ontology
from geoevents.corpora.assembly import Annotation, Link, Mark, assemble
from geoevents.corpora.labels import LabelMap, status_of
from geoevents.errors import CorpusError
from geoevents.events import Actor, Document, Place, Span, Status
from geoevents.markup import decode

_TEXT_BOUND = re.compile(r"(T\S*)\t(\S+) (\d+) (\d+)\t(.*)")
_DISCONTINUOUS = re.compile(r"T\S*\t\S+ \d+ \d+(;\d+ \d+)+\t.*")
_EVENT = re.compile(r"(E\S*)\t(\S+):(\S+)((?: +\S+:\S+)*) *")
_RELATION = re.compile(r"(R\S*)\t(\S+) \S+?:(\S+) \S+?:(\S+)\s*")
_ATTRIBUTE = re.compile(r"[AM]\S*\t(\S+) (\S+)(?: (\S+))? *")
_NORMALISATION = re.compile(r"N\S*\tReference (\S+) ([^\s:]+):(\S+)(?:\t.*)?")
_LABEL_OF_KIND = {Actor: "Actor", Place: "Place"}


def read(path: Path, labels: LabelMap) -> Iterator[Document | CorpusError]:
    """The documents of a directory with all below it, or of one .ann or .txt file, or what is wrong with them."""
    root = path if path.is_dir() else path.parent
    files = sorted(path.rglob("*.ann")) if path.is_dir() else [path.with_suffix(".ann")]
    if not files:
        yield CorpusError("the directory holds no .ann file", path=path)
        return
    yield from assemble((_annotation(file, root) for file in files), labels)


def write(documents: Sequence[Document], path: Path, labels: LabelMap) -> None:
    """Writes a .txt and an .ann file for each document into a directory, which is made if need be.

    Raises:
        CorpusError: An id is no file name, or a label has characters that brat does not allow.
    """
    files = {}
    for document in documents:
        if not document.id or re.search(r"[/\\\0]", document.id) or document.id in (".", ".."):
            raise CorpusError(f"the document id {document.id!r} is no file name; brat has a file for each document")
        files[f"{document.id}.txt"] = _encode(document.text, document)
        files[f"{document.id}.ann"] = _encode("".join(f"{line}\n" for line in _lines(document)), document)
    path.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (path / name).write_bytes(data)


@dataclass(slots=True)
class _Standoff:
    """The lines of an .ann file, by kind; `events` holds the key of the trigger's span."""

    text: str
    spans: dict[str, Mark] = field(default_factory=dict)
    events: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    statuses: dict[str, Status] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    causes: list[tuple[str, int | None]] = field(default_factory=list)


def _annotation(file: Path, root: Path) -> Annotation | CorpusError:
    text_file = file.with_suffix(".txt")
    try:
        text = decode(text_file.read_bytes(), text_file)
        lines = decode(file.read_bytes(), file).splitlines()
    except FileNotFoundError as error:
        return CorpusError(f"brat keeps {file.name} beside {text_file.name}; one is missing", path=error.filename)
    except CorpusError as error:
        return error
    standoff = _Standoff(text)
    for number, line in enumerate(lines, 1):
        if cause := _read_line(standoff, line, number):
            standoff.causes.append((cause, number))
    return Annotation(
        id=file.relative_to(root).with_suffix("").as_posix(),
        text=text,
        path=file,
        marks=list(_marks(standoff)),
        links=standoff.links,
        has_links=bool(standoff.events or standoff.links),
        causes=standoff.causes,
    )


def _read_line(standoff: _Standoff, line: str, number: int) -> str | None:
    """Files a line under its kind; returns what is wrong with it, if anything."""
    if not line.strip() or line[0] in "#*":
        return None
    reader = _READERS.get(line[0])
    if reader is None:
        return f"unknown annotation {line[:30]!r}; allowed: T, E, R, A, M, N, * and # at the beginning"
    return reader(standoff, line, number)


def _read_text_bound(standoff: _Standoff, line: str, number: int) -> str | None:
    if _DISCONTINUOUS.fullmatch(line):
        return "a span of several pieces; shorten it to one piece"
    if not (match := _TEXT_BOUND.fullmatch(line)):
        return f"malformed span {line[:40]!r}; expected: T1, tab, label start end, tab, text"
    key, label, start, end, surface = match[1], match[2], int(match[3]), int(match[4]), match[5]
    if key in standoff.spans:
        return f"{key} is defined twice"
    found = standoff.text[start:end]
    if found.split() != surface.split():
        return f"{key} says {surface!r}, but the text has {found!r} at {start}:{end}; offsets count characters"
    standoff.spans[key] = Mark(key, label, start, end, number)
    return None


def _read_event(standoff: _Standoff, line: str, number: int) -> str | None:
    if not (match := _EVENT.fullmatch(line)):
        return f"malformed event {line[:40]!r}; expected: E1, tab, label:T1 role:T2 …"
    key, label, trigger, arguments = match.groups()
    if key in standoff.events:
        return f"{key} is defined twice"
    standoff.events[key] = (trigger, label, number)
    for argument in arguments.split():
        role, _, span = argument.partition(":")
        standoff.links.append(Link(key, span, role.rstrip("0123456789") or role, number))
    return None


def _read_relation(standoff: _Standoff, line: str, number: int) -> str | None:
    if not (match := _RELATION.fullmatch(line)):
        return f"malformed relation {line[:40]!r}; expected: R1, tab, role Arg1:T1 Arg2:T2"
    standoff.links.append(Link(match[3], match[4], match[2], number))
    return None


def _read_attribute(standoff: _Standoff, line: str, number: int) -> str | None:
    if not (match := _ATTRIBUTE.fullmatch(line)):
        return f"malformed attribute {line[:40]!r}; expected: A1, tab, name E1, and a value or none"
    name, key, value = match.groups()
    status = status_of(value or "") if name.casefold() == "status" else status_of(name)
    if status:
        standoff.statuses[key] = status
    return None


def _read_normalisation(standoff: _Standoff, line: str, number: int) -> str | None:
    if not (match := _NORMALISATION.fullmatch(line)):
        return f"malformed normalisation {line[:40]!r}; expected: N1, tab, Reference T1 resource:id, tab, name"
    key, resource, code = match.groups()
    if resource == "CAMEO" and (len(code) % 3 or not code.isalpha() or not code.isupper()):
        return f"the actor code {code!r} must be groups of three capital letters"
    if resource == "ISO3166" and code not in ontology.countries():
        return f"the country {code!r} is no ISO 3166 alpha-3 code"
    if resource in ("CAMEO", "ISO3166"):
        standoff.codes[key] = code
    return None


_READERS: dict[str, Callable[[_Standoff, str, int], str | None]] = {
    "T": _read_text_bound,
    "E": _read_event,
    "R": _read_relation,
    "A": _read_attribute,
    "M": _read_attribute,
    "N": _read_normalisation,
}


def _marks(standoff: _Standoff) -> Iterator[Mark]:
    """The marks: events at their triggers' spans, and the other spans."""
    for key, (trigger, label, number) in standoff.events.items():
        span = standoff.spans.get(trigger)
        if span is None:
            standoff.causes.append((f"{key} has the trigger {trigger}, which is not marked", number))
            continue
        status = standoff.statuses.get(key, "asserted")
        yield Mark(key, label, span.start, span.end, number, is_trigger=True, status=status)
    triggers = {trigger for trigger, _, _ in standoff.events.values()}
    for key, span in standoff.spans.items():
        # Where a file has events, a span that is none's trigger is an argument, whatever its label.
        kind = False if standoff.events else None
        status = standoff.statuses.get(key, "asserted")
        if key not in triggers:
            yield Mark(key, span.label, span.start, span.end, span.line, kind, standoff.codes.get(key), status)


def _lines(document: Document) -> Iterator[str]:
    """The lines of a document's .ann file."""
    keys: dict[tuple[str, int, int, str | None], str] = {}
    numbers = {kind: count(1) for kind in "TEAN"}

    def text_bound(label: str, span: Span, code: str | None = None) -> Iterator[str]:
        if (label, span.start, span.end, code) not in keys:
            keys[label, span.start, span.end, code] = key = f"T{next(numbers['T'])}"
            yield f"{key}\t{_checked(label, document)} {span.start} {span.end}\t{' '.join(span.text.splitlines())}"
            if code:
                resource = "CAMEO" if label == "Actor" else "ISO3166"
                yield f"N{next(numbers['N'])}\tReference {key} {resource}:{code}\t{' '.join(span.text.split())}"

    for event in document.events:
        yield from text_bound(event.code, event.trigger)
        arguments = []
        for role, span in event.arguments():
            described = _described(span)
            yield from text_bound(described[0], span, described[1])
            arguments.append(f"{role}:{keys[described[0], span.start, span.end, described[1]]}")
        trigger = keys[event.code, event.trigger.start, event.trigger.end, None]
        key = f"E{next(numbers['E'])}"
        yield f"{key}\t{' '.join([f'{event.code}:{trigger}', *_numbered(arguments)])}"
        if event.status != "asserted":
            yield f"A{next(numbers['A'])}\tStatus {key} {event.status}"
    for argument in document.arguments:
        yield from text_bound(argument.role, argument)


def _described(span: Span) -> tuple[str, str | None]:
    """Label and code of an argument."""
    code = span.code if isinstance(span, Actor) else span.country if isinstance(span, Place) else None
    return _LABEL_OF_KIND.get(type(span), "Time"), code  # type: ignore[call-overload, unused-ignore]


def _numbered(arguments: Sequence[str]) -> Iterator[str]:
    """Arguments of an event, with a number behind a role that is there already (Source, Source2)."""
    seen: dict[str, int] = {}
    for argument in arguments:
        role, _, key = argument.partition(":")
        seen[role] = seen.get(role, 0) + 1
        yield f"{role}{seen[role] if seen[role] > 1 else ''}:{key}"


def _checked(label: str, document: Document) -> str:
    if not label or re.search(r"[\s:;]", label):
        raise CorpusError(f"{document.id!r}: the label {label!r} holds characters that brat does not allow")
    return label


def _encode(text: str, document: Document) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise CorpusError(f"{document.id!r} holds lone surrogates, which UTF-8 cannot; write JSON Lines") from None
