"""Users' dictionaries: what they say wins over the package's gazetteer, and what is wrong in them is reported."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoevents.errors import DictionaryError
from geoevents.resolution.actors import load_actor_coder
from geoevents.resolution.dictionaries import read_dictionary

ACTORS = """\
# Actors of a novel, in PETRARCH's format
SYLDAVIA_
+SYLDAVIAN_
    [SVN]          # a country of ours
OTTOKAR_THE_FOURTH [SVNGOV 19300101-19391231] [SVNELI >19391231]
+KING_OTTOKAR
PLEKSZY_GLADZ_
    [HRVOPP <19500101]
    [HRVGOVMIL >500101]
IRON_GUARD [SVNREBIRG]
"""
AGENTS = """\
!PERSON! = MAN, WOMAN
ROYAL_FOUNDLING {ROYAL_FOUNDLINGS} [~ELI]
LIGHTHOUSE_KEEPER [~LAB]
RANGERY {} [~COP]
AIR!PERSON! [~MIL]
"""
TABLE = """\
phrase\tcode\tname\tstart\tend
# a comment
Bianca Castafiore|La Castafiore\tITAELI\tBianca Castafiore\t\t
General Alcazar\tSLVGOV\tAlcazar\t1935\t1937-06
General Alcazar\tSLVREB\t\t1937-06\t1939-02-28
Gazprom\tRUSGOV
light bulb watchers\t~NGO
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "dictionary.txt") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def coded(path: Path, text: str, date: str | None = None) -> str | None:
    found = load_actor_coder([path]).code(text, date=date)
    return found.code if found else None


@pytest.mark.parametrize(
    ("text", "date", "expected"),
    [
        ("Syldavia", None, "SVN"),
        ("Syldavian police", None, "SVNCOP"),
        ("King Ottokar", "1935-05-05", "SVNGOV"),
        ("Ottokar the Fourth", "1945-05-05", "SVNELI"),
        ("Plekszy Gladz", "1949-12-31", "HRVOPP"),
        ("Plekszy Gladz", "1950-01-02", "HRVGOVMIL"),
        ("Iron Guard fighters", None, "SVNREBIRG"),
        ("Iran", None, "IRN"),
    ],
)
def test_petrarch_actors(write, text: str, date: str | None, expected: str) -> None:
    assert coded(write(ACTORS), text, date) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("French royal foundlings", "FRAELI"),
        ("Danish lighthouse keeper", "DNKLAB"),
        ("Danish lighthouse keepers", "DNKLAB"),
        ("Danish rangery", "DNKCOP"),
        ("Danish airwoman", "DNKMIL"),
    ],
)
def test_petrarch_agents(write, text: str, expected: str) -> None:
    assert coded(write(AGENTS), text) == expected


@pytest.mark.parametrize(
    ("text", "date", "expected"),
    [
        ("La Castafiore", None, "ITAELI"),
        ("General Alcazar", "1936-01-01", "SLVGOV"),
        ("General Alcazar", "1938-01-01", "SLVREB"),
        ("Gazprom", None, "RUSGOV"),
        ("Polish light bulb watchers", None, "POLNGO"),
    ],
)
def test_own_table(write, text: str, date: str | None, expected: str) -> None:
    assert coded(write(TABLE, "actors.tsv"), text, date) == expected


def test_canonical_name_comes_from_the_table(write) -> None:
    found = load_actor_coder([write(TABLE)]).code("La Castafiore")
    assert found is not None
    assert found.name == "Bianca Castafiore"


def test_later_dictionaries_win_over_earlier_ones(write) -> None:
    first = write("phrase\tcode\nGazprom\tRUSGOV\n", "first.tsv")
    second = write("phrase\tcode\nGazprom\tRUSMIL\n", "second.tsv")
    found = load_actor_coder([first, second]).code("Gazprom")
    assert found is not None
    assert found.code == "RUSMIL"


def test_package_data_stay_as_they_are(write) -> None:
    assert coded(write(TABLE), "Gazprom") == "RUSGOV"
    found = load_actor_coder().code("Gazprom")
    assert found is not None
    assert found.code == "RUSBUS"


@pytest.mark.parametrize(("text", "known"), [("US", True), ("us", False)])
def test_short_phrases_are_no_pronouns(write, text: str, known: bool) -> None:
    assert (coded(write("US_ [USA]\n"), text) is not None) is known


