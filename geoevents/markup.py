"""The inline event markup of `seeds/` (defined in `seeds/ANNOTATION.md`) to and from Documents.

A record is one Document of one sentence, identified as "<file stem>#<number of the record, from 1>". Parsing and
formatting are exact inverses: `parse_record(format_record(d), document_id=d.id) == d` for every document that came
from markup, and `format_record` gives a record back as it was if the record is canonical: on one line, ids numbered in
the order of their spans, links in the order s, t, l, d, then flags. `Layout` keeps a file's comments and blank lines.

What the markup cannot hold is left out on formatting: the document's date, scores, names, coordinates, resolved dates
and collapsed mentions. `corpora` writes JSON Lines, which loses nothing.

Codes are CAMEO's unless an ontology is given; then they are the ontology's alone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from geoevents import ontology
from geoevents.errors import CorpusError, first_of
from geoevents.events import Actor, Document, Event, Place, Span, Status, Time
from geoevents.ontology import Ontology

_SPAN = re.compile(r"\[\[([^\[\]|]+)\|([^\[\]|]+)\]\]")
_ARGUMENT_TAG = re.compile(r"([apd]\d+)(?:=([A-Z]{3,12}))?")
_KINDS_OF_LINK = {"s": "a", "t": "a", "l": "pa", "d": "d"}
_STATUS_OF_FLAG: dict[str, Status] = {"neg": "negated", "hyp": "hypothetical"}
_FLAG_OF_STATUS = {status: flag for flag, status in _STATUS_OF_FLAG.items()}
_LONGEST_TRIGGER = 4


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands in a file.

    Attributes:
        line: Number of its first line, from 1.
        markup: Its lines, joined by single spaces.
    """

    line: int
    markup: str


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands around the records of a file: comments, blank lines, line ends.

    Attributes:
        gaps: The text before each record, and after the last: one more than there are records.
    """

    gaps: tuple[str, ...]

    @classmethod
    def plain(cls, records: int, *, comment: str = "") -> Layout:
        """One blank line between records, under a comment line if there is a comment."""
        head = f"# {comment}\n\n" if comment else ""
        return cls((head, *["\n\n"] * (records - 1), "\n") if records else (head,))


def split_records(text: str) -> tuple[tuple[Record, ...], Layout]:
    """The records of a file's text and the layout around them.

    A comment inside a record of several lines is moved in front of it.
    """
    records: list[tuple[int, list[str]]] = []
    gaps = [""]
    for number, line in enumerate(io.StringIO(text), 1):
        inside = len(gaps) == len(records)
        if line.startswith("#"):
            gaps[-1] += line
        elif line.strip():
            if not inside:
                records.append((number, []))
            records[-1][1].append(line.strip())
        elif inside:
            gaps.append("\n" + line)
        else:
            gaps[-1] += line
    if len(gaps) == len(records):
        gaps.append("\n" if text.endswith("\n") else "")
    return tuple(Record(number, " ".join(lines)) for number, lines in records), Layout(tuple(gaps))


def read_records(path: str | Path) -> tuple[Record, ...]:
    """The records of a file, whether they are well-formed or not.

    Raises:
        CorpusError: The file is not UTF-8.
        OSError: The file cannot be opened.
    """
    return split_records(_read_text(Path(path)))[0]


def read_layout(path: str | Path) -> Layout:
    """The layout of a file, for `write_markup` to write it back as it was."""
    return split_records(_read_text(Path(path)))[1]


def read_markup(path: str | Path, *, labels: Ontology | None = None) -> list[Document]:
    """The documents of a file.

    Args:
        path: The file.
        labels: Own event types in place of CAMEO's.

    Raises:
        CorpusError: A record is malformed; the first problem, and how many more there are.
        OSError: The file cannot be opened.
    """
    problems = check_markup(path, labels=labels)
    if problems:
        raise first_of(problems)
    path = Path(path)
    return [
        parse_record(record.markup, document_id=f"{path.stem}#{number}", path=path, line=record.line, labels=labels)
        for number, record in enumerate(read_records(path), 1)
    ]


def check_markup(*paths: str | Path, labels: Ontology | None = None) -> list[CorpusError]:
    """Every problem in some files, by file and line; none if all can be read.

    Texts that occur twice, in one file or in two, are problems too.

    Args:
        paths: The files.
        labels: Own event types in place of CAMEO's.

    Raises:
        OSError: A file cannot be opened.
    """
    problems: list[CorpusError] = []
    seen: dict[str, str] = {}
    for path in map(Path, paths):
        try:
            records = read_records(path)
        except CorpusError as error:
            problems.append(error)
            continue
        for record in records:
            scan = _scan(record.markup, labels)
            first = seen.setdefault(scan.text.lower(), f"{path}:{record.line}")
            repeated = [] if first == f"{path}:{record.line}" else [f"the same text stands at {first}"]
            problems += [CorpusError(cause, path=path, line=record.line) for cause in [*scan.problems, *repeated]]
    return problems


def parse_record(
    markup: str,
    *,
    document_id: str,
    path: str | Path | None = None,
    line: int | None = None,
    labels: Ontology | None = None,
) -> Document:
    """The document that a record describes.

    Gold events have score 1; actors with a code have confidence 1. An actor id linked as a place (`l=a4`) gives a
    Place with the offsets of the actor's span and the country of its code.

    Example:
        >>> document = parse_record("[[Iran|a1=IRN]] [[warns|130 s=a1]] of reprisals", document_id="x#1")
        >>> document.text, document.events[0].name, document.events[0].sources[0].country
        ('Iran warns of reprisals', 'Threaten, not specified below', 'IRN')

    Args:
        markup: The record.
        document_id: Identifier of the document.
        path: The file, for the error message.
        line: The record's line in the file, for the error message.
        labels: Own event types in place of CAMEO's.

    Raises:
        CorpusError: The record is malformed.
    """
    scan = _scan(markup, labels)
    if scan.problems:
        raise first_of([CorpusError(cause, path=path, line=line) for cause in scan.problems])
    return Document(
        id=document_id,
        text=scan.text,
        sentences=(Span(scan.text, 0, len(scan.text)),),
        events=tuple(_event(trigger, scan.arguments, document_id, labels) for trigger in scan.triggers),
    )


def format_record(document: Document, *, labels: Ontology | None = None) -> str:
    """The canonical record of a document.

    Args:
        document: The document.
        labels: Own event types in place of CAMEO's.

    Raises:
        CorpusError: The markup cannot hold the document: its text has line ends, outer spaces, `[[`, `]]`, `|` or a
            leading `#`; spans overlap; two events share a trigger; arguments belong to no event; a code is not in
            CAMEO or in `labels`.
    """
    tags = _tags(document)
    pieces, end = [], 0
    for start, stop in sorted(tags):
        if start < end:
            raise CorpusError(f"{document.id!r}: the span {document.text[start:stop]!r} at {start} overlaps another")
        pieces += [document.text[end:start], f"[[{document.text[start:stop]}|{tags[start, stop]}]]"]
        end = stop
    record = "".join([*pieces, document.text[end:]])
    _verify(document, record, labels)
    return record


def format_markup(
    documents: Sequence[Document], *, layout: Layout | None = None, labels: Ontology | None = None
) -> str:
    """The text of a file that holds the documents.

    Args:
        documents: The documents.
        layout: What stands around them; by default one blank line between records.
        labels: Own event types in place of CAMEO's.

    Raises:
        CorpusError: The markup cannot hold a document.
        ValueError: The layout is that of another number of records.
    """
    layout = layout or Layout.plain(len(documents))
    if len(layout.gaps) != len(documents) + 1:
        raise ValueError(f"the layout is for {len(layout.gaps) - 1} records, not for {len(documents)}")
    records = [format_record(document, labels=labels) for document in documents]
    return "".join(gap + record for gap, record in zip(layout.gaps, [*records, ""], strict=True))


def write_markup(
    documents: Sequence[Document], path: str | Path, *, layout: Layout | None = None, labels: Ontology | None = None
) -> None:
    """Writes documents as a markup file; `layout=read_layout(path)` keeps the comments of a file read before.

    Raises:
        CorpusError: The markup cannot hold a document; nothing is written.
        ValueError: The layout is that of another number of records.
        OSError: The file cannot be written.
    """
    Path(path).write_bytes(format_markup(documents, layout=layout, labels=labels).encode("utf-8"))


@dataclass(slots=True)
class _Argument:
    span: Span
    code: str | None


@dataclass(slots=True)
class _Trigger:
    span: Span
    code: str
    links: dict[str, tuple[str, ...]]
    status: Status


@dataclass(slots=True)
class _Scan:
    """A record taken apart: its text, what the tags say, and what is wrong with them."""

    text: str
    arguments: dict[str, _Argument] = field(default_factory=dict)
    triggers: list[_Trigger] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def _scan(markup: str, labels: Ontology | None = None) -> _Scan:
    """The record taken apart; the problems are the causes of the errors to raise."""
    scan = _Scan(_SPAN.sub(r"\1", markup))
    if any(mark in scan.text for mark in ("[[", "]]", "|")):
        scan.problems.append("unbalanced or nested brackets, or a | outside of them")
    for span, tag in _spans(markup):
        if span.text != span.text.strip():
            scan.problems.append(f"the span {span.text!r} has outer spaces")
        if match := _ARGUMENT_TAG.fullmatch(tag):
            _scan_argument(scan, span, *match.groups())
        else:
            _scan_trigger(scan, span, tag, labels)
    scan.problems += _link_problems(scan)
    return scan


def _spans(markup: str) -> Iterator[tuple[Span, str]]:
    """The marked spans, at their offsets in the text without marks, and their tags."""
    removed = 0
    for match in _SPAN.finditer(markup):
        surface, tag = match.groups()
        start = match.start() - removed
        yield Span(surface, start, start + len(surface)), tag
        removed += len(match[0]) - len(surface)


def _scan_argument(scan: _Scan, span: Span, identifier: str, code: str | None) -> None:
    """Files an argument span under its id."""
    if identifier in scan.arguments:
        scan.problems.append(f"id {identifier} is marked twice")
    if code and identifier[0] == "d":
        scan.problems.append(f"{identifier}={code} on {span.text!r}: a time carries no code")
    if code and identifier[0] == "p" and code not in ontology.countries():
        scan.problems.append(f"{identifier}={code} on {span.text!r}: a place's code is a country's, such as RUS")
    if code and len(code) % 3:
        scan.problems.append(f"{identifier}={code} on {span.text!r}: an actor code is groups of three letters")
    scan.arguments[identifier] = _Argument(span, code)


def _scan_trigger(scan: _Scan, span: Span, tag: str, labels: Ontology | None) -> None:
    """Files a trigger with its links and its status."""
    code, *rest = tag.split() or [""]
    if labels is not None and code not in labels:
        scan.problems.append(f"the code {code!r} on {span.text!r} is neither an id (a1, p1, d1) nor in the ontology")
    if labels is None and (len(code) < 3 or not ontology.is_valid(code)):
        scan.problems.append(
            f"unknown code {code!r} on {span.text!r}; a tag is an id (a1, p1=RUS, d1) or a CAMEO code of 3 or 4 digits"
        )
    if len(span.text.split()) > _LONGEST_TRIGGER:
        scan.problems.append(f"the trigger {span.text!r} is longer than {_LONGEST_TRIGGER} words")
    trigger = _Trigger(span, code, {}, "asserted")
    for part in rest:
        if problem := _read_link(trigger, part):
            scan.problems.append(f"{problem} on {span.text!r}")
    scan.triggers.append(trigger)


def _read_link(trigger: _Trigger, part: str) -> str | None:
    """Adds a link or flag to a trigger; returns what is wrong with it, if anything."""
    if part in _STATUS_OF_FLAG:
        if trigger.status != "asserted":
            return f"second flag {part!r}"
        trigger.status = _STATUS_OF_FLAG[part]
        return None
    link, _, ids = part.partition("=")
    if link not in _KINDS_OF_LINK or not ids:
        return f"bad link {part!r} (allowed: s=, t=, l=, d= with ids, neg, hyp)"
    linked = tuple(ids.split(","))
    if link in trigger.links or len(set(linked)) < len(linked):
        return f"repeated link {part!r}"
    trigger.links[link] = linked
    return None


def _link_problems(scan: _Scan) -> Iterator[str]:
    """What is wrong between the links and the spans that they name."""
    used = set()
    for trigger in scan.triggers:
        for link, ids in trigger.links.items():
            for identifier in ids:
                used.add(identifier)
                if identifier not in scan.arguments:
                    yield f"{trigger.span.text!r} links to {identifier}, which is not marked"
                elif identifier[0] not in _KINDS_OF_LINK[link]:
                    yield f"{trigger.span.text!r} links {link}={identifier}: wrong kind of span"
    for identifier, argument in scan.arguments.items():
        if identifier not in used:
            yield f"{identifier} ({argument.span.text!r}) is linked by no event"


def _event(
    trigger: _Trigger, arguments: dict[str, _Argument], document_id: str, labels: Ontology | None = None
) -> Event:
    """The gold event of a trigger."""

    def linked(link: str) -> list[_Argument]:
        return [arguments[identifier] for identifier in trigger.links.get(link, ())]

    return Event.of_type(
        ontology.describe(trigger.code, labels),
        document=document_id,
        trigger=trigger.span,
        sentence=0,
        status=trigger.status,
        score=1.0,
        sources=tuple(_actor(argument) for argument in linked("s")),
        targets=tuple(_actor(argument) for argument in linked("t")),
        places=tuple(_place(argument) for argument in linked("l")),
        times=tuple(Time(argument.span.text, argument.span.start, argument.span.end) for argument in linked("d")),
    )


def _actor(argument: _Argument) -> Actor:
    """An argument span as an actor."""
    span = argument.span
    country, roles = ontology.split_actor_code(argument.code) if argument.code else (None, ())
    confidence = 1.0 if argument.code else None
    return Actor(
        span.text, span.start, span.end, code=argument.code, country=country, roles=roles, confidence=confidence
    )


def _place(argument: _Argument) -> Place:
    """An argument span, of a place or of an actor, as a place."""
    country = ontology.split_actor_code(argument.code)[0] if argument.code else None
    return Place(argument.span.text, argument.span.start, argument.span.end, country=country)


def _tags(document: Document) -> dict[tuple[int, int], str]:
    """The tag of each marked span, by its offsets."""
    codes = _argument_codes(document)
    ids: dict[tuple[int, int], str] = {}
    for offsets in sorted(codes):
        kind = codes[offsets][0]
        ids[offsets] = f"{kind}{1 + sum(identifier[0] == kind for identifier in ids.values())}"
    tags = {offsets: ids[offsets] + (f"={code}" if code else "") for offsets, (_, code) in codes.items()}
    for event in document.events:
        offsets = event.trigger.start, event.trigger.end
        if offsets in tags:
            raise CorpusError(
                f"{document.id!r}: {event.trigger.text!r} at {offsets[0]} is the trigger of two events, or an argument "
                "as well; the markup gives a span one tag"
            )
        tags[offsets] = _trigger_tag(event, ids)
    return tags


def _argument_codes(document: Document) -> dict[tuple[int, int], tuple[str, str | None]]:
    """Kind and code of each argument span: "a" where it is an actor anywhere, else "p" or "d"."""
    codes: dict[tuple[int, int], tuple[str, str | None]] = {}
    for event in document.events:
        for time in event.times:
            codes.setdefault((time.start, time.end), ("d", None))
        for place in event.places:
            codes.setdefault((place.start, place.end), ("p", place.country))
    for event in document.events:
        for actor in (*event.sources, *event.targets):
            known = codes.get((actor.start, actor.end), ("", None))
            codes[actor.start, actor.end] = ("a", actor.code or (known[1] if known[0] == "a" else None))
    return codes


def _trigger_tag(event: Event, ids: dict[tuple[int, int], str]) -> str:
    """Code, links and flag of an event."""
    arguments = {"s": event.sources, "t": event.targets, "l": event.places, "d": event.times}
    links = [
        f"{link}={','.join(ids[span.start, span.end] for span in spans)}" for link, spans in arguments.items() if spans
    ]
    flags = [_FLAG_OF_STATUS[event.status]] if event.status in _FLAG_OF_STATUS else []
    return " ".join([event.code, *links, *flags])


def _verify(document: Document, record: str, labels: Ontology | None) -> None:
    """Raises unless the record can be read back with the document's text."""
    text = document.text
    if document.arguments:
        raise CorpusError(
            f"{document.id!r}: {document.arguments[0].text!r} belongs to no event, which the markup cannot say; "
            "write the document as JSON Lines"
        )
    if record.startswith("#") or any(end in text for end in "\r\n") or text != text.strip() or not text:
        raise CorpusError(
            f"{document.id!r}: a record cannot be empty, start with # or hold line ends or outer spaces; "
            "write the document as JSON Lines"
        )
    scan = _scan(record, labels)
    if scan.problems or scan.text != text:
        cause = scan.problems[0] if scan.problems else "its text or a span holds brackets"
        raise CorpusError(f"{document.id!r} cannot be written as markup: {cause}")


def _read_text(path: Path) -> str:
    """A file's text with its line ends as newlines.

    Raises:
        CorpusError: The file is not UTF-8.
    """
    return decode(path.read_bytes(), path).replace("\r\n", "\n").replace("\r", "\n")


def decode(data: bytes, path: Path) -> str:
    """A file's bytes as text, without a byte order mark.

    Raises:
        CorpusError: They are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        cause = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise CorpusError(cause, path=path, line=line) from None
