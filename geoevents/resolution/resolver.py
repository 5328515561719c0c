"""The resolution of a document: what its events' spans stand for, in the order actors, places, dates, duplicates."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from geoevents.events import Actor, Document, Event, Place, Span, Time
from geoevents.resolution.actors import ActorCoder, load_actor_coder
from geoevents.resolution.context import Context
from geoevents.resolution.coreference import ActorsInText, Resolved
from geoevents.resolution.dates import parse_document_date, read_time
from geoevents.resolution.duplicates import collapse_duplicates
from geoevents.resolution.gazetteer import Gazetteer, load_gazetteer
from geoevents.resolution.places import PlaceCoder, load_place_coder
from geoevents.resolution.placesintext import locate, locate_named

# "Will host", "is to visit", "plans to": the event lies ahead though it is not marked as hypothetical.
_PLANNED = re.compile(
    r"\b(?:will|shall|won't|is to|are to|plans? to|due to|set to|would)(?: \w+){0,3} ?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Resolver:
    """Fills in what the spans of a document's events stand for. Read-only, so that threads may share it.

    Attributes:
        gazetteer: Names of countries, organisations, groups and persons.
        actors: Codes actors; None leaves them as they are.
        places: Codes places; None leaves them as they are.
        dates: Whether to read time expressions and date the events.
        coreference: Whether actors may take their code from other mentions.
        duplicates: Whether mentions of one act are collapsed into one event.
    """

    gazetteer: Gazetteer
    actors: ActorCoder | None
    places: PlaceCoder | None
    dates: bool
    coreference: bool
    duplicates: bool

    def resolve(self, document: Document) -> Document:
        """The document with codes, countries, coordinates, dates and antecedents in its events.

        Raises:
            InputError: The document's date is no date.
        """
        if not document.events:
            return document
        events = document.events
        context = Context(document, self.gazetteer)
        if self.places:
            context.place(locate_named(document, context, self.places))
        if self.actors:
            found = ActorsInText(document, context, self.actors, self.gazetteer, coreference=self.coreference).resolve()
            events = tuple(_with_actors(event, found) for event in events)
        if self.places:
            located = locate(replace(document, events=events), context, self.places)
            events = tuple(_with_places(event, located) for event in events)
        if self.dates:
            events = _dated(replace(document, events=events), context)
        if self.duplicates:
            events = collapse_duplicates(events)
        return replace(document, events=events)


def load_resolver(
    *,
    actors: bool = True,
    places: bool = True,
    dates: bool = True,
    coreference: bool = True,
    duplicates: bool = True,
    dictionaries: Sequence[Path] = (),
    lenient: bool = False,
) -> Resolver:
    """A resolver with the package's data; what is switched off is neither loaded nor filled in.

    Args:
        actors: Code the actors.
        places: Locate the places.
        dates: Read the time expressions and date the events.
        coreference: Let actors take their code from other mentions (pronouns, titles, "the two sides").
        duplicates: Collapse mentions of one act into one event.
        dictionaries: The user's actor dictionaries, which win over the package's; see `load_actor_coder`.
        lenient: Use the good lines of malformed dictionaries instead of raising.

    Raises:
        DictionaryError: A dictionary is malformed and `lenient` is off.
    """
    coder = load_actor_coder(dictionaries, lenient=lenient) if actors else None
    return Resolver(
        gazetteer=coder.gazetteer if coder else load_gazetteer(),
        actors=coder,
        places=load_place_coder() if places else None,
        dates=dates,
        coreference=coreference,
        duplicates=duplicates,
    )


def _with_actors(event: Event, found: Mapping[tuple[int, int], Sequence[Resolved]]) -> Event:
    def coded(actors: Sequence[Actor]) -> tuple[Actor, ...]:
        spans = {(actor.start, actor.end): actor for actor in actors}  # "both", resolved before, is one span again
        return tuple(_actor(actor, resolved) for ends, actor in spans.items() for resolved in found[ends])

    return replace(event, sources=coded(event.sources), targets=coded(event.targets))


def _with_places(event: Event, located: Mapping[Place, Place]) -> Event:
    return replace(event, places=tuple(map(located.__getitem__, event.places))) if event.places else event


def _actor(actor: Actor, resolved: Resolved) -> Actor:
    code = resolved.code
    if code is None:
        return Actor(actor.text, actor.start, actor.end)
    return Actor(
        actor.text,
        actor.start,
        actor.end,
        code=code.code,
        country=code.country,
        roles=code.roles,
        name=code.name,
        confidence=code.confidence,
        resolved_from=resolved.antecedent,
    )


def _dated(document: Document, context: Context) -> tuple[Event, ...]:
    """The events with their times read in the order of the text, and with dates of their own."""
    today = parse_document_date(document.date) if document.date else None
    times = _read_times(document, context, today)
    day = _event_date((), document.date)

    def dated(event: Event) -> Event:
        if not event.times:
            return event if event.date == day else replace(event, date=day)
        read = tuple(times[time.start, time.end] for time in event.times)
        return replace(event, times=read, date=_event_date(read, document.date))

    return tuple(map(dated, document.events))


def _read_times(document: Document, context: Context, today: dt.date | None) -> dict[tuple[int, int], Time]:
    spans = {(time.start, time.end): (time, event) for event in document.events for time in event.times}
    found: dict[tuple[int, int], Time] = {}
    anchor: tuple[int, dt.date] | None = None
    for key in sorted(spans):
        time, event = spans[key]
        sentence = context.sentence_of(time.start)
        near = anchor[1] if anchor and sentence - anchor[0] <= 1 else None
        reading = read_time(time.text, today=today, anchor=near, planned=_is_planned(event, document.text))
        found[key] = Time(*key_span(time), *((reading.date, reading.granularity) if reading else (None, None)))
        if reading and reading.granularity in ("hour", "day"):
            anchor = (sentence, dt.date.fromisoformat(reading.date[:10]))
    return found


def key_span(span: Span) -> tuple[str, int, int]:
    """A span's own fields."""
    return span.text, span.start, span.end


def _is_planned(event: Event, text: str) -> bool:
    before = text[max(0, event.trigger.start - 40) : event.trigger.start]
    return event.status == "hypothetical" or bool(_PLANNED.search(before))


def _event_date(times: Sequence[Time], document_date: str | None) -> str | None:
    """The first date read, to the day at most; else the document's."""
    found = next((time.date for time in times if time.date), document_date)
    return found[:10] if found else None
