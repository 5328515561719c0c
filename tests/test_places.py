from __future__ import annotations

import pytest
from resolution_scores import gold_documents, marked, score_places

from geoevents.events import Place
from geoevents.resolution import Resolver, load_resolver
from geoevents.resolution.places import PlaceCoder, load_geonames, load_place_coder, place_level


@pytest.fixture(scope="module")
def coder() -> PlaceCoder:
    return load_place_coder()


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    return load_resolver()


@pytest.mark.parametrize(
    ("text", "country", "geonameid"),
    [
        ("Moscow", "RUS", 524901),
        ("Kiev", "UKR", 703448),
        ("N’Djamena", "TCD", 2427123),
        ("eastern Congo", "COD", 203312),
        ("northern Syria", "SYR", 163843),
        ("Helmand", "AFG", 1140043),
        ("Syria's Idlib province", "SYR", 169387),
        ("New York", "USA", 5128581),
        ("Baghdad airport", "IRQ", 98182),
        ("Chechnya", "RUS", 569665),
    ],
)
def test_names_are_found_in_geonames(coder: PlaceCoder, text: str, country: str, geonameid: int) -> None:
    found = coder.code(text)
    assert found is not None
    assert (found.country, found.geonameid) == (country, geonameid)


@pytest.mark.parametrize(
    ("text", "country"),
    [("West Bank", "PSE"), ("Donbas", "UKR"), ("Ukrainian border", "UKR"), ("Kremlin", "RUS"), ("Black Sea", None)],
)
def test_areas_borders_and_seats_have_their_country_if_they_have_one(
    coder: PlaceCoder, text: str, country: str | None
) -> None:
    found = coder.code(text)
    assert found is not None
    assert found.country == country


@pytest.mark.parametrize(
    ("text", "weights", "country"),
    [
        ("Tripoli", {"LBN": 1.0}, "LBN"),
        ("Tripoli", {"LBY": 1.0}, "LBY"),
        ("Hyderabad", {"PAK": 1.0}, "PAK"),
        ("Cordoba", {"ARG": 1.0}, "ARG"),
        ("Valencia", {"VEN": 1.0}, "VEN"),
        ("Paris", {"USA": 1.0}, "FRA"),
        ("London", {"CAN": 1.0}, "GBR"),
        ("Georgia", {"RUS": 1.0}, "GEO"),
    ],
)
def test_places_of_one_name_are_told_apart_by_countries_in_play_and_size(
    coder: PlaceCoder, text: str, weights: dict[str, float], country: str
) -> None:
    found = coder.code(text, weights=weights)
    assert found is not None
    assert found.country == country


@pytest.mark.parametrize("text", ["Xyzzyville", "the market", "", "Gary"])
def test_unknown_places_and_small_ones_of_other_countries_stay_open(coder: PlaceCoder, text: str) -> None:
    assert coder.code(text, weights={"UKR": 1.0}) is None


def test_a_country_named_behind_a_place_decides(resolver: Resolver) -> None:
    document = resolver.resolve(marked("[[Police|a1]] [[arrested|173 s=a1 l=p1]] ten men in [[Paris|p1]], Texas."))
    assert document.events[0].places[0].country == "USA"
    document = resolver.resolve(marked("[[Police|a1]] [[arrested|173 s=a1 l=p1]] ten men in [[Hama|p1]], Syria."))
    assert document.events[0].places[0].country == "SYR"


def test_an_unknown_place_takes_the_country_of_the_actors_around_it(resolver: Resolver) -> None:
    document = resolver.resolve(
        marked("[[Somali troops|a1]] [[raided|190 s=a1 l=p1 t=a2]] [[al-Shabab|a2]] in [[Xuxuleey|p1]].")
    )
    assert document.events[0].places[0] == Place("Xuxuleey", 34, 42, country="SOM")


def test_the_capital_and_the_town_stand_for_places_named_before(resolver: Resolver) -> None:
    document = resolver.resolve(
        marked(
            "[[Police|a1]] [[raided|170 s=a1 l=p1]] offices in the [[capital|p1]] of Kenya. In [[Garissa|p2]] "
            "[[gunmen|a2]] [[attacked|190 s=a2 l=p2]] first; in the [[town|p3]] they [[burned|1712 s=a2 l=p3]] cars."
        )
    )
    assert [place.name for event in document.events for place in event.places] == ["Nairobi", "Garissa", "Garissa"]


def test_every_country_has_coordinates_and_lies_where_it_should(coder: PlaceCoder) -> None:
    for name, (south, north, west, east) in {
        "Iran": (25, 40, 44, 64),
        "Fiji": (-21, -12, 176, 181),
        "United States": (24, 50, -125, -66),
        "South Africa": (-35, -22, 16, 33),
        "Kiribati": (-12, 5, 169, 181),
    }.items():
        found = coder.code(name)
        assert found is not None and found.lat is not None and found.lon is not None
        assert south <= found.lat <= north and west <= found.lon <= east


def test_levels_of_places() -> None:
    assert [candidate.place.level for candidate in load_geonames().find("FRA")] == ["country"]
    assert place_level(Place("Goma", 0, 4, "COD", "Goma", -1.674, 29.228, 216281)) == "town"
    assert place_level(Place("Mali", 0, 4, "MLI", "Mali", 17.0, -4.0, 2453866)) == "country"
    assert place_level(Place("somewhere", 0, 9)) is None


def test_countries_of_places_in_the_development_set(resolver: Resolver) -> None:
    score = score_places(gold_documents("dev.evt"), resolver)
    assert score.gold > 140
    assert score.country_right / score.gold >= 0.93
    assert score.wrong / score.gold <= 0.04
