"""Events as dyads: one source, one target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from geoevents.events import Actor, Document, Event


def split_dyads(event: Event) -> list[Event]:
    """The event once for each pair of a source and a target.

    An event that lacks a side keeps it empty. An actor is never paired with itself, so that an act with all parties on
    both sides gives each party's deed to each other party. The identifiers of several dyads are the event's with a
    running number ("9f2c…-1", "9f2c…-2").
    """
    pairs = [
        (source, target)
        for source, target in product(event.sources or (None,), event.targets or (None,))
        if source is None or target is None or (source.start, source.code) != (target.start, target.code)
    ]
    if len(pairs) < 2 and len(event.sources) < 2 and len(event.targets) < 2:
        return [event]
    return [
        replace(
            event,
            id=f"{event.id}-{number}" if len(pairs) > 1 else event.id,
            sources=() if source is None else (source,),
            targets=() if target is None else (target,),
        )
        for number, (source, target) in enumerate(pairs, 1)
    ]


def to_rows(events: Document | Iterable[Event]) -> list[dict[str, Any]]:
    """One flat dict for each dyad, ready for `pandas.DataFrame` or `pyarrow.Table.from_pylist`.

    Args:
        events: A document or events of any documents.

    Returns:
        Dicts with the same keys in the same order; docs/outputs.md says what each holds. What is unknown is None.
    """
    found = events.events if isinstance(events, Document) else events
    return [_row(event, dyad) for event in found for dyad in split_dyads(event)]


def _row(event: Event, dyad: Event) -> dict[str, Any]:
    place = next((place for place in event.places if place.lat is not None), next(iter(event.places), None))
    row = {
        "id": dyad.id,
        "event": event.id,
        "document": event.document,
        "sentence": event.sentence,
        "date": event.date,
        "code": event.code,
        "root": event.root,
        "name": event.name,
        "quad_class": event.quad_class,
        "goldstein": event.goldstein,
        "plover": event.plover,
        "status": event.status,
        "score": event.score,
        "trigger": event.trigger.text,
        **dict(_actor_fields("source", dyad.sources)),
        **dict(_actor_fields("target", dyad.targets)),
        "place": place.text if place else None,
        "place_name": place.name if place else None,
        "place_country": place.country if place else None,
        "lat": place.lat if place else None,
        "lon": place.lon if place else None,
        "geonameid": place.geonameid if place else None,
        "mentions": 1 + len(event.mentions),
    }
    return row


def _actor_fields(side: str, actors: tuple[Actor, ...]) -> Iterator[tuple[str, Any]]:
    actor = actors[0] if actors else None
    yield side, actor.text if actor else None
    yield f"{side}_code", actor.code if actor else None
    yield f"{side}_country", actor.country if actor else None
    yield f"{side}_roles", "".join(actor.roles) or None if actor else None
    yield f"{side}_name", actor.name if actor else None
    yield f"{side}_confidence", actor.confidence if actor else None
