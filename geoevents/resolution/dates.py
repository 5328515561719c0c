"""When something happens: from the words of a time expression to an ISO date with a granularity.

Calendar arithmetic, Easter and written dates are python-dateutil's; what is ours is how news speaks:

- A bare weekday, month, season or day of a month is the latest on or before the story's date; in a planned event, or
  behind "next", "for", "from" and the like, it is the next.
- "Two days later", "that evening", "the next day" count from the date last read in the text before them (`anchor`),
  and stay without a date where there is none.
- "Last Tuesday" is the latest before the story's own day; weeks begin on Monday; a weekend is its Saturday; "overnight"
  is the night that ends on the story's day; winter begins in December, as in the northern hemisphere.
- What names no date ("every Friday", "in recent weeks", "after the election", "for three weeks") gets none.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

from geoevents.errors import InputError
from geoevents.resolution.daterules import MONTH, RULES, WEEKDAY, Frame, NoReferenceError, Reading

# The years in which a document may have been written.
FIRST_YEAR, LAST_YEAR = 1800, 2199

_AHEAD = re.compile(
    r"\b(next|coming|upcoming|following|from|starting|by|until|till|before|ahead of|as (?:early|soon) as)\b"
    rf"|^for (?:late |early |\d+ )?(?={MONTH})"
)
_AHEAD_WEEKDAY = re.compile(rf"\b(next|coming|upcoming|from|starting|as (?:early|soon) as)\b|^for (?={WEEKDAY})")
_PAST = re.compile(r"\b(last|since|past|previous|ago)\b")
_UNDATED = re.compile(
    r"\b(every|each|recent|coming (?:days|weeks|months)|(?:mon|tues|wednes|thurs|fri|satur|sun)days"
    r"|a (?:mon|tues|wednes|thurs|fri|satur|sun)day)\b"
)
_VERB_OR_NOUN = re.compile(r"\b(?:march|may)\b")  # in lower case they are no months
_CLOCK = re.compile(
    r"\b(?P<hour>\d{1,2})(?:[:.]\d\d)? ?(?P<half>[ap])\.?m\b|\b(?P<hour24>[01]?\d|2[0-3])[:.][0-5]\d\b"
    r"|\b(?P<noon>noon)\b"
)


def parse_document_date(text: str) -> dt.date | None:
    """A document's date, for resolving what is relative to it.

    Args:
        text: ISO 8601: "2022-01-20", with or without a time of day; or only "2022-01" or "2022".

    Returns:
        The day, or None where only a month or a year is given.

    Raises:
        InputError: It is no such date, or not of the years 1800 to 2199.
    """
    match = re.fullmatch(r"(\d{4})(?:-(\d\d))?(?:-(\d\d)(?:[T ].*)?)?", text.strip())
    try:
        if not match:
            raise ValueError
        year, month, day = (int(part or 1) for part in match.groups())
        date = dt.date(year, month, day)
    except ValueError:
        raise InputError(
            f"the document date {text!r} is not a date; write it as ISO 8601, such as 2022-01-20, or leave it out"
        ) from None
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InputError(f"the document date {text!r} is out of range; years from {FIRST_YEAR} to {LAST_YEAR} are read")
    return date if match.group(3) else None


@lru_cache(maxsize=4096)
def read_time(
    text: str, *, today: dt.date | None, anchor: dt.date | None = None, planned: bool = False
) -> Reading | None:
    """The date that a time expression names.

    Example:
        >>> read_time("early on Wednesday", today=dt.date(2022, 1, 20))
        Reading(date='2022-01-19', granularity='day')

    Args:
        text: The expression with its preposition: "on Wednesday", "last month", "since Jan. 19".
        today: The document's date; without it only absolute dates are read.
        anchor: The day last read in the text before, for "two days later", "that evening".
        planned: Whether the event lies ahead, so that "on Wednesday" is the next Wednesday.

    Returns:
        The date, or None where the expression names none.
    """
    words = _normalise(text)
    if _UNDATED.search(words):
        return None
    pattern = _AHEAD_WEEKDAY if re.search(WEEKDAY, words) else _AHEAD
    ahead = (planned or bool(pattern.search(words))) and not _PAST.search(words)
    frame = Frame(today, anchor, ahead, words)
    for rule, read in RULES:
        if match := rule.search(words):
            try:
                reading = read(match, frame)
            except (NoReferenceError, ValueError, OverflowError):
                return None
            if reading:
                return _with_hour(reading, words)
    return None


def _normalise(text: str) -> str:
    text = _VERB_OR_NOUN.sub("", text).lower()
    words = text.replace("’", "'").replace("'s ", " ").replace("'", "").replace(",", " ").replace("-", " ")
    if re.search(r"\d{4} \d\d", words):  # an ISO date keeps its hyphens
        words = text
    words = words.replace("mid ", "").replace("a couple of", "two").replace("the day before yesterday", "two days ago")
    return " ".join(words.split())


def _with_hour(reading: Reading, words: str) -> Reading:
    """A day with the hour that the expression gives, if it gives one."""
    match = _CLOCK.search(words) if reading.granularity == "day" else None
    if not match:
        return reading
    hour = 12 if match["noon"] else int(match["hour24"] or match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"] == "p" else 0)
    return Reading(f"{reading.date}T{hour:02}", "hour") if hour < 24 else reading
