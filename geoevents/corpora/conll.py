"""Words with BIO tags, one a line, documents separated by blank lines (CoNLL).

Two layouts, with tabs or spaces between the columns:

- word, tag: the tags of triggers (their code: B-040, B-Attack) and of arguments (their role: B-source, B-S) together.
- word, trigger tag, then one column a trigger in their order with its arguments (several roles of a word joined by |),
  as in CoNLL-2005. A further last column holds arguments without an event.

Lines `# key = value` before the words give `id`, `date`, the `text` with its own spacing (else the words are joined by
spaces), and the numbers of the `negated` and `hypothetical` triggers, from 1. Written like this a document loses actor
codes, resolved places and dates, scores and collapsed mentions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from geoevents.corpora import bio
from geoevents.corpora.assembly import Annotation, Link, Mark, assemble
from geoevents.corpora.labels import LabelMap
from geoevents.errors import CorpusError
from geoevents.events import STATUSES, Document, Span, Status
from geoevents.markup import decode

_COMMENT = re.compile(r"#\s*(\w+)\s+=\s?(.*)")
_WORD = re.compile(r"\w+|[^\w\s]")

Tagged = tuple[str, int, int]


def read(path: Path, labels: LabelMap) -> Iterator[Document | CorpusError]:
    """The document of each block of lines, or what is wrong with it."""
    yield from assemble(_annotations(path, labels), labels)


def write(documents: Sequence[Document], path: Path, labels: LabelMap) -> None:
    """Writes documents as words and tags.

    Raises:
        CorpusError: Triggers overlap, or arguments of one event and role; or BIO tags cannot express a label.
    """
    blocks = [_format(document, labels) for document in documents]
    path.write_text("\n".join(blocks), encoding="utf-8", newline="\n")


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines without a blank one between them: comments and rows of columns, with the number of the first row."""

    comments: dict[str, str]
    rows: list[list[str]]
    line: int


def _annotations(path: Path, labels: LabelMap) -> Iterator[Annotation | CorpusError]:
    try:
        text = decode(path.read_bytes(), path).replace("\r\n", "\n")
    except CorpusError as error:
        yield error
        return
    for number, block in enumerate(_blocks(text), 1):
        yield _annotation_or_error(block, block.comments.get("id", f"{path.stem}#{number}"), path, labels)


def _blocks(text: str) -> Iterator[_Block]:
    comments: dict[str, str] = {}
    rows: list[list[str]] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        comment = None if rows else _COMMENT.fullmatch(line)
        if comment:
            comments[comment[1]] = comment[2]
        elif line.strip():
            rows.append(line.split("\t") if "\t" in line else line.split())
        elif rows:
            if rows[0][0] != "-DOCSTART-":
                yield _Block(comments, rows, number - len(rows))
            comments, rows = {}, []


def _annotation_or_error(block: _Block, document_id: str, path: Path, labels: LabelMap) -> Annotation | CorpusError:
    try:
        return _annotation(block, document_id, path, labels)
    except ValueError as error:
        cause, row = error.args
        return CorpusError(cause, path=path, line=block.line + row)


def _annotation(block: _Block, document_id: str, path: Path, labels: LabelMap) -> Annotation:
    """What a block says; raises ValueError with the cause and the index of the row."""
    width = len(block.rows[0])
    for index, row in enumerate(block.rows):
        if len(row) != width or width < 2:
            expected = f"the {width} of the rows above" if width > 1 else "a word and a tag"
            raise ValueError(f"found {len(row)} columns, expected {expected} (blank lines separate documents)", index)
    words = [row[0] for row in block.rows]
    text, offsets = _text(words, block.comments.get("text"))
    columns = [[row[column] for row in block.rows] for column in range(1, width)]
    spans = bio.tagged_spans(columns[0])
    marks = [
        _mark(f"T{i}", span, offsets, block, is_trigger=True if width > 2 else None) for i, span in enumerate(spans)
    ]
    marks = [*_with_statuses(marks, block, labels)]
    arguments, links = _arguments(columns[1:], marks, offsets, block)
    return Annotation(
        id=document_id,
        text=text,
        path=path,
        line=block.line,
        marks=[*marks, *arguments],
        links=links,
        has_links=width > 2,
        sentences=[(offsets[0][0], offsets[-1][1])],
        date=block.comments.get("date"),
    )


def _text(words: Sequence[str], text: str | None) -> tuple[str, list[tuple[int, int]]]:
    """The text and the words' offsets; raises ValueError where the text given does not hold the words."""
    if text is None:
        return bio.join(words)
    for candidate in (text, *_from_json(text)):
        if offsets := bio.align(words, candidate):
            return candidate, offsets
    raise ValueError(f"the text {text[:60]!r} of the comment is not the words {' '.join(words)[:60]!r}", 0)


def _from_json(text: str) -> list[str]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return []
    return [value] if isinstance(value, str) else []


def _mark(
    key: str, span: Tagged, offsets: Sequence[tuple[int, int]], block: _Block, *, is_trigger: bool | None
) -> Mark:
    label, first, last = span
    return Mark(key, label, offsets[first][0], offsets[last - 1][1], block.line + first, is_trigger)


