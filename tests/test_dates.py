from __future__ import annotations

import datetime as dt

import pytest

from geoevents.errors import InputError
from geoevents.resolution.dates import Reading, parse_document_date, read_time

# The story is dated Thursday, 20 January 2022; the last date read in the text before is Tuesday the 18th.
TODAY = dt.date(2022, 1, 20)
ANCHOR = dt.date(2022, 1, 18)

PAST = [
    ("on Wednesday", "2022-01-19", "day"),
    ("on Thursday", "2022-01-20", "day"),
    ("Friday", "2022-01-14", "day"),
    ("early on Thursday", "2022-01-20", "day"),
    ("late on Monday night", "2022-01-17", "day"),
    ("before dawn on Sunday", "2022-01-16", "day"),
    ("last Thursday", "2022-01-13", "day"),
    ("on Wednesday last week", "2022-01-12", "day"),
    ("for six hours on Saturday", "2022-01-15", "day"),
    ("at 3 a.m. on Wednesday", "2022-01-19T03", "hour"),
    ("at noon on Tuesday", "2022-01-18T12", "hour"),
    ("Jan. 19", "2022-01-19", "day"),
    ("on Nov. 12", "2021-11-12", "day"),
    ("on 3 December", "2021-12-03", "day"),
    ("on January 19, 2021", "2021-01-19", "day"),
    ("in the early hours of 14 April 1994", "1994-04-14", "day"),
    ("on 19/01/2022", "2022-01-19", "day"),
    ("2022-01-05", "2022-01-05", "day"),
    ("on the 15th", "2022-01-15", "day"),
    ("yesterday", "2022-01-19", "day"),
    ("today", "2022-01-20", "day"),
    ("this morning", "2022-01-20", "day"),
    ("last night", "2022-01-19", "day"),
    ("overnight", "2022-01-20", "day"),
    ("at the weekend", "2022-01-15", "day"),
    ("last weekend", "2022-01-15", "day"),
    ("this week", "2022-01-17", "week"),
    ("earlier this week", "2022-01-17", "week"),
    ("for most of last week", "2022-01-10", "week"),
    ("a week ago", "2022-01-10", "week"),
    ("three days ago", "2022-01-17", "day"),
    ("last month", "2021-12", "month"),
    ("in May", "2021-05", "month"),
    ("in January", "2022-01", "month"),
    ("last January", "2021-01", "month"),
    ("in July last year", "2021-07", "month"),
    ("since March 2022", "2022-03", "month"),
    ("in late November", "2021-11", "month"),
    ("in the first week of December", "2021-12-01", "week"),
    ("in the spring", "2021-03", "season"),
    ("last autumn", "2021-09", "season"),
    ("this winter", "2021-12", "season"),
    ("in the spring of 1992", "1992-03", "season"),
    ("last year", "2021", "year"),
    ("in 2019", "2019", "year"),
    ("since 2017", "2017", "year"),
    ("two years ago", "2020", "year"),
    ("the 1990s", "1990", "decade"),
    ("in the seventies", "1970", "decade"),
    ("on Christmas Eve", "2021-12-24", "day"),
    ("on New Year's Eve", "2021-12-31", "day"),
    ("at 6:10 a.m.", "2022-01-18T06", "hour"),
    ("after Sunday’s mass", "2022-01-16", "day"),
    ("during last year's unrest", "2021", "year"),
    ("on Palm Sunday", "2021-03-28", "day"),
    ("two days earlier", "2022-01-16", "day"),
    ("a day later", "2022-01-19", "day"),
    ("the next day", "2022-01-19", "day"),
    ("the night before", "2022-01-17", "day"),
    ("that evening", "2022-01-18", "day"),
]
AHEAD = [
    ("next week", "2022-01-24", "week"),
    ("next Tuesday", "2022-01-25", "day"),
    ("for Monday", "2022-01-24", "day"),
    ("as early as Friday", "2022-01-21", "day"),
    ("tomorrow", "2022-01-21", "day"),
    ("in three days", "2022-01-23", "day"),
    ("later this month", "2022-01", "month"),
    ("before Christmas", "2022-12-25", "day"),
    ("by July", "2022-07", "month"),
    ("before the end of the year", "2022", "year"),
]
PLANNED = [
    ("on Wednesday", "2022-01-26", "day"),
    ("in December", "2022-12", "month"),
    ("on Jan. 25", "2022-01-25", "day"),
    ("at the weekend", "2022-01-22", "day"),
    ("in the spring", "2022-03", "season"),
]


@pytest.mark.parametrize(("text", "date", "granularity"), PAST + AHEAD)
def test_expressions_of_news_are_read_against_the_date_of_the_story(text: str, date: str, granularity: str) -> None:
    reading = read_time(text, today=TODAY, anchor=ANCHOR)
    assert reading is not None
    assert (reading.date, reading.granularity) == (date, granularity)


@pytest.mark.parametrize(("text", "date", "granularity"), PLANNED)
def test_bare_days_and_months_of_planned_events_lie_ahead(text: str, date: str, granularity: str) -> None:
    assert read_time(text, today=TODAY, planned=True) == Reading(date, granularity)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    (
        *("every Friday", "on Sundays", "on a Monday", "in recent weeks", "for three weeks", "after the election"),
        *("since the fall of Kabul", "before the sun rose", "on the eve of the march", "within days", "on Feb. 30", ""),
    ),
)
def test_what_names_no_date_gets_none(text: str) -> None:
    assert read_time(text, today=TODAY, anchor=ANCHOR) is None


@pytest.mark.parametrize("text", ["on Wednesday", "last month", "yesterday", "Jan. 19", "in the spring", "over Easter"])
def test_relative_expressions_stay_open_without_a_document_date(text: str) -> None:
    assert read_time(text, today=None) is None


@pytest.mark.parametrize(("text", "date"), [("in 2019", "2019"), ("on 19 January 2022", "2022-01-19")])
def test_absolute_expressions_need_no_document_date(text: str, date: str) -> None:
    reading = read_time(text, today=None)
    assert reading is not None
    assert reading.date == date


@pytest.mark.parametrize("text", ["two days earlier", "the next day", "that evening", "since then"])
def test_what_counts_from_an_earlier_date_stays_open_where_there_is_none(text: str) -> None:
    assert read_time(text, today=TODAY) is None


def test_a_date_in_figures_whose_month_is_in_doubt_gives_its_year() -> None:
    assert read_time("on 03/04/2022", today=TODAY) == Reading("2022", "year")


def test_a_leap_day_is_found_in_the_last_leap_year() -> None:
    reading = read_time("on Feb. 29", today=dt.date(2024, 3, 5))
    assert reading == Reading("2024-02-29", "day")


def test_weekday_of_a_story_of_the_first_days_of_a_year() -> None:
    assert read_time("on Friday", today=dt.date(2023, 1, 2)) == Reading("2022-12-30", "day")


@pytest.mark.parametrize(
    "date", ["20 January 2022", "2022-13-01", "2022-02-30", "yesterday", "0022-01-01", "3022-01-01"]
)
def test_bad_document_dates_say_what_is_wrong(date: str) -> None:
    with pytest.raises(InputError, match=date):
        parse_document_date(date)


@pytest.mark.parametrize(
    ("text", "day"),
    [("2022-01-20", TODAY), ("2022-01-20T08:00:00Z", TODAY), ("2022-01", None), ("2022", None)],
)
def test_document_dates_of_iso_form_are_read(text: str, day: dt.date | None) -> None:
    assert parse_document_date(text) == day
