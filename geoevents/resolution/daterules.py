"""What each kind of time expression means; `dates` tries these rules in order."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Granularity = Literal["hour", "day", "week", "month", "season", "year", "decade"]

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_DECADES = ("twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_FEASTS = {"christmas eve": (12, 24), "christmas": (12, 25), "boxing day": (12, 26), "new year eve": (12, 31)} | {
    "new year day": (1, 1),
    "new year": (1, 1),
    "epiphany": (1, 6),
    "orthodox christmas": (1, 7),
    "valentine day": (2, 14),
    "women day": (3, 8),
    "may day": (5, 1),
    "canada day": (7, 1),
    "bastille day": (7, 14),
    "halloween": (10, 31),
    "all souls day": (11, 2),
}
_DAYS_FROM_EASTER = {"ash wednesday": -46, "palm sunday": -7, "good friday": -2, "easter monday": 1, "easter": 0} | {
    "ascension day": 39,
    "whit monday": 50,
    "pentecost": 49,
}
WEEKDAY = rf"\b(?P<weekday>{'|'.join(_WEEKDAYS)}|(?:mon|tues?|wed|thurs?|fri|sat|sun)(?=\.))\b"
MONTH = rf"\b(?P<month>{'|'.join(_MONTHS)}|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?)"
_YEAR = r"(?P<year>1[89]\d\d|20\d\d)\b"
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?\b"
_NUMBER = rf"\b(?P<number>\d{{1,3}}|an?|{'|'.join(_NUMBERS[1:])})"
_SEASON = (
    r"(?P<season>spring|summer|autumn|winter|(?<=last )fall|(?<=this )fall|(?<=next )fall|(?<=in the )fall"
    r"|fall(?= of \d))"
)
_UNIT = r"(?P<unit>day|night|evening|morning|week|fortnight|month|year|decade|spring|summer|autumn|winter)s?\b"


@dataclass(frozen=True, slots=True)
class Reading:
    """A date with its precision.

    Attributes:
        date: ISO 8601 date of the granularity's precision: "2022-01-19T03", "2022-01-19", "2022-01", "2022". A week is
            given by its Monday, a season by its first month, a decade by its first year.
        granularity: What the expression names.
    """

    date: str
    granularity: Granularity


@dataclass(frozen=True, slots=True)
class Frame:
    """What an expression is read against.

    Attributes:
        today: The document's date.
        anchor: The day last read in the text before, or None.
        ahead: Whether bare weekdays, months and the like lie ahead.
        words: The expression, normalised.
    """

    today: dt.date | None
    anchor: dt.date | None
    ahead: bool
    words: str

    @property
    def now(self) -> dt.date:
        """The document's date.

        Raises:
            NoReferenceError: The document has none.
        """
        if self.today is None:
            raise NoReferenceError
        return self.today


class NoReferenceError(Exception):
    """A relative expression lacks the date that it is relative to; never leaves this package."""


# Makers of readings


def _day(date: dt.date) -> Reading:
    return Reading(date.isoformat(), "day")


def _week(date: dt.date) -> Reading:
    return Reading((date - dt.timedelta(days=date.weekday())).isoformat(), "week")


def _month(date: dt.date) -> Reading:
    return Reading(f"{date:%Y-%m}", "month")


def _year(year: int) -> Reading:
    return Reading(f"{year:04}", "year")


def _of_unit(date: dt.date, unit: str) -> Reading:
    """A date at the precision of a unit of time."""
    if unit in ("week", "fortnight"):
        return _week(date)
    if unit == "month":
        return _month(date)
    if unit == "year":
        return _year(date.year)
    if unit == "decade":
        return Reading(f"{date.year // 10 * 10:04}", "decade")
    if unit in _SEASONS:
        return Reading(f"{date.year:04}-{_SEASONS[unit]:02}", "season")
    return _day(date)


def _shift(date: dt.date, number: int, unit: str) -> dt.date:
    from dateutil.relativedelta import relativedelta

    if unit in ("week", "fortnight"):
        return date + dt.timedelta(weeks=number * (2 if unit == "fortnight" else 1))
    if unit == "month":
        return date + relativedelta(months=number)
    if unit == "year" or unit in _SEASONS:
        return date + relativedelta(years=number)
    if unit == "decade":
        return date + relativedelta(years=10 * number)
    return date + dt.timedelta(days=number)


def _number(text: str) -> int:
    if text in ("a", "an"):
        return 1
    return int(text) if text.isdigit() else _NUMBERS.index(text)


def _month_number(text: str) -> int:
    return next(number for number, name in enumerate(_MONTHS, 1) if name.startswith(text.rstrip(".")[:3]))


def _weekday_number(text: str) -> int:
    return next(number for number, name in enumerate(_WEEKDAYS) if name.startswith(text[:3]))


# Rules: what a pattern means


def _iso(match: re.Match[str], _frame: Frame) -> Reading:
    year, month, day = match["year"], match["isomonth"], match["isoday"]
    if day:
        return _day(dt.date(int(year), int(month), int(day)))
    return _month(dt.date(int(year), int(month), 1))


def _in_figures(match: re.Match[str], _frame: Frame) -> Reading | None:
    """A date in figures; which figure is the month must be beyond doubt."""
    from dateutil.parser import parse

    first, second = int(match["first"]), int(match["second"])
    if first <= 12 and second <= 12 and first != second:
        return None
    return _day(parse(match.group(), dayfirst=first > 12).date())


def _day_of_month(match: re.Match[str], frame: Frame) -> Reading:
    """A day and a month; without a year the latest, or the next one if that is much nearer."""
    month, day = _month_number(match["month"]), int(match["day"])
    year = match["year"] or re.search(_YEAR, frame.words)
    if year:
        return _day(dt.date(int(year if isinstance(year, str) else year["year"]), month, day))
    if "last year" in frame.words:
        return _day(dt.date(frame.now.year - 1, month, day))
    return _day(_yearly(frame, month, day, far=270))


def _yearly(frame: Frame, month: int, day: int, *, far: int = 366) -> dt.date:
    """The latest day of a date in the year, or the next if it lies ahead or the latest is more than `far` days ago."""
    now = frame.now
    days = sorted(dt.date(year, month, day) for year in range(now.year - 1, now.year + 2) if _exists(year, month, day))
    past = [date for date in days if date <= now]
    coming = [date for date in days if date > now]
    if coming and (frame.ahead or not past or (now - past[-1]).days > far):
        return coming[0]
    return past[-1]


def _exists(year: int, month: int, day: int) -> bool:
    return not (month == 2 and day == 29) or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))


def _feast(match: re.Match[str], frame: Frame) -> Reading:
    name = match["feast"]
    year = re.search(_YEAR, frame.words)
    if name in _FEASTS:
        month, day = _FEASTS[name]
        return _day(dt.date(int(year["year"]), month, day) if year else _yearly(frame, month, day))
    days = [_easter_day(name, y, "orthodox" in frame.words) for y in _years_around(frame, year)]
    past = [date for date in days if frame.today is None or date <= frame.today]
    coming = [date for date in days if date not in past]
    return _day(coming[0] if coming and (frame.ahead or not past) else past[-1])


def _years_around(frame: Frame, year: re.Match[str] | None) -> list[int]:
    return [int(year["year"])] if year else [frame.now.year - 1, frame.now.year, frame.now.year + 1]


def _easter_day(name: str, year: int, orthodox: bool) -> dt.date:
    from dateutil.easter import EASTER_ORTHODOX, EASTER_WESTERN, easter

    return easter(year, EASTER_ORTHODOX if orthodox else EASTER_WESTERN) + dt.timedelta(days=_DAYS_FROM_EASTER[name])


def _weekday_of_month(match: re.Match[str], frame: Frame) -> Reading:
    from dateutil.relativedelta import relativedelta, weekday

    first = _first_of_month(match["month"], match["year"], frame) if match["month"] else frame.now.replace(day=1)
    nth = _ORDINALS[match["nth"]]
    start = relativedelta(day=31) if nth < 0 else relativedelta(day=1)
    return _day(first + start + relativedelta(weekday=weekday(_weekday_number(match["weekday"]))(nth)))


def _week_of_month(match: re.Match[str], frame: Frame) -> Reading:
    from dateutil.relativedelta import relativedelta

    first = _first_of_month(match["month"], match["year"], frame)
    nth = _ORDINALS[match["nth"]]
    day = first + relativedelta(day=31) - dt.timedelta(days=6) if nth < 0 else first + dt.timedelta(weeks=nth - 1)
    return Reading(day.isoformat(), "week")


def _first_of_month(name: str, year: str | None, frame: Frame) -> dt.date:
    """The first day of a month; without a year of the latest that has begun, or the next one that has not ended."""
    month = _month_number(name)
    found = year or ((match := re.search(_YEAR, frame.words)) and match["year"])
    if found:
        return dt.date(int(found), month, 1)
    now, words = frame.now, frame.words
    if "last year" in words:
        return dt.date(now.year - 1, month, 1)
    if "this" in words.split() or "next year" in words:
        return dt.date(now.year + ("next year" in words), month, 1)
    if frame.ahead:
        return dt.date(now.year + (month < now.month), month, 1)
    begun = month < now.month if re.search(r"\b(last|previous)\b", words) else month <= now.month
    return dt.date(now.year - (not begun), month, 1)


def _month_named(match: re.Match[str], frame: Frame) -> Reading:
    return _month(_first_of_month(match["month"], match["year"], frame))


def _season(match: re.Match[str], frame: Frame) -> Reading:
    name = match["season"]
    month = _SEASONS[name]
    if match["year"]:
        return Reading(f"{match['year']}-{month:02}", "season")
    if re.search(r"\bthat\b", frame.words):
        if frame.anchor is None:
            raise NoReferenceError
        return Reading(f"{frame.anchor.year:04}-{month:02}", "season")
    now = frame.now
    starts = [dt.date(year, month, 1) for year in range(now.year - 2, now.year + 2)]
    begun = [start for start in starts if start <= now]
    if re.search(r"\bthis\b", frame.words):
        chosen = begun[-1] if name == "winter" and now.month < 3 else dt.date(now.year, month, 1)
    elif re.search(r"\blast\b", frame.words):
        chosen = [start for start in begun if _shift(start, 3, "month") <= now][-1]
    else:
        chosen = next(start for start in starts if start > now) if frame.ahead else begun[-1]
    return Reading(f"{chosen:%Y-%m}", "season")


def _decade(match: re.Match[str], _frame: Frame) -> Reading:
    if match["word"]:
        return Reading(f"19{_DECADES.index(match['word']) + 2}0", "decade")
    figures = match["decade"]
    return Reading(figures if len(figures) == 4 else f"19{figures}", "decade")


def _ago(match: re.Match[str], frame: Frame) -> Reading:
    return _of_unit(_shift(frame.now, -_number(match["number"]), match["unit"]), match["unit"])


def _from_now(match: re.Match[str], frame: Frame) -> Reading:
    return _of_unit(_shift(frame.now, _number(match["number"]), match["unit"]), match["unit"])


def _current_unit(match: re.Match[str], frame: Frame) -> Reading:
    """The end of the year, the first of the month, before the week is out."""
    return _of_unit(frame.now, match["unit"])


def _bare_year(match: re.Match[str], _frame: Frame) -> Reading:
    return _year(int(match["year"]))


def _from_anchor(match: re.Match[str], frame: Frame) -> Reading:
    """So many days before or after the date last read."""
    sign = -1 if match["side"] in ("earlier", "before", "previously") else 1
    return _at_anchor(frame, sign * _number(match["number"]), match["unit"])


def _at_anchor(frame: Frame, number: int, unit: str) -> Reading:
    if frame.anchor is None:
        raise NoReferenceError
    return _of_unit(_shift(frame.anchor, number, unit), unit)


def _beside_anchor(match: re.Match[str], frame: Frame) -> Reading:
    """The day, night, week … beside the date last read: "the next day", "that night", "the day after"."""
    steps = {"following": 1, "after": 1, "next": 1, "previous": -1, "before": -1, "preceding": -1}
    which, unit = match["which"], match["unit"]
    if which == "next" and unit in ("week", "month", "year"):
        return _of_unit(_shift(frame.now, 1, unit), unit)
    return _at_anchor(frame, steps.get(which, 0), unit)


def _month_at_anchor(match: re.Match[str], frame: Frame) -> Reading:
    """That March: the March of the year last read."""
    if frame.anchor is None:
        raise NoReferenceError
    return Reading(f"{frame.anchor.year:04}-{_month_number(match['month']):02}", "month")


def _weekday(match: re.Match[str], frame: Frame) -> Reading:
    now, words = frame.now, frame.words
    number = _weekday_number(match["weekday"])
    monday = now - dt.timedelta(days=now.weekday())
    if week := re.search(r"\b(last|next|this) week\b", words):
        return _day(monday + dt.timedelta(days=number, weeks={"last": -1, "this": 0, "next": 1}[week[1]]))
    if re.search(rf"\bthis {match['weekday']}", words):
        return _day(monday + dt.timedelta(days=number))
    back = (now.weekday() - number) % 7
    if frame.ahead:
        return _day(now + dt.timedelta(days=7 - back))
    if re.search(rf"\blast {match['weekday']}", words) and back == 0:
        back = 7
    return _day(now - dt.timedelta(days=back))


def _weekend(match: re.Match[str], frame: Frame) -> Reading:
    which = match["which"] or ""
    if which in ("that", "same", "previous", "following"):
        if frame.anchor is None:
            raise NoReferenceError
        saturday = frame.anchor + dt.timedelta(days=5 - frame.anchor.weekday())
        return _day(saturday + dt.timedelta(weeks={"previous": -1, "following": 1}.get(which, 0)))
    now = frame.now
    saturday = now + dt.timedelta(days=5 - now.weekday())
    if which == "next":
        return _day(saturday + dt.timedelta(weeks=int(now.weekday() > 4)))
    late_enough = now.weekday() > 4 and which != "last"
    if late_enough or frame.ahead or (which == "this" and now.weekday() > 1):
        return _day(saturday)
    return _day(saturday - dt.timedelta(weeks=1))


def _near(match: re.Match[str], frame: Frame) -> Reading:
    """Today, yesterday, last night, overnight …"""
    word = match["near"]
    if word in ("yesterday", "last night", "last evening"):
        return _day(frame.now - dt.timedelta(days=1))
    return _day(frame.now + dt.timedelta(days=int(word == "tomorrow")))


def _this_unit(match: re.Match[str], frame: Frame) -> Reading:
    """This week, last month, the coming year, the past week."""
    steps = {"this": 0, "all": 0, "current": 0, "next": 1, "coming": 1}
    return _of_unit(_shift(frame.now, steps.get(match["which"], -1), match["unit"]), match["unit"])


def _ordinal_day(match: re.Match[str], frame: Frame) -> Reading:
    """A day of a month that is not named: the latest, or the next."""
    day, now = int(match["day"]), frame.now
    months = [_shift(now.replace(day=1), step, "month") for step in range(-2, 3)]
    days = [first.replace(day=day) for first in months if day <= (_shift(first, 1, "month") - dt.timedelta(days=1)).day]
    if frame.ahead:
        return _day(next(date for date in days if date > now))
    return _day([date for date in days if date <= now][-1])


def _part_of_day(_match: re.Match[str], frame: Frame) -> Reading:
    """A time of day without a day: of the day last read, else of the document's."""
    return _day(frame.anchor or frame.now)


