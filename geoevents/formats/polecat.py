"""The columns of POLECAT, the PLOVER event data set: one row for each event, several actors joined by "; ".

What POLECAT takes from encyclopedias and from the whole story stays missing. docs/outputs.md says column by column what
differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from geoevents import ontology
from geoevents.events import Actor, Document, Event
from geoevents.formats.gdelt import foreign_codes, located
from geoevents.formats.rows import Column, RowSchema
from geoevents.resolution.places import place_level

_QUADS = {1: "VERBAL COOPERATION", 2: "MATERIAL COOPERATION", 3: "VERBAL CONFLICT", 4: "MATERIAL CONFLICT"}
_FEATURES = {"country": "PCLI", "capital": "PPLC", "town": "PPL", "division1": "ADM1", "division2": "ADM2"}


def _columns() -> Iterator[Column]:
    yield Column("Event ID", "string", "Our identifier")
    yield Column("Event Date", "string", "Date of the event (ISO 8601), else of the document")
    yield Column("Event Type", "string", "PLOVER event type")
    yield Column("Event Mode", "string", "PLOVER mode by the CAMEO code")
    yield Column("Intensity", "number", "Goldstein scale, -10 (conflict) to 10")
    yield Column("Quad Code", "string", "Verbal or material, cooperation or conflict")
    yield Column("Contexts", "string", "PLOVER contexts by the CAMEO code")
    for side, what in (("Actor", "source"), ("Recipient", "target")):
        yield Column(f"{side} Name", "string", f"Names of the {what}s, else their words")
        yield Column(f"{side} Country", "string", "Their countries (ISO 3166 alpha-3)")
        yield Column(f"{side} COW", "string", "Their countries by the Correlates of War's abbreviations")
        yield Column(f"Primary {side} Sector", "string", "First role code of the first")
        yield Column(f"{side} Sectors", "string", "Role codes of each")
        yield Column(f"{side} Title", "string", "Always missing")
        yield Column(f"{side} Name Raw", "string", "Their words in the text")
        yield Column(f"Wikipedia {side} ID", "string", "Always missing")
    yield Column("Placename", "string", "Name of the place in the gazetteer")
    yield Column("City", "string", "The same if it is a town")
    yield Column("District", "string", "The same if it is a division of the second level")
    yield Column("Province", "string", "The same if it is a division of the first level")
    yield Column("Country", "string", "Country of the place (ISO 3166 alpha-3)")
    yield Column("Latitude", "number", "Its latitude in degrees")
    yield Column("Longitude", "number", "Its longitude in degrees")
    yield Column("GeoNames ID", "integer", "Its identifier at geonames.org")
    yield Column("Raw Placename", "string", "Its words in the text")
    yield Column("Feature Type", "string", "GeoNames feature code: PCLI, ADM1, ADM2, PPLC, PPL")
    yield Column("Source", "string", "Identifier of the document")
    yield Column("Publication Date", "string", "Date of the document")
    for name in ("People", "Organizations", "Locations"):
        yield Column(f"Story {name}", "string", "Always missing")
    yield Column("Language", "string", "Always English")
    yield Column("Version", "string", "Always geoevents")


def _row(event: Event, document: Document) -> dict[str, Any]:
    code = ontology.lookup(event.code) if ontology.is_valid(event.code) else None
    return {
        "Event ID": event.id,
        "Event Date": event.date,
        "Event Type": event.plover,
        "Event Mode": code.plover_mode if code else None,
        "Intensity": event.goldstein,
        "Quad Code": _QUADS.get(event.quad_class or 0),
        "Contexts": _joined(code.plover_context) if code else None,
        **_actors("Actor", event.sources),
        **_actors("Recipient", event.targets),
        **_place(event),
        "Source": document.id,
        "Publication Date": document.date,
        "Story People": None,
        "Story Organizations": None,
        "Story Locations": None,
        "Language": "English",
        "Version": "geoevents",
    }


def _actors(side: Literal["Actor", "Recipient"], actors: tuple[Actor, ...]) -> dict[str, str | None]:
    cow = [foreign_codes().get(actor.country or "", (None, None))[1] for actor in actors]
    return {
        f"{side} Name": _joined(actor.name or actor.text for actor in actors),
        f"{side} Country": _joined(actor.country for actor in actors),
        f"{side} COW": _joined(cow),
        f"Primary {side} Sector": next((actor.roles[0] for actor in actors if actor.roles), None),
        f"{side} Sectors": _joined(" ".join(actor.roles) for actor in actors),
        f"{side} Title": None,
        f"{side} Name Raw": _joined(actor.text for actor in actors),
        f"Wikipedia {side} ID": None,
    }


def _place(event: Event) -> dict[str, Any]:
    place = located(event)
    level = place_level(place)
    return {
        "Placename": place.name,
        "City": place.name if level in ("town", "capital") else None,
        "District": place.name if level == "division2" else None,
        "Province": place.name if level == "division1" else None,
        "Country": place.country,
        "Latitude": place.lat,
        "Longitude": place.lon,
        "GeoNames ID": place.geonameid,
        "Raw Placename": place.text or None,
        "Feature Type": _FEATURES.get(level or ""),
    }


def _joined(values: Iterable[str | None]) -> str | None:
    """Several values in one field with gaps for the missing, or None where all are."""
    texts = [value or "" for value in values]
    return "; ".join(texts) if any(texts) else None


SCHEMA = RowSchema(tuple(_columns()), _row)
"""POLECAT's 40 columns, one row for each event."""
