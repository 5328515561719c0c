"""A page of texts with their events highlighted, for a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from geoevents.cli.messages import say
from geoevents.events import Document
from geoevents.formats.placing import placed
from geoevents.rendering import render

_DOCUMENTS_ON_PAGE = 200


@contextmanager
def open_page(path: Path) -> Iterator[PageWriter]:
    """A writer of a page of highlighted texts, which appears when the block ends.

    Raises:
        OSError: The page cannot be written.
    """
    with placed(path) as file:
        writer = PageWriter()
        yield writer
        file.write(render(writer.documents, page=True).encode("utf-8", "replace"))
    if writer.left_out:
        say(f"{path} shows the first {_DOCUMENTS_ON_PAGE} documents, not the other {writer.left_out}")


@dataclass
class PageWriter:
    """Keeps the documents of a page, which browsers show only if they are not too many.

    Attributes:
        documents: The documents.
        left_out: Number of further ones.
    """

    documents: list[Document] = field(default_factory=list)
    left_out: int = 0

    def write(self, document: Document) -> None:
        """Keep a document, if there is still room."""
        if len(self.documents) < _DOCUMENTS_ON_PAGE:
            self.documents.append(document)
        else:
            self.left_out += 1

    def close(self) -> None:
        """Nothing is left to write."""
