"""Which columns of a user's table or JSON object hold text, identifier and date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from geoevents.errors import InputError
from geoevents.records import Record, make_record

TEXT_NAMES = (
    "text",
    "body",
    "content",
    "article",
    "article_text",
    "full_text",
    "fulltext",
    "maintext",
    "story",
    "sentence",
)
ID_NAMES = ("id", "doc_id", "docid", "document_id", "article_id", "story_id", "uuid", "guid", "url", "uri", "link")
DATE_NAMES = (
    "date",
    "published",
    "published_at",
    "publication_date",
    "publish_date",
    "date_publish",
    "date_published",
    "pub_date",
    "pubdate",
    "datetime",
    "timestamp",
)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a file of records.

    Attributes:
        text_column: Name of the column or key with the text; None to take the first of `TEXT_NAMES` that there is.
        id_column: The same for the identifier, with `ID_NAMES`; without any, a record is named by file and line.
        date_column: The same for the date, with `DATE_NAMES`; there need not be any.
        encoding: Encoding of text files; a byte order mark is left out.
        lines: Whether each line of a plain text file is a document of its own.
    """

    text_column: str | None = None
    id_column: str | None = None
    date_column: str | None = None
    encoding: str = "utf-8"
    lines: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns chosen: their names as the file writes them."""

    text: str
    id: str | None
    date: str | None

    def record(self, row: Mapping[str, Any], name: str) -> Record:
        """The record that a row holds.

        Args:
            row: The row, by column; with an error in place of a value that cannot be read.
            name: Identifier of the record if the row has none.

        Raises:
            InputError: The text is missing or no string, or the date or another value cannot be read.
        """
        for column in self.names():
            if isinstance(row.get(column), InputError):
                raise row[column]
        identifier = row.get(self.id) if self.id else None
        if identifier is None or identifier == "":
            identifier = name
        return make_record(row.get(self.text), identifier, row.get(self.date) if self.date else None)

    def names(self) -> list[str]:
        """The chosen columns, each once."""
        return list(dict.fromkeys(name for name in (self.text, self.id, self.date) if name is not None))


def choose_columns(found: Iterable[str], options: ReadOptions) -> Columns:
    """The columns to read among those found; upper and lower case do not matter.

    Raises:
        InputError: A column named in the options is not there, or none of the usual names for the text is.
    """
    by_name: dict[str, str] = {}
    for name in found:
        by_name.setdefault(name.strip().lower(), name)
    text = _choose(by_name, options.text_column, TEXT_NAMES)
    if text is None:
        raise InputError(
            f"no column {TEXT_NAMES[0]!r} or similar for the text; found: {_listed(by_name)}; "
            "name it with --text-column (text_column=)"
        )
    return Columns(
        text, _choose(by_name, options.id_column, ID_NAMES), _choose(by_name, options.date_column, DATE_NAMES)
    )


def _choose(by_name: Mapping[str, str], wanted: str | None, usual: tuple[str, ...]) -> str | None:
    if wanted is None:
        return next((by_name[name] for name in usual if name in by_name), None)
    try:
        return by_name[wanted.strip().lower()]
    except KeyError:
        raise InputError(f"no column {wanted!r}; found: {_listed(by_name)}") from None


def _listed(by_name: Mapping[str, str]) -> str:
    return ", ".join(repr(name) for name in by_name.values()) or "none"
