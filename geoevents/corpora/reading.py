"""Files of every known format to Documents and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoevents.corpora import brat, conll, doccano, evt, jsonl, label_studio, spacy
from geoevents.corpora.assembly import shared_id
from geoevents.corpora.json_records import json_records
from geoevents.corpora.labels import LabelMap
from geoevents.errors import CorpusError, first_of
from geoevents.events import Document
from geoevents.markup import check_markup
from geoevents.ontology import Ontology

Paths = str | Path | Iterable[str | Path]


@dataclass(frozen=True, slots=True)
class Format:
    """A corpus format.

    Attributes:
        read: Yields a file's documents, and in the place of those that cannot be read what is wrong with them.
        write: Writes documents into a file, or None where that is not supported.
    """

    read: Callable[[Path, LabelMap], Iterator[Document | CorpusError]]
    write: Callable[[Sequence[Document], Path, LabelMap], None] | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """What `examine_corpus` finds.

    Attributes:
        documents: The documents that can be read.
        problems: What is wrong with the others, by file and line.
    """

    documents: tuple[Document, ...]
    problems: tuple[CorpusError, ...]


FORMATS: dict[str, Format] = {
    "evt": Format(evt.read, evt.write),
    "jsonl": Format(jsonl.read, jsonl.write),
    "conll": Format(conll.read, conll.write),
    "brat": Format(brat.read, brat.write),
    "spacy": Format(spacy.read),
    "label-studio": Format(label_studio.read),
    "doccano": Format(doccano.read),
}
"""The formats by the names that `format=` takes."""

_FORMAT_OF_SUFFIX = {
    ".evt": "evt",
    ".jsonl": "jsonl",
    ".conll": "conll",
    ".bio": "conll",
    ".iob": "conll",
    ".tsv": "conll",
    ".txt": "conll",
    ".ann": "brat",
    ".spacy": "spacy",
    ".json": "spacy",
}


def read_corpus(
    paths: Paths,
    *,
    format: str | None = None,
    ontology: Ontology | None = None,
    roles: Mapping[str, str] | None = None,
) -> list[Document]:
    """The documents of one file or of several, in order.

    Example:
        >>> len(read_corpus("seeds/dev.evt"))
        300

    Args:
        paths: Files, or directories of brat.
        format: A key of `FORMATS`; by default each file's suffix and content tell.
        ontology: Own event types in place of CAMEO's; a label that is neither among them nor a role is an error.
        roles: What further labels mean, such as {"Attacker": "source"}; "" skips a label.

    Raises:
        CorpusError: A file is malformed (file, line, cause; and how many more problems it has), of unknown format, or
            two documents share an id.
        MissingExtraError: A file is a DocBin, and the package spacy is not installed.
        OSError: A file cannot be opened.
    """
    documents: list[Document] = []
    for read, problems in _read_each(listed(paths), format, LabelMap(ontology, roles or {})):
        if problems:
            raise first_of(problems)
        documents += read
    return documents


def check_corpus(
    paths: Paths,
    *,
    format: str | None = None,
    ontology: Ontology | None = None,
    roles: Mapping[str, str] | None = None,
) -> list[CorpusError]:
    """Every problem in some files, by file and line; none if `read_corpus` can read them.

    Texts that occur twice in markup files are problems too.

    Args:
        paths: As for `read_corpus`.
        format: As for `read_corpus`.
        ontology: As for `read_corpus`.
        roles: As for `read_corpus`.

    Raises:
        CorpusError: A file is of unknown format.
        MissingExtraError: A file is a DocBin, and the package spacy is not installed.
        OSError: A file cannot be opened.
    """
    return list(examine_corpus(paths, format=format, ontology=ontology, roles=roles).problems)


def examine_corpus(
    paths: Paths,
    *,
    format: str | None = None,
    ontology: Ontology | None = None,
    roles: Mapping[str, str] | None = None,
) -> Examination:
    """The documents of some files that can be read, and every problem of the others.

    Args:
        paths: As for `read_corpus`.
        format: As for `read_corpus`.
        ontology: As for `read_corpus`.
        roles: As for `read_corpus`.

    Raises:
        CorpusError: A file is of unknown format.
        MissingExtraError: A file is a DocBin, and the package spacy is not installed.
        OSError: A file cannot be opened.
    """
    files = list(listed(paths))
    markup = [path for path in files if (format or detect_format(path)) == "evt"]
    problems = check_markup(*markup, labels=ontology)
    known = {str(problem) for problem in problems}
    documents: list[Document] = []
    for read, more in _read_each(files, format, LabelMap(ontology, roles or {})):
        documents += read
        problems += [problem for problem in more if str(problem) not in known]
    return Examination(tuple(documents), tuple(problems))


def write_corpus(
    documents: Sequence[Document], path: str | Path, *, format: str | None = None, ontology: Ontology | None = None
) -> None:
    """Writes documents as markup, JSON Lines, CoNLL or brat.

    Args:
        documents: The documents.
        path: The file; for brat the directory.
        format: A key of `FORMATS`; by default the path's suffix tells, and no suffix means brat.
        ontology: Own event types, which markup wants to know.

    Raises:
        CorpusError: The format is unknown or cannot be written, or cannot hold a document; nothing is written.
        OSError: The file cannot be written.
    """
    path = Path(path)
    name = format or ("brat" if path.is_dir() or not path.suffix else _FORMAT_OF_SUFFIX.get(path.suffix))
    write = _format(name, path).write
    if write is None:
        allowed = ", ".join(name for name, known in FORMATS.items() if known.write)
        raise CorpusError(f"{name} can be read but not written; allowed: {allowed}", path=path)
    write(documents, path, LabelMap(ontology))


def detect_format(path: Path) -> str:
    """The key of `FORMATS` that a file's suffix and, for JSON, its first record tell.

    Raises:
        CorpusError: They tell none.
        OSError: The file cannot be opened.
    """
    if path.is_dir() or (path.suffix == ".txt" and path.with_suffix(".ann").exists()):
        return "brat"
    name = _FORMAT_OF_SUFFIX.get(path.suffix)
    _format(name, path)
    if path.suffix in (".json", ".jsonl"):
        first = _first_line(path) if path.suffix == ".jsonl" else next(json_records(path), None)
        name = _json_format(first[1]) if isinstance(first, tuple) else name
    return str(name)


def _first_line(path: Path) -> tuple[int, Any] | None:
    """The record of the first line that is not blank, so that a large file need not be held in memory for it."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    return number, json.loads(line.decode("utf-8-sig"))
                except ValueError:
                    return None
    return None


