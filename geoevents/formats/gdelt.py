"""GDELT 1.0 event columns: one row for each dyad, in the order of GDELT's daily files.

What a document alone does not tell stays missing: sources and articles beyond the one, tone, and where the actors are.
docs/outputs.md says column by column what differs from GDELT.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from geoevents import ontology
from geoevents.events import Actor, Document, Event, Place
from geoevents.formats.rows import Column, ColumnType, RowSchema
from geoevents.resolution.coding import ROLES, triples
from geoevents.resolution.dyads import split_dyads
from geoevents.resolution.places import place_level

# CAMEO's codes of religions, and those of ethnic groups that the gazetteer uses, three letters each.
_RELIGIONS = frozenset(
    triples("MOSSUNSHISFISLFALEJEWULJCHRCTHPRODOXCPTMRNLDSJHWBUDHINSIKBAHCONTAOSHNZRODRZNRMATHRELPAGITR")
)
_ETHNIC = frozenset(triples("ARBKURPALTAMHUTTUTUIGTIBROMTRKSERBERTUAHAZPASFULHAUIBOYRBOROAMHTIGKRNROHKMR"))
_GEO: tuple[tuple[str, ColumnType], ...] = (
    ("Type", "integer"),
    ("FullName", "string"),
    ("CountryCode", "string"),
    ("ADM1Code", "string"),
    ("Lat", "number"),
    ("Long", "number"),
    ("FeatureID", "string"),
)


@cache
def foreign_codes() -> dict[str, tuple[str | None, str | None]]:
    """FIPS 10-4 and Correlates of War codes by ISO 3166 alpha-3 code."""
    lines = files("geoevents.formats").joinpath("foreign_codes.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines[1:])
    return {iso3: (fips or None, cow or None) for iso3, fips, cow in rows}


def _columns() -> Iterator[Column]:
    yield Column("GLOBALEVENTID", "integer", "Identifier made from ours, 63 bits")
    yield Column("SQLDATE", "integer", "Date as YYYYMMDD")
    yield Column("MonthYear", "integer", "Date as YYYYMM")
    yield Column("Year", "integer", "Date as YYYY")
    yield Column("FractionDate", "number", "Year and (month * 30 + day) / 365 of it")
    for side, what in (("Actor1", "source"), ("Actor2", "target")):
        yield Column(f"{side}Code", "string", f"CAMEO actor code of the {what}")
        yield Column(f"{side}Name", "string", f"Name of the {what}, else its words, in capitals")
        yield Column(f"{side}CountryCode", "string", "Its country (CAMEO, ISO 3166 alpha-3)")
        yield Column(f"{side}KnownGroupCode", "string", "CAMEO code of the organisation or group")
        yield Column(f"{side}EthnicCode", "string", "CAMEO ethnic code")
        yield Column(f"{side}Religion1Code", "string", "CAMEO religion code")
        yield Column(f"{side}Religion2Code", "string", "Second religion code")
        for number in (1, 2, 3):
            yield Column(f"{side}Type{number}Code", "string", f"CAMEO role code, number {number}")
    yield Column("IsRootEvent", "integer", "1 if the trigger is in the first paragraph, else 0")
    yield Column("EventCode", "string", "CAMEO code")
    yield Column("EventBaseCode", "string", "Its first three digits")
    yield Column("EventRootCode", "string", "Its first two digits")
    yield Column("QuadClass", "integer", "1, 2 verbal, material cooperation; 3, 4 conflict")
    yield Column("GoldsteinScale", "number", "Goldstein scale, -10 (conflict) to 10")
    yield Column("NumMentions", "integer", "How often the document tells of the event")
    yield Column("NumSources", "integer", "Always 1: one document")
    yield Column("NumArticles", "integer", "Always 1: one document")
    yield Column("AvgTone", "number", "Always missing")
    for side in ("Actor1Geo", "Actor2Geo", "ActionGeo"):
        what = "where the act is" if side == "ActionGeo" else "always missing"
        for name, kind in _GEO:
            yield Column(f"{side}_{name}", kind, f"{name}: {what}")
    yield Column("DATEADDED", "integer", "Date of the document as YYYYMMDD")
    yield Column("SOURCEURL", "string", "Identifier of the document")


def _row(event: Event, document: Document) -> dict[str, Any]:
    return {
        "GLOBALEVENTID": _number(event.id),
        **_date(event.date),
        **_actor("Actor1", event.sources[0] if event.sources else None),
        **_actor("Actor2", event.targets[0] if event.targets else None),
        "IsRootEvent": int(event.trigger.start < _end_of_lead(document.text)),
        "EventCode": event.code,
        "EventBaseCode": event.code[:3] if ontology.is_valid(event.code) else None,
        "EventRootCode": event.root,
        "QuadClass": event.quad_class,
        "GoldsteinScale": event.goldstein,
        "NumMentions": 1 + len(event.mentions),
        "NumSources": 1,
        "NumArticles": 1,
        "AvgTone": None,
        **{f"{side}_{name}": None for side in ("Actor1Geo", "Actor2Geo") for name, _ in _GEO},
        **_geo(event),
        "DATEADDED": _date(document.date)["SQLDATE"],
        "SOURCEURL": document.id,
    }


@lru_cache(maxsize=1)  # a document's events come one after the other
def _end_of_lead(text: str) -> int:
    """Offset of the end of the first paragraph."""
    begin = len(text) - len(text.lstrip())
    end = text.find("\n\n", begin)
    return end if end >= 0 else len(text)


def _number(identifier: str) -> int:
    """A number for an identifier; equal identifiers get equal numbers."""
    return int.from_bytes(hashlib.blake2b(identifier.encode(), digest_size=8).digest(), "big") >> 1


def _date(date: str | None) -> dict[str, int | float | None]:
    """The date columns; what the date leaves open is missing."""
    parts = [int(part) for part in date[:10].split("-")] if date else []
    year, month, day = [*parts, None, None, None][:3]
    return {
        "SQLDATE": year * 10_000 + month * 100 + day if year and month and day else None,
        "MonthYear": year * 100 + month if year and month else None,
        "Year": year,
        "FractionDate": round(year + (month * 30 + day) / 365, 4) if year and month and day else None,
    }


def _actor(side: str, actor: Actor | None) -> dict[str, str | None]:
    types = [role for role in actor.roles if role in ROLES] if actor else []
    religions = [role for role in actor.roles if role in _RELIGIONS] if actor else []
    ethnic = [role for role in actor.roles if role in _ETHNIC] if actor else []
    groups = [r for r in actor.roles if r not in ROLES and r not in _RELIGIONS and r not in _ETHNIC] if actor else []
    first, second, third = [*types, None, None, None][:3]
    return {
        f"{side}Code": actor.code if actor else None,
        f"{side}Name": (actor.name or actor.text).upper() if actor else None,
        f"{side}CountryCode": actor.country if actor else None,
        f"{side}KnownGroupCode": "".join(groups) or None,
        f"{side}EthnicCode": ethnic[0] if ethnic else None,
        f"{side}Religion1Code": religions[0] if religions else None,
        f"{side}Religion2Code": religions[1] if len(religions) > 1 else None,
        f"{side}Type1Code": first,
        f"{side}Type2Code": second,
        f"{side}Type3Code": third,
    }


def _geo(event: Event) -> dict[str, Any]:
    place = located(event)
    return {
        "ActionGeo_Type": _geo_type(place),
        "ActionGeo_FullName": (place.name or place.text) if place.start >= 0 else None,
        "ActionGeo_CountryCode": foreign_codes().get(place.country or "", (None, None))[0],
        "ActionGeo_ADM1Code": None,
        "ActionGeo_Lat": place.lat,
        "ActionGeo_Long": place.lon,
        "ActionGeo_FeatureID": None if place.geonameid is None else str(place.geonameid),
    }


def located(event: Event) -> Place:
    """The first place with coordinates, else the first, else one without text that starts before the document."""
    return next((place for place in event.places if place.lat is not None), next(iter(event.places), Place("", -1, -1)))


def _geo_type(place: Place) -> int | None:
    """GDELT's 1 country, 2 US state, 3 US city, 4 city elsewhere, 5 division elsewhere; None where unknown."""
    level = place_level(place)
    if level is None:
        return None
    if level == "country":
        return 1
    if level.startswith("division") or level == "area":
        return 2 if place.country == "USA" else 5
    return 3 if place.country == "USA" else 4


SCHEMA = RowSchema(
    tuple(_columns()), _row, lambda document: [dyad for event in document.events for dyad in split_dyads(event)]
)
"""GDELT 1.0's 58 columns, one row for each dyad."""
