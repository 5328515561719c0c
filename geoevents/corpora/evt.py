"""The inline markup of `seeds/` (see `geoevents.markup`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from geoevents.corpora.labels import LabelMap
from geoevents.errors import CorpusError
from geoevents.events import Document
from geoevents.markup import check_markup, read_markup, write_markup


def read(path: Path, labels: LabelMap) -> Iterator[Document | CorpusError]:
    """The documents of a file, or everything that is wrong with it."""
    problems = check_markup(path, labels=labels.ontology)
    yield from problems or read_markup(path, labels=labels.ontology)


def write(documents: Sequence[Document], path: Path, labels: LabelMap) -> None:
    """Writes documents as markup.

    Raises:
        CorpusError: The markup cannot hold a document.
    """
    write_markup(documents, path, labels=labels.ontology)
