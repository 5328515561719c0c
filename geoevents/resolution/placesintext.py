"""The places of a document's events: each told apart by the actors, places and countries around it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from geoevents.events import Document, Event, Place
from geoevents.resolution.context import Context
from geoevents.resolution.nouns import noun_classes
from geoevents.resolution.places import PlaceCode, PlaceCoder

_NAMED_BEHIND = re.compile(r"(?:, | in )((?:[A-Z][\w'’-]+ ?){1,3})")
_ACTOR_WEIGHT = 0.5


def locate(document: Document, context: Context, coder: PlaceCoder) -> dict[Place, Place]:
    """Every place of a document's events, located.

    Args:
        document: The document; its actors are coded, if they are to be.
        context: Its words and countries.
        coder: Codes spans.

    Returns:
        The places as they were, and as they are with what was found.
    """
    places: dict[Place, list[Event]] = {}
    for event in document.events:
        for place in event.places:
            places.setdefault(place, []).append(event)
    located: dict[Place, Place] = {}
    for place in sorted(places, key=lambda place: place.start):
        weights = _weights(place, places[place], context, coder)
        found = coder.code(place.text, weights=weights) or _of_stand_in(place, located, weights, coder)
        if found is None or (found.country is None and found.name is None):
            country = _of_surroundings(place, places[place], weights)
            found = PlaceCode(country) if country else None
        located[place] = _filled(place, found)
    return located


def locate_named(document: Document, context: Context, coder: PlaceCoder) -> list[tuple[Place, str | None]]:
    """The places of a document's events that their own names locate, with their countries: what actors are near."""
    places = dict.fromkeys(place for event in document.events for place in event.places)
    found = [(place, coder.code(place.text, weights=context.weights(place.start))) for place in places]
    return [(place, code.country if code else None) for place, code in found]


def _weights(place: Place, events: list[Event], context: Context, coder: PlaceCoder) -> dict[str, float]:
    """The countries in play, those of the same events' actors and one named right behind weighing more."""
    weights = context.weights(place.start)
    for event in events:
        for actor in (*event.sources, *event.targets):
            if actor.country:
                weights[actor.country] = min(1.0, weights.get(actor.country, 0.0) + _ACTOR_WEIGHT)
    behind = _NAMED_BEHIND.match(context.text, place.end)
    if behind and (country := context.country_at(behind.start(1)) or _of_division(behind[1].strip(), coder)):
        weights[country] = 2.0
    return weights


def _of_division(text: str, coder: PlaceCoder) -> str | None:
    """The country of a state or province: "Paris, Texas"."""
    found = coder.code(text)
    return found.country if found and found.level == "division1" else None


def _of_stand_in(
    place: Place, located: dict[Place, Place], weights: Mapping[str, float], coder: PlaceCoder
) -> PlaceCode | None:
    """ "The town": the place named last; "the capital": that of the likeliest country."""
    *_, noun = ["", *place.text.lower().split()]
    if noun not in noun_classes()["place"] or not place.text.islower():
        return None
    if noun == "capital" and weights:
        return coder.capital(max(weights, key=lambda country: weights[country]))
    before = (other for other in reversed(located.values()) if other.end <= place.start and other.country)
    if noun != "country" and (last := next(before, None)):
        return PlaceCode(last.country, last.name, last.lat, last.lon, last.geonameid)
    return None


def _of_surroundings(place: Place, events: list[Event], weights: Mapping[str, float]) -> str | None:
    """The country of an unknown place: of an actor on the same words, else the one in play, if one stands out."""
    actors = [actor for event in events for actor in (*event.sources, *event.targets)]
    own = next((actor.country for actor in actors if actor.start == place.start and actor.country), None)
    if own or not weights:
        return own
    first, *rest = sorted(weights.values(), reverse=True)
    if rest and rest[0] > 0.8 * first:
        return None
    return max(weights, key=lambda country: weights[country])


def _filled(place: Place, found: PlaceCode | None) -> Place:
    if found is None:
        return Place(place.text, place.start, place.end)
    return Place(
        place.text,
        place.start,
        place.end,
        country=found.country,
        name=found.name,
        lat=found.lat,
        lon=found.lon,
        geonameid=found.geonameid,
    )
