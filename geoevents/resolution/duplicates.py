"""Mentions of one act: collapsed into one event inside a document, filtered to one a day across documents."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace

from geoevents.events import Actor, Event, Span


def collapse_duplicates(events: Sequence[Event]) -> tuple[Event, ...]:
    """The events of one document with the mentions of one act collapsed into the fullest of them.

    Two events are mentions of one act if code, status, day and both sides are the same, each actor by its code and
    name, an unknown one by its very span. An event without actors is never collapsed. Times and places that the fullest
    mention lacks are taken from the others; the others' triggers become its `mentions`.

    Args:
        events: The events of one document, resolved.

    Returns:
        The events that remain, in the order of their triggers.
    """
    groups: dict[Hashable, list[Event]] = {}
    for event in events:
        key = _act(event)
        groups.setdefault(event.id if key is None else (key, event.date), []).append(event)
    kept = [_collapse(group) if len(group) > 1 else group[0] for group in groups.values()]
    return tuple(sorted(kept, key=lambda event: event.trigger.start))


def one_a_day(events: Iterable[Event]) -> Iterator[Event]:
    """Each act once a day, however many documents report it: the first event of a code, dyad and day.

    Sides are compared by the actors' codes alone, since documents name one actor differently. Events that lack a date
    or the code of an actor pass, as does every event of another status. The events' keys of a day stay in memory.

    Args:
        events: Events of any number of documents, resolved.
    """
    seen: set[Hashable] = set()
    for event in events:
        key = _dyad_on_day(event)
        if key is not None and key in seen:
            continue
        seen.add(key)
        yield event


def _act(event: Event) -> Hashable | None:
    """What makes two events mentions of one act, or None where no actor is named."""
    if not event.sources and not event.targets:
        return None
    return event.code, event.status, _side(event.sources), _side(event.targets)


def _side(actors: Sequence[Actor]) -> frozenset[tuple[object, object]]:
    return frozenset((actor.start, actor.end) if actor.code is None else (actor.code, actor.name) for actor in actors)


def _dyad_on_day(event: Event) -> Hashable | None:
    actors = (*event.sources, *event.targets)
    if not actors or event.date is None or any(actor.code is None for actor in actors):
        return None
    codes = [frozenset(actor.code for actor in side) for side in (event.sources, event.targets)]
    return event.code, event.status, event.date, *codes


def _collapse(group: Sequence[Event]) -> Event:
    fullest = max(group, key=lambda event: (sum(1 for _ in event.arguments()), event.score))
    others = [event for event in group if event is not fullest]
    places = fullest.places or next((event.places for event in others if event.places), ())
    times = fullest.times or next((event.times for event in others if event.times), ())
    triggers: list[Span] = [trigger for event in others for trigger in (event.trigger, *event.mentions)]
    mentions = sorted({*fullest.mentions, *triggers}, key=lambda span: span.start)
    return replace(fullest, places=places, times=times, mentions=tuple(mentions))