def _with_statuses(marks: Sequence[Mark], block: _Block, labels: LabelMap) -> Iterator[Mark]:
    """The marks with the statuses that the comments give to the triggers among them."""
    status_of: dict[int, Status] = {}
    for status in STATUSES:
        for number in block.comments.get(status, "").split():
            if not number.isdigit():
                raise ValueError(f"{status} = {number}: expected the numbers of triggers, from 1", 0)
            status_of[int(number)] = status
    count = 0
    for mark in marks:
        count += mark.is_trigger or labels.role_of(mark.label) is None
        status = status_of.pop(count, "asserted") if count else "asserted"
        yield Mark(mark.key, mark.label, mark.start, mark.end, mark.line, mark.is_trigger, status=status)
    if status_of:
        raise ValueError(f"the comment gives trigger {min(status_of)} a status, but there are {count} triggers", 0)


def _arguments(
    columns: Sequence[Sequence[str]], triggers: Sequence[Mark], offsets: Sequence[tuple[int, int]], block: _Block
) -> tuple[list[Mark], list[Link]]:
    """The arguments of the columns behind the triggers' and the links to the triggers."""
    if columns and len(columns) not in (len(triggers), len(triggers) + 1):
        raise ValueError(
            f"found {len(triggers)} triggers and {len(columns)} columns of arguments; expected word, tag, or word, "
            "trigger tag and one column for each trigger",
            0,
        )
    marks: list[Mark] = []
    links: list[Link] = []
    for number, column in enumerate(columns):
        for layer in _layers(column):
            for span in bio.tagged_spans(layer):
                key = f"A{len(marks)}"
                marks.append(_mark(key, span, offsets, block, is_trigger=False))
                if number < len(triggers):
                    links.append(Link(triggers[number].key, key, span[0], marks[-1].line))
    return marks, links


def _layers(column: Sequence[str]) -> list[list[str]]:
    """A column with several roles a word as a column for each label."""
    cells = [cell.split("|") for cell in column]
    labels = sorted({tag[2:] for tags in cells for tag in tags if len(tag) > 2})
    if all(len(tags) == 1 for tags in cells):
        return [list(column)]
    return [[next((tag for tag in tags if tag[2:] == label), "O") for tags in cells] for label in labels]


def _format(document: Document, labels: LabelMap) -> str:
    """A document's block."""
    if not (offsets := _word_offsets(document)):
        raise CorpusError(f"{document.id!r} has no words; write it as JSON Lines")
    try:
        columns = list(_columns(document, offsets, labels))
    except ValueError as error:
        raise CorpusError(f"{document.id!r} cannot be written with BIO tags: {error}") from None
    words = [document.text[start:end] for start, end in offsets]
    rows = ["\t".join(cells) for cells in zip(words, *columns, strict=True)]
    return "".join(f"{line}\n" for line in [*_comments(document), *rows])


def _word_offsets(document: Document) -> list[tuple[int, int]]:
    """The words, cut where a span begins or ends inside one."""
    spans = [event.trigger for event in document.events] + [*document.arguments]
    spans += [span for event in document.events for _, span in event.arguments()]
    cuts = sorted({offset for span in spans for offset in (span.start, span.end)})
    offsets = []
    for match in _WORD.finditer(document.text):
        borders = [match.start(), *(cut for cut in cuts if match.start() < cut < match.end()), match.end()]
        offsets += list(pairwise(borders))
    return offsets


def _columns(document: Document, offsets: Sequence[tuple[int, int]], labels: LabelMap) -> Iterator[list[str]]:
    """The columns behind the words; raises ValueError where BIO tags cannot express a span or label."""

    def tags(spans: Iterable[tuple[str, Span]]) -> list[str]:
        return bio.word_tags(len(offsets), [_tagged(label, span, offsets) for label, span in spans])

    loose = [(argument.role, argument) for argument in document.arguments]
    for event in document.events:
        if any(character.isspace() for character in event.code):
            raise ValueError(f"the code {event.code!r} holds a space")
    for role, _ in loose:
        if labels.role_of(role) != role:
            raise ValueError(f"the role {role!r} could not be read back; name it in roles={{{role!r}: {role!r}}}")
    if not document.events:
        yield tags(loose)
        return
    yield tags((event.code, event.trigger) for event in document.events)
    for event in document.events:
        yield _joined([tags([pair]) for pair in event.arguments()], len(offsets))
    if loose:
        yield _joined([tags([pair]) for pair in loose], len(offsets))


def _tagged(label: str, span: Span, offsets: Sequence[tuple[int, int]]) -> Tagged:
    inside = [i for i, (start, end) in enumerate(offsets) if start < span.end and span.start < end]
    if not inside:
        raise ValueError(f"the span {span.text!r} holds no word")
    return label, inside[0], inside[-1] + 1


def _joined(layers: Sequence[Sequence[str]], words: int) -> list[str]:
    """Columns of tags as one; raises ValueError where one role has a word twice."""
    cells = [[tags[word] for tags in layers if tags[word] != "O"] for word in range(words)]
    for tags in cells:
        if len({tag[2:] for tag in tags}) < len(tags):
            raise ValueError(f"two arguments of the role {tags[0][2:]!r} overlap")
    return ["|".join(tags) or "O" for tags in cells]


def _comments(document: Document) -> Iterator[str]:
    plain = document.text == document.text.strip() and not re.search(r"[\r\n]", document.text)
    yield f"# id = {document.id}"
    yield f"# text = {document.text if plain else json.dumps(document.text)}"
    if document.date:
        yield f"# date = {document.date}"
    for status in STATUSES[1:]:
        numbers = [str(number) for number, event in enumerate(document.events, 1) if event.status == status]
        if numbers:
            yield f"# {status} = {' '.join(numbers)}"