def _then(_match: re.Match[str], frame: Frame) -> Reading:
    return _at_anchor(frame, 0, "day")


_ON_OR_BEFORE = r"dawn|noon|midday|midnight|dusk|daybreak|sunrise|sunset|nightfall|first light|dark|breakfast|lunch"
_PART_OF_DAY = (
    rf"\b({_ON_OR_BEFORE}|the hour|small hours|early hours|within (?:hours|minutes)|(?:hours|minutes) later|rush hour"
    r"|morning|afternoon|evening|the night|later in the day|\d{1,2} ?[ap]\.?m)\b"
)
_NEARBY = r"last (?:night|evening)|yesterday|today|tonight|tomorrow|overnight|this (?:morning|afternoon|evening)"
_SIDES = r"earlier|before|previously|later|after"
_WHICH = r"that|(?:that |the )?same|that very|next|following|previous|preceding"
_NTH = r"(?P<nth>first|second|third|fourth|last)"
_FEAST = "|".join(sorted({*_FEASTS, *_DAYS_FROM_EASTER}, key=len, reverse=True))

RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Frame], Reading | None]], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (rf"{_YEAR}-(?P<isomonth>\d\d)(?:-(?P<isoday>\d\d))?\b", _iso),
        (r"\b(?P<first>\d{1,2})[/.](?P<second>\d{1,2})[/.](?:1[89]|20)\d\d\b", _in_figures),
        (rf"\b{_DAY} (?:of )?{MONTH}(?: {_YEAR})?", _day_of_month),
        (rf"{MONTH} (?:the )?{_DAY}(?![:.]\d)(?: {_YEAR})?", _day_of_month),
        (rf"\b(?P<feast>{_FEAST})\b", _feast),
        (rf"\b{_NTH} {WEEKDAY} (?:of|in) (?:the month|{MONTH})(?: {_YEAR})?", _weekday_of_month),
        (rf"\b{_NTH} week (?:of|in) {MONTH}(?: {_YEAR})?", _week_of_month),
        (rf"\bthat {MONTH}$", _month_at_anchor),
        (rf"{MONTH}(?: (?:of )?{_YEAR})?", _month_named),
        (rf"\b{_SEASON}(?: (?:of )?{_YEAR})?\b(?!s)", _season),
        (rf"\b(?P<decade>(?:1[89]|20)?\d0)s\b|\b(?P<word>{'|'.join(_DECADES)})\b", _decade),
        (rf"\b{_YEAR}", _bare_year),
        (rf"{_NUMBER} {_UNIT} ago\b", _ago),
        (rf"{_NUMBER} (?:full )?{_UNIT} (?P<side>{_SIDES})$", _from_anchor),
        (rf"\bin {_NUMBER} (?P<unit>day|week|month|year)s?(?: time)?$", _from_now),
        (rf"{_NUMBER} {_UNIT} from now\b", _from_now),
        (WEEKDAY, _weekday),
        (rf"\b(?P<near>{_NEARBY})\b", _near),
        (r"\b(?:(?P<which>last|this|next|past|previous|following|that|same) )?(?:\w+ )?weekend\b", _weekend),
        (rf"\b(?P<which>{_WHICH}) (?P<unit>day|night|evening|morning|afternoon|week|month|year)\b", _beside_anchor),
        (r"\b(?P<unit>day|night|evening|week) (?P<which>before|after)$", _beside_anchor),
        (
            r"\b(?P<which>this|last|next|past|coming|current|all) (?:fiscal |financial |whole )?"
            r"(?P<unit>week|month|year|decade)\b",
            _this_unit,
        ),
        (r"\b(?:of )?the (?P<unit>week|month|year)(?: is out| was out|$)", _current_unit),
        (rf"\bthe {_DAY}$", _ordinal_day),
        (r"\b(?:since then|at the time)\b", _then),
        (_PART_OF_DAY, _part_of_day),
    )
)
