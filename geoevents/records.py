"""What the user hands to the extractor: texts, with or without an identifier and a date."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from geoevents.errors import InputError, repeated


@dataclass(frozen=True, slots=True)
class Record:
    """A text to be read.

    Attributes:
        text: The text.
        id: Identifier of the document, or None to have one made from the text.
        date: ISO 8601 date of publication, or None.
    """

    text: str
    id: str | None = None
    date: str | None = None


RecordLike = str | Record | tuple[str, Mapping[str, Any]]
"""A text, a `Record`, or a text with a mapping that has "id", "date" or both."""


def as_record(item: RecordLike) -> Record:
    """The checked record that an item stands for; its date in ISO 8601.

    Example:
        >>> as_record(("Putin met Xi.", {"date": "2022/02/04"}))
        Record(text='Putin met Xi.', id=None, date='2022-02-04')

    Raises:
        InputError: The item is not a `RecordLike`, or its date cannot be read.
    """
    if isinstance(item, Record):
        return make_record(item.text, item.id, item.date)
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Mapping):
        text, context = item
        unknown = sorted(context.keys() - {"id", "date"}, key=repr)
        if unknown:
            raise InputError(f"unknown key {repeated(*unknown)} beside the text; allowed are 'id' and 'date'")
        return make_record(text, context.get("id"), context.get("date"))
    return make_record(item, None, None)


def make_record(text: object, identifier: object, published: object) -> Record:
    """A checked record of a text, an identifier and a date as the user gave them.

    Raises:
        InputError: The text is no string, or the date cannot be read.
    """
    if text is None:
        raise InputError("the text is missing")
    if not isinstance(text, str):
        raise InputError(f"the text is of type {type(text).__name__}, not a string")
    empty = identifier is None or identifier == "" or identifier != identifier  # NaN stands for a missing value
    return Record(text, None if empty else str(identifier), iso_date(published))


def iso_date(value: object) -> str | None:
    """A date in ISO 8601, or None for a missing one.

    Args:
        value: A date or datetime, or a string: ISO 8601 (a time of day is dropped), YYYYMMDD, YYYY/MM/DD, or the form
            of RSS and e-mail ("Wed, 19 Jan 2022 10:00:00 GMT").

    Raises:
        InputError: The value is of no such form. Forms that leave day and month open ("01/02/2022") are not guessed.
    """
    if value is None or value == "" or value != value:
        return None
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    parsed = _parse_date(value.strip()) if isinstance(value, str) else None
    if parsed is None:
        raise InputError(f"the date {repeated(value)} cannot be read; write it as YYYY-MM-DD, or leave it out")
    return parsed.isoformat()


_DAY = re.compile(r"(\d{4})([-/]?)(\d{2})\2(\d{2})(?:[T ].*)?", re.DOTALL)


def _parse_date(text: str) -> date | None:
    match = _DAY.fullmatch(text)
    try:
        if match:
            return date(int(match[1]), int(match[3]), int(match[4]))
        return parsedate_to_datetime(text).date()
    except (ValueError, TypeError, OverflowError):  # the last from a time zone of many digits
        return None
