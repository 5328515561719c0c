"""The inline markup of `seeds/` (see `geoevents.markup`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from geoevents.corpora.labels import LabelMap
from geoevents.errors import CorpusError
from geoevents.events import Document
from geoevents.markup import check_markup, parse_record, read_records, write_markup


def read(path: Path, labels: LabelMap) -> Iterator[Document | CorpusError]:
    """The document of each record, or everything that is wrong with it."""
    try:
        records = read_records(path)
    except CorpusError as error:
        yield error
        return
    problems = check_markup(path, labels=labels.ontology)
    yield from problems
    bad_lines = {problem.line for problem in problems}
    for number, record in enumerate(records, 1):
        if record.line not in bad_lines:
            document_id = f"{path.stem}#{number}"
            yield parse_record(
                record.markup, document_id=document_id, path=path, line=record.line, labels=labels.ontology
            )


def write(documents: Sequence[Document], path: Path, labels: LabelMap) -> None:
    """Writes documents as markup.

    Raises:
        CorpusError: The markup cannot hold a document.
    """
    write_markup(documents, path, labels=labels.ontology)
