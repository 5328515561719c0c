"""spaCy's training data: JSON in its three shapes, and DocBin (.spacy).

- What `Doc.to_json()` gives: {"text", "ents": [{"start", "end", "label"}], "spans": {…}, "sents": [{"start", "end"}]}.
- The simple form: [text, {"entities": [[start, end, label]], "spans": {…}}].
- The training format of version 2: {"id", "paragraphs": [{"raw", "sentences": [{"tokens": [{"orth", "ner"}]}]}]}.

Entities and span groups are read alike. spaCy has no links between spans.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from geoevents.corpora import bio
from geoevents.corpora.assembly import Annotation, Mark, assemble
from geoevents.corpora.json_records import json_records
from geoevents.corpora.labels import LabelMap
from geoevents.errors import CorpusError, MissingExtraError
from geoevents.events import Document

_SHAPES = "an object with text and ents, a pair of text and entities, or an object with paragraphs"


def read(path: Path, labels: LabelMap) -> Iterator[Document | CorpusError]:
    """The documents of a file, or what is wrong with them.

    Raises:
        MissingExtraError: The file is a DocBin, and the package spacy is not installed.
    """
    records = _doc_bin(path) if path.suffix == ".spacy" else json_records(path)
    yield from assemble(_annotations(records, path), labels)


def _doc_bin(path: Path) -> Iterator[tuple[int | None, Any] | CorpusError]:
    try:
        from spacy.tokens import DocBin
        from spacy.vocab import Vocab
    except ImportError:
        raise MissingExtraError("spacy", "spacy") from None
    data = path.read_bytes()
    try:
        docs = [doc.to_json() for doc in DocBin().from_bytes(data).get_docs(Vocab())]
    except Exception as error:  # zlib, msgpack and spaCy raise whatever they like on damaged bytes
        yield CorpusError(f"spaCy cannot read the DocBin: {error}", path=path)
        return
    yield from ((None, doc) for doc in docs)


def _annotations(
    records: Iterable[tuple[int | None, Any] | CorpusError], path: Path
) -> Iterator[Annotation | CorpusError]:
    number = 0
    for record in records:
        if isinstance(record, CorpusError):
            yield record
            continue
        line, value = record
        try:
            for text, spans, sentences in _texts(value):
                number += 1
                marks = _marks(spans, line)
                yield Annotation(f"{path.stem}#{number}", text, path, line, marks, sentences=sentences)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            cause = f"the key {error} is missing" if isinstance(error, KeyError) else str(error.args[0])
            yield CorpusError(f"{cause}; expected {_SHAPES}", path=path, line=line)


Span = tuple[int, int, str]
Text = tuple[str, list[Span], list[tuple[int, int]] | None]


def _texts(value: Any) -> Iterator[Text]:
    """Texts with spans and sentences; raises Key-, Index-, Type-, Value- or AttributeError for another shape."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
        yield value[0], [*_spans(value[1].get("entities", ())), *_groups(value[1])], None
    elif isinstance(value, dict) and "paragraphs" in value:
        for paragraph in value["paragraphs"]:
            yield _paragraph(paragraph)
    elif isinstance(value, dict):
        sentences = [_whole(item["start"], item["end"]) for item in value.get("sents", ())]
        yield _string(value["text"]), [*_spans(value.get("ents", ())), *_groups(value)], sentences or None
    else:
        raise ValueError(f"found {type(value).__name__}")


def _spans(items: Sequence[Any]) -> Iterator[Span]:
    for item in items:
        start, end, label = (
            (item["start"], item["end"], item["label"]) if isinstance(item, Mapping) else (item[0], item[1], item[2])
        )
        yield *_whole(start, end), _string(label)


def _whole(start: Any, end: Any) -> tuple[int, int]:
    if not isinstance(start, int) or not isinstance(end, int):
        raise ValueError(f"the offsets {start!r}, {end!r} are no whole numbers")
    return start, end


def _groups(value: Mapping[str, Any]) -> Iterator[Span]:
    for group in (value.get("spans") or {}).values():
        yield from _spans(group)


def _paragraph(paragraph: Mapping[str, Any]) -> Text:
    """A paragraph of the version 2 format."""
    sentences = [sentence["tokens"] for sentence in paragraph.get("sentences", ())]
    tokens = [token for sentence in sentences for token in sentence]
    words = [_string(token["orth"]) for token in tokens]
    raw = paragraph.get("raw")
    text, offsets = bio.join(words) if raw is None else (_string(raw), bio.align(words, raw) or [])
    if len(offsets) < len(tokens):
        raise ValueError(f"the tokens are not those of the raw text {text[:60]!r}")
    tagged = bio.tagged_spans([token.get("ner") or "O" for token in tokens])
    spans = [(offsets[first][0], offsets[last - 1][1], label) for label, first, last in tagged]
    return text, [*spans, *_spans(paragraph.get("entities", ()))], _sentence_offsets(sentences, offsets)


def _sentence_offsets(
    sentences: Sequence[Sequence[Any]], offsets: Sequence[tuple[int, int]]
) -> list[tuple[int, int]] | None:
    borders = []
    first = 0
    for tokens in sentences:
        if tokens:
            borders.append((offsets[first][0], offsets[first + len(tokens) - 1][1]))
        first += len(tokens)
    return borders or None


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a string, found {value!r}")
    return value


def _marks(spans: Sequence[Span], line: int | None) -> list[Mark]:
    """The spans as marks, each once."""
    return [
        Mark(f"T{number}", label, start, end, line) for number, (start, end, label) in enumerate(dict.fromkeys(spans))
    ]
