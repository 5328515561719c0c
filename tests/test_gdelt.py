from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from resolution_scores import bare, marked, seed_article

from geoevents.events import Document
from geoevents.formats import open_writer, row_schema
from geoevents.formats.gdelt import SCHEMA as GDELT
from geoevents.formats.gdelt import foreign_codes
from geoevents.formats.polecat import SCHEMA as POLECAT
from geoevents.resolution import load_resolver
from geoevents.resolution.dyads import to_rows

OUTPUTS = Path(__file__).parents[1] / "docs" / "outputs.md"


@pytest.fixture(scope="module")
def article() -> Document:
    return load_resolver().resolve(bare(seed_article()))


@pytest.fixture(scope="module")
def meeting() -> Document:
    markup = (
        "[[Iranian President Ebrahim Raisi|a1]] and [[Oman|a3]] [[met|040 s=a1,a3 t=a2 l=p1 d=d1]] "
        "[[Vladimir Putin|a2]] in [[Moscow|p1]] [[on Wednesday|d1]]. A [[Sunni cleric|a4]] [[objected|111 s=a4 t=a1]]."
    )
    return load_resolver().resolve(marked(markup, date="2022-01-20"))


def test_gdelt_has_its_columns_in_its_order() -> None:
    names = GDELT.names()
    assert len(names) == len(set(names)) == 58
    assert names[:7] == ["GLOBALEVENTID", "SQLDATE", "MonthYear", "Year", "FractionDate", "Actor1Code", "Actor1Name"]
    assert names[25:31] == [
        *("IsRootEvent", "EventCode", "EventBaseCode", "EventRootCode", "QuadClass", "GoldsteinScale"),
    ]
    assert names[31:35] == ["NumMentions", "NumSources", "NumArticles", "AvgTone"]
    assert names[-3:] == ["ActionGeo_FeatureID", "DATEADDED", "SOURCEURL"]


def test_only_events_of_the_first_paragraph_are_root_events() -> None:
    first, second = marked("[[Iran|a1]] [[left|042 s=a1]]."), marked("[[Oman|a1]] [[spoke|010 s=a1]].")
    text = f"{first.text}\n\n{second.text}"
    events = [*first.events]
    for event in second.events:
        by = len(text) - len(second.text)
        trigger = replace(event.trigger, start=event.trigger.start + by, end=event.trigger.end + by)
        events.append(replace(event, trigger=trigger))
    rows = GDELT.rows(Document("d", text, None, (), tuple(events)))
    assert [row["IsRootEvent"] for row in rows] == [1, 0]


def test_a_gdelt_row_is_a_dyad(meeting: Document) -> None:
    first, second, *_ = GDELT.rows(meeting)
    assert (first["Actor1Code"], first["Actor2Code"]) == ("IRNGOV", "RUSGOV")
    assert (second["Actor1Code"], second["Actor2Code"]) == ("OMN", "RUSGOV")
    assert first["GLOBALEVENTID"] != second["GLOBALEVENTID"]
    assert {
        "SQLDATE": 20220119,
        "MonthYear": 202201,
        "Year": 2022,
        "FractionDate": 2022.1342,
        "Actor1Name": "EBRAHIM RAISI",
        "Actor1CountryCode": "IRN",
        "Actor1Type1Code": "GOV",
        "EventCode": "040",
        "EventRootCode": "04",
        "QuadClass": 1,
        "ActionGeo_Type": 4,
        "ActionGeo_FullName": "Moscow",
        "ActionGeo_CountryCode": "RS",
        "ActionGeo_Lat": 55.752,
        "ActionGeo_FeatureID": "524901",
        "DATEADDED": 20220120,
        "SOURCEURL": "marked",
        "AvgTone": None,
    }.items() <= first.items()


def test_dates_of_months_and_years_leave_the_finer_columns_open() -> None:
    document = marked("[[Iran|a1]] [[freed|0841 s=a1 d=d1]] ten men [[in May 2019|d1]].")
    (row,) = GDELT.rows(load_resolver().resolve(document))
    assert (row["SQLDATE"], row["MonthYear"], row["Year"], row["FractionDate"]) == (None, 201905, 2019, None)
    assert row["DATEADDED"] is None


def test_countries_and_american_places_have_their_own_types() -> None:
    document = marked(
        "[[Police|a1]] [[fired|190 s=a1 l=p1]] in [[Iraq|p1]], [[fired|190 s=a1 l=p2]] in [[Texas|p2]], "
        "[[fired|190 s=a1 l=p3]] in [[Chicago|p3]] and [[fired|190 s=a1 l=p4]] in [[Helmand|p4]].",
    )
    rows = GDELT.rows(load_resolver(duplicates=False).resolve(document))
    assert [row["ActionGeo_Type"] for row in rows] == [1, 2, 3, 5]


def test_polecat_has_its_columns_and_joins_actors(meeting: Document) -> None:
    assert len(POLECAT.names()) == 40
    row = POLECAT.rows(meeting)[0]
    assert {
        "Event Date": "2022-01-19",
        "Event Type": "CONSULT",
        "Quad Code": "VERBAL COOPERATION",
        "Actor Name": "Ebrahim Raisi; Oman",
        "Actor Country": "IRN; OMN",
        "Actor COW": "IRN; OMA",
        "Actor Sectors": "GOV; ",
        "Primary Actor Sector": "GOV",
        "Recipient Name": "Vladimir Putin",
        "City": "Moscow",
        "Province": None,
        "Feature Type": "PPLC",
        "GeoNames ID": 524901,
    }.items() <= row.items()


@pytest.mark.parametrize("name", ["gdelt", "polecat"])
def test_rows_fill_just_the_columns_with_values_of_their_types(article: Document, name: str) -> None:
    schema = row_schema(name)
    kinds = {"string": str, "integer": int, "number": (int, float)}
    for row in schema.rows(article):
        assert list(row) == schema.names()
        for column in schema.columns:
            assert row[column.name] is None or isinstance(row[column.name], kinds[column.type])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["gdelt", "polecat"])
def test_files_hold_what_the_rows_say(article: Document, name: str, tmp_path: Path) -> None:
    schema = row_schema(name)
    for suffix in ("csv", "parquet"):
        with open_writer(tmp_path / f"events.{suffix}", schema=schema) as writer:
            writer.write(article)
    table = pq.read_table(tmp_path / "events.parquet")
    assert table.column_names == schema.names()
    assert table.to_pylist() == [dict(row) for row in schema.rows(article)]
    with (tmp_path / "events.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == table.num_rows
    assert [row[schema.names()[0]] for row in rows] == [str(value) for value in table.column(0).to_pylist()]


def test_foreign_codes_cover_the_states_of_the_world() -> None:
    codes = foreign_codes()
    assert (codes["DEU"], codes["GBR"], codes["PSE"]) == (("GM", "GMY"), ("UK", "UKG"), ("WE", None))
    assert len({cow for _, cow in codes.values() if cow}) >= 193


@pytest.mark.parametrize("name", ["geoevents", "gdelt", "polecat", "rows"])
def test_every_column_is_documented(name: str, article: Document) -> None:
    columns = list(to_rows(article)[0]) if name == "rows" else row_schema(name).names()
    text = OUTPUTS.read_text(encoding="utf-8")
    section = text.split(f"<!-- columns: {name} -->")[1].split("<!-- end -->")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) \|$", section, re.MULTILINE)
    assert [row[0] for row in rows] == columns
    if name != "rows":
        assert [row[1] for row in rows] == [column.description for column in row_schema(name).columns]
