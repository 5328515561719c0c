from __future__ import annotations

import subprocess
import sys

import pytest

from geoevents import ontology
from geoevents.errors import OntologyError


def test_holds_every_code_of_cameo():
    entries = ontology.codes()
    assert len(entries) == 318
    assert tuple(entry.code for entry in entries if len(entry.code) == 2) == ontology.ROOTS
    assert len(ontology.ROOTS) == 20
    assert all(entry.name and entry.name == entry.name.strip(" .") for entry in entries)
    assert all(-10 <= entry.goldstein <= 10 for entry in entries)


def test_every_code_has_its_parent():
    assert all(ontology.is_valid(entry.parent) for entry in ontology.codes() if entry.parent)
    assert all(entry.root == entry.code[:2] for entry in ontology.codes())


@pytest.mark.parametrize(
    ("code", "name", "quad_class", "goldstein", "plover"),
    [
        ("010", "Make statement, not specified below", 1, 0.0, None),
        ("057", "Sign formal agreement", 1, 8.0, "SUPPORT"),
        ("06", "Engage in material cooperation", 2, 6.0, "COOPERATE"),
        ("0841", "Return, release persons", 2, 7.0, "RETREAT"),
        ("094", "Investigate war crimes", 3, -2.0, "ACCUSE"),
        ("1312", "Threaten to boycott, embargo, or sanction", 3, -5.8, "THREATEN"),
        ("141", "Demonstrate or rally, not specified below", 4, -6.5, "PROTEST"),
        ("20", "Engage in unconventional mass violence", 4, -10.0, "ASSAULT"),
    ],
)
def test_lookup(code, name, quad_class, goldstein, plover):
    entry = ontology.lookup(code)
    assert (entry.name, entry.quad_class, entry.goldstein, entry.plover) == (name, quad_class, goldstein, plover)
    assert not entry.goldstein_inherited


@pytest.mark.parametrize(
    ("code", "parent"),
    [("1213", "121"), ("1214", "121"), ("155", "15"), ("176", "17"), ("1834", "183"), ("1951", "195"), ("1952", "195")],
)
def test_code_without_a_goldstein_value_takes_its_parents(code, parent):
    assert ontology.lookup(code).goldstein == ontology.lookup(parent).goldstein
    assert ontology.lookup(code).goldstein_inherited


def test_only_those_seven_inherit_a_goldstein_value():
    assert sum(entry.goldstein_inherited for entry in ontology.codes()) == 7


@pytest.mark.parametrize(
    ("code", "giver"),
    [("155", "150"), ("176", "170"), ("1834", "183"), ("1951", "195"), ("1952", "195"), ("14", "140")],
)
def test_code_without_a_crosswalk_row_takes_its_parents(code, giver):
    entry, source = ontology.lookup(code), ontology.lookup(giver)
    assert (entry.plover, entry.plover_mode, entry.plover_context) == (
        source.plover,
        source.plover_mode,
        source.plover_context,
    )
    assert entry.plover_inherited
    assert not source.plover_inherited


def test_plover_reads_appeals_as_requests_and_has_no_statements():
    assert {entry.plover for entry in ontology.codes("02")} == {"REQUEST"}
    assert {entry.plover for entry in ontology.codes("01")} == {None}


def test_plover_mode_and_contexts():
    assert ontology.lookup("1124").plover_mode == "allege"
    assert ontology.lookup("1124").plover_context == ("military", "legal")


def test_children_are_one_level_down():
    assert [entry.code for entry in ontology.children("087")] == ["0871", "0872", "0873", "0874"]
    assert [entry.code for entry in ontology.children("07")] == ["070", "071", "072", "073", "074", "075"]
    assert ontology.children("0871") == []


def test_prefix_lists_a_root_with_its_codes():
    assert [entry.code for entry in ontology.codes("04")] == ["04", *(f"04{digit}" for digit in range(7))]
    assert ontology.codes("21") == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [("arms", {"193"}), ("Military AID", {"0232", "0332", "072"}), ("hunger strike", {"142"}), ("demands", {"10"})],
)
def test_search_finds(words, expected):
    assert expected <= {entry.code for entry in ontology.search(words)}


@pytest.mark.parametrize("words", ["", "   ", "zzz", "arms zzz"])
def test_search_without_a_match_is_empty(words):
    assert ontology.search(words) == []


@pytest.mark.parametrize(
    ("code", "near"), [("0849", "0841"), ("40", "040"), ("1111", "111"), ("", "two to four digits"), (40, "'40'")]
)
def test_unknown_code_names_near_ones(code, near):
    assert not ontology.is_valid(code)
    with pytest.raises(OntologyError, match=near):
        ontology.lookup(code)


def test_an_unknown_code_is_also_a_value_error():
    with pytest.raises(ValueError, match="not a CAMEO"):
        ontology.lookup("21")


def test_reading_is_light():
    program = (
        "import sys, time; from geoevents import ontology; start = time.perf_counter(); ontology.lookup('040');"
        "assert time.perf_counter() - start < 0.05, time.perf_counter() - start;"
        "assert not {'pyarrow', 'pandas', 'numpy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("code", "country", "roles"),
    [
        ("IRN", "IRN", ()),
        ("TURCOP", "TUR", ("COP",)),
        ("SYRREBKUR", "SYR", ("REB", "KUR")),
        ("IGOWSTNAT", None, ("IGO", "WST", "NAT")),
        ("SUNMIL", "SUN", ("MIL",)),
        ("XKXGOV", "XKX", ("GOV",)),
    ],
)
def test_actor_code_splits_into_country_and_roles(code, country, roles):
    assert ontology.split_actor_code(code) == (country, roles)


@pytest.mark.parametrize("code", ["", "IR", "IRNGO"])
def test_actor_code_of_uneven_length(code):
    with pytest.raises(ValueError, match="three letters"):
        ontology.split_actor_code(code)


def test_countries_cannot_be_changed():
    with pytest.raises(TypeError):
        ontology.countries()["AAA"] = "Nowhere"