def _json_format(record: Any) -> str:
    """The format that a JSON record belongs to."""
    if isinstance(record, list):
        return "spacy"
    keys = set(record) if isinstance(record, dict) else set()
    if keys & {"paragraphs", "ents"}:
        return "spacy"
    if keys & {"annotations", "completions"} or _has_objects(record, "label"):
        return "label-studio"
    if keys & {"label", "labels", "entities"}:
        return "doccano"
    return "jsonl"


def _has_objects(record: Any, key: str) -> bool:
    value = record.get(key) if isinstance(record, dict) else None
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def iterate_corpus(
    path: str | Path,
    *,
    format: str | None = None,
    ontology: Ontology | None = None,
    roles: Mapping[str, str] | None = None,
) -> Iterator[Document]:
    """The documents of one file as they are read; arguments and errors are those of `read_corpus`."""
    path = Path(path)
    for item in _format(format or detect_format(path), path).read(path, LabelMap(ontology, roles or {})):
        if isinstance(item, CorpusError):
            raise item
        yield item


def listed(paths: Paths) -> Iterator[Path]:
    """The paths, whether one is given or several."""
    yield from [Path(paths)] if isinstance(paths, (str, Path)) else map(Path, paths)


def _format(name: str | None, path: Path) -> Format:
    if name in FORMATS:
        return FORMATS[name]
    if name is None:
        allowed = f"{', '.join(_FORMAT_OF_SUFFIX)}, a directory of brat; or name the format: {', '.join(FORMATS)}"
        raise CorpusError(f"unknown corpus format {path.suffix!r}; allowed: {allowed}", path=path)
    raise CorpusError(f"unknown corpus format {name!r}; allowed: {', '.join(FORMATS)}", path=path)


def _read_each(
    files: Iterable[Path], format: str | None, labels: LabelMap
) -> Iterator[tuple[list[Document], list[CorpusError]]]:
    """Documents and problems of each file."""
    origins: dict[str, Path] = {}
    for path in files:
        items = list(_format(format or detect_format(path), path).read(path, labels))
        documents = [item for item in items if isinstance(item, Document)]
        problems = [item for item in items if isinstance(item, CorpusError)]
        shared = [document.id for document in documents if document.id in origins]
        problems += [CorpusError(shared_id(identifier, origins[identifier]), path=path) for identifier in shared]
        origins |= {document.id: path for document in documents}
        yield documents, problems