MALFORMED = {
    "no code": ("SYLDAVIA_\nBORDURIA_ [HRV]\n", 1, "square brackets"),
    "open bracket": ("SYLDAVIA_ [SVN\n", 1, "between [ and ]"),
    "lower case": ("SYLDAVIA_ [svn]\n", 1, "capitals"),
    "odd length": ("SYLDAVIA_ [SVNGO]\n", 1, "capitals"),
    "unknown country": ("# x\nSYLDAVIA_ [SYLGOV]\n", 2, "neither a country code"),
    "synonym first": ("+SYLDAVIAN_\n", 1, "expected a phrase before a synonym"),
    "month 13": ("X_ [SVNGOV >201301]\n", 1, "is no date"),
    "year out of range": ("X_ [SVNGOV 17890714-17991109]\n", 1, "out of range"),
    "wrong order": ("X_ [SVNGOV 391231-300101]\n", 1, "ends after it starts"),
    "bad date": ("X_ [SVNGOV >2013]\n", 1, "six or eight digits"),
    "overlap": ("X_\n[SVNGOV 300101-391231]\n[SVNREB 350101-400101]\n", 3, "overlaps"),
    "unknown set": ("AIR!NOBODY! [~MIL]\n", 1, "before its use"),
    "table without code": ("phrase\tname\nA\tB\n", 1, "header"),
    "table with a strange column": ("phrase\tcode\tcolour\nA\tIRN\tred\n", 1, "header"),
    "table row too long": ("phrase\tcode\nA\tIRN\tx\n", 2, "at most 2 fields"),
    "table without phrase": ("phrase\tcode\n\tIRN\n", 2, "expected a phrase"),
    "table with a bad date": ("phrase\tcode\tstart\nA\tIRNGOV\tMay 2001\n", 2, "YYYY-MM"),
    "table with a bad month": ("phrase\tcode\tstart\nA\tIRNGOV\t2001-13\n", 2, "is no date"),
    "table with overlap": (
        "phrase\tcode\tstart\tend\nA\tIRNGOV\t2001\t2005\nA\tIRNOPP\t2003\t2007\n",
        3,
        "overlaps",
    ),
    "two codes for one phrase": ("phrase\tcode\nA B\tIRNGOV\nA B\tIRNOPP\n", 3, "overlaps"),
}


@pytest.mark.parametrize(("text", "line", "expected"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_lines_are_named(write, text: str, line: int, expected: str) -> None:
    path = write(text)
    with pytest.raises(DictionaryError) as caught:
        load_actor_coder([path])
    assert caught.value.line == line
    assert caught.value.path == path
    assert expected in str(caught.value)
    assert repr(text.splitlines()[line - 1].strip()) in str(caught.value)


def test_lenient_reading_keeps_the_good_lines(write) -> None:
    path = write("GOOD_ONE_ [SVNGOV]\nBAD_ONE_ [XYZGOV]\nWORSE_ [svn]\nGOOD_TWO_ [HRVGOV]\n")
    coder = load_actor_coder([path], lenient=True)
    assert [problem.line for problem in coder.problems] == [2, 3]
    assert [coder.code(text) is not None for text in ("Good One", "Bad One", "Worse", "Good Two")] == [
        True,
        False,
        False,
        True,
    ]


def test_strict_reading_counts_the_further_problems(write) -> None:
    with pytest.raises(DictionaryError, match="further problems: 1"):
        load_actor_coder([write("BAD_ONE_ [XYZGOV]\nWORSE_ [svn]\n")])


def test_lenient_reading_keeps_the_terms_that_do_not_overlap(write) -> None:
    path = write("X_MAN\n[SVNGOV 300101-391231]\n[SVNREB 350101-400101]\n")
    coder = load_actor_coder([path], lenient=True)
    assert [problem.line for problem in coder.problems] == [3]
    found = coder.code("X man", date="1936-01-01")
    assert found is not None
    assert found.code == "SVNGOV"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DictionaryError, match=r"nothing\.txt.*cannot be read"):
        read_dictionary(tmp_path / "nothing.txt")


def test_other_encodings_are_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "latin1.txt"
    path.write_bytes("OK_ [SVN]\nHÉROS_ [SVN]\n".encode("latin-1"))
    with pytest.raises(DictionaryError, match=r"latin1\.txt:2.*UTF-8"):
        read_dictionary(path)


def test_empty_file_is_an_empty_dictionary(write) -> None:
    assert read_dictionary(write("# nothing\n\n")).definitions == ()


def test_old_country_codes_are_renewed(write) -> None:
    assert coded(write("SOME_GROUP_ [PALREB]\n"), "Some Group") == "PSEREB"


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="AB_+[]{}<>~#!=- 0123456789\n\tgovGOVIRN|", max_size=120))
def test_any_text_is_read_or_reported(tmp_path_factory, text: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "dictionary.txt"
    path.write_text(text, encoding="utf-8")
    dictionary = read_dictionary(path, lenient=True)
    lines = text.splitlines()
    assert all(problem.line is not None and 1 <= problem.line <= len(lines) for problem in dictionary.problems)
    assert all(definition.phrases and definition.terms for definition in dictionary.definitions)
