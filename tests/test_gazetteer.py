"""The reference data: well-formed, consistent, and read the way names are written in news."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict

import pytest

from geoevents.ontology import countries
from geoevents.resolution.coding import ROLES, primary
from geoevents.resolution.gazetteer import Gazetteer, Term, load_gazetteer, table
from geoevents.resolution.phrases import key_of, words_of

WIDTHS = {
    "countries": 10,
    "provinces": 2,
    "regions": 3,
    "roles": 5,
    "bodies": 4,
    "organisations": 4,
    "groups": 8,
    "leaders": 6,
    "words": 3,
}
DATED = {"groups": (3, 5, 6), "leaders": (2, 4, 5)}
DATE = re.compile(r"(|\d{4}(-(0[1-9]|1[0-2]))?)")
CODE = re.compile(r"([A-Z]{3}){1,5}")


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return load_gazetteer()


@pytest.mark.parametrize(("name", "width"), WIDTHS.items())
def test_rows_are_whole_and_stand_once(name: str, width: int) -> None:
    rows = list(table(name))
    assert {len(row) for row in rows} == {width}
    assert all(field == field.strip() for row in rows for field in row)
    assert len({tuple(row) for row in rows}) == len(rows)


def test_countries_are_those_of_the_ontology(gazetteer: Gazetteer) -> None:
    assert gazetteer.countries == dict(countries())


@pytest.mark.parametrize(("name", "column"), [("bodies", 3), ("organisations", 2), ("groups", 3), ("leaders", 2)])
def test_codes_are_groups_of_three_capitals(name: str, column: int) -> None:
    assert [row for row in table(name) if not CODE.fullmatch(row[column])] == []


def test_codes_begin_with_the_country_of_their_row(gazetteer: Gazetteer) -> None:
    bodies = [row for row in table("bodies") if row[3][:3] != row[2]]
    groups = [row for row in table("groups") if row[3][:3] in gazetteer.countries and row[3][:3] != row[2]]
    leaders = [row for row in table("leaders") if row[2][:3] not in gazetteer.countries and row[2][:3] != "IGO"]
    assert (bodies, groups, leaders) == ([], [], [])


def test_roles_are_roles_of_cameo() -> None:
    assert [row for row in table("roles") if primary(row[2]) == "CVL" and "CVL" not in row[2]] == []
    assert {"GOV", "MIL", "REB", "CVL"} <= ROLES


@pytest.mark.parametrize(("name", "columns"), DATED.items())
def test_terms_end_after_they_start(name: str, columns: tuple[int, int, int]) -> None:
    _, start, end = columns
    for row in table(name):
        assert DATE.fullmatch(row[start]), row
        assert DATE.fullmatch(row[end]), row
        length = min(len(row[start]), len(row[end]))
        assert row[start][:length] <= row[end][:length] or not row[end], row


def test_nobody_leads_a_government_twice_at_once() -> None:
    terms = defaultdict(list)
    for name, _, code, office, start, end in table("leaders"):
        terms[name, code, office].append((start, end or "9999"))
    for spells in terms.values():
        for (_, end), (start, _) in zip(sorted(spells), sorted(spells)[1:], strict=False):
            length = min(len(end), len(start))
            assert end[:length] <= start[:length], spells


def test_a_person_of_two_countries_is_one_person_on_purpose(gazetteer: Gazetteer) -> None:
    homes = defaultdict(set)
    for row in table("leaders"):
        if row[2][:3] in gazetteer.countries:
            homes[row[0]].add(row[2][:3])
    moved = {"Chris Patten", "Mark Carney", "Mikheil Saakashvili", "Mikhail Gorbachev", "Eduard Shevardnadze"}
    moved |= {"Alexander Borodai", "Denis Pushilin", "Leonid Pasechnik", "Vaclav Havel", "Stipe Mesic"}
    states = {"YUG", "SCG", "SRB", "MNE"}  # Yugoslavia's politicians stayed in office in its successors
    assert {name for name, countries in homes.items() if len(countries) > 1 and not countries <= states} == moved


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Côte d'Ivoire’s rebels'", ["cote", "divoire", "rebels"]),
        ("U.S.-backed", ["us", "backed"]),
        ("Erdoğan", ["erdogan"]),
        ("Łódź", ["lodz"]),
        ("al-Qaeda", ["al", "qaeda"]),
        ("N'Djaména", ["ndjamena"]),
        ("", []),
    ],
)
def test_words_are_folded(text: str, keys: list[str]) -> None:
    assert [word.key for word in words_of(text)] == keys


def test_words_keep_their_place_in_the_text() -> None:
    text = "the U.S.’s Élysée-style “deal”, Putin's"
    words = words_of(text)
    assert [text[word.start : word.end] for word in words] == ["the", "U.S.’s", "Élysée", "style", "deal", "Putin's"]
    assert [word.possessive for word in words] == [False, True, False, False, False, True]
    assert [word.joined for word in words] == [False, False, False, True, False, False]
    assert words[-1].pause


def test_key_ignores_the_article() -> None:
    assert key_of("The Hague") == key_of("Hague") == "hague"


@pytest.mark.parametrize(
    ("term", "date", "holds"),
    [
        (Term("X", "2008-05", "2012-05"), "2008-05-07", True),
        (Term("X", "2008-05", "2012-05"), "2012-05-31", True),
        (Term("X", "2008-05", "2012-05"), "2012-06-01", False),
        (Term("X", "2008", ""), "2025-01-01", True),
        (Term("X", "", "1991"), "1991-12-26", True),
        (Term("X", "2001-02-03", "2001-02-04"), "2001-02-05", False),
    ],
)
def test_term_covers_its_dates(term: Term, date: str, holds: bool) -> None:
    assert term.covers(date) is holds


@pytest.mark.parametrize(
    ("text", "known"),
    [("US", True), ("us", False), ("WHO", True), ("who", False), ("Turkey", True), ("turkey", False), ("iran", True)],
)
def test_case_matters_where_names_are_words(gazetteer: Gazetteer, text: str, known: bool) -> None:
    names = [entry for match in gazetteer.matches(words_of(text)) for entry in match.entries if entry.kind != "role"]
    assert bool(names) is known


def test_longest_name_wins(gazetteer: Gazetteer) -> None:
    words = words_of("the Islamic Revolutionary Guard Corps of Iran")
    assert [(match.start, match.end) for match in gazetteer.matches(words)] == [(1, 5), (6, 7)]


def test_names_of_any_length_are_found_and_their_beginnings_are_none(gazetteer: Gazetteer) -> None:
    copy = gazetteer.copy()
    name = "Movement of the Nine Villages beyond the Long Hill and the Old River Bend"
    copy.add(name, gazetteer.lookup("Hamas")[0])
    words = words_of(f"The {name} met the Movement of the Nine Villages.")
    found = [(match.start, match.end) for match in copy.matches(words)]
    assert found == [(1, 15), (17, 18), (21, 22)]  # the name; "movement" and "villages" are words of their own


def test_copy_leaves_the_original_alone(gazetteer: Gazetteer) -> None:
    copy = gazetteer.copy()
    copy.replace("Iran", gazetteer.lookup("Iraq")[0])
    assert copy.lookup("Iran")[0].country == "IRQ"
    assert gazetteer.lookup("Iran")[0].country == "IRN"


def test_loading_is_quick_and_small() -> None:
    script = (
        "import resource, time; from geoevents.resolution.gazetteer import load_gazetteer\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; start = time.process_time(); load_gazetteer()\n"
        "print(time.process_time() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True) for _ in range(3)
    ]
    seconds, megabytes = zip(*(map(float, run.stdout.split()) for run in runs), strict=True)
    assert min(seconds) < 0.5  # 0.15 on the machine it was written on; what else the machine does may slow down a run
    assert max(megabytes) < 60
