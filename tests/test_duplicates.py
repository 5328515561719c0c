from __future__ import annotations

from dataclasses import replace

from geoevents.events import Actor, Document, Event, Place, Span, event_id
from geoevents.resolution.duplicates import collapse_duplicates, one_a_day
from geoevents.resolution.dyads import split_dyads, to_rows

IRAN = Actor("Iran", 0, 4, "IRN", "IRN", (), "Iran", 0.9)
RUSSIA = Actor("Russia", 9, 15, "RUS", "RUS", (), "Russia", 0.9)
CHINA = Actor("China", 20, 25, "CHN", "CHN", (), "China", 0.9)


def event(start: int, *, document: str = "d", **fields: object) -> Event:
    trigger = Span("met", start, start + 3)
    usual = Event(
        id=event_id(document, trigger, "040"),
        document=document,
        sentence=0,
        code="040",
        root="04",
        name="Consult",
        quad_class=1,
        goldstein=1.0,
        plover="CONSULT",
        status="asserted",
        score=0.9,
        trigger=trigger,
        sources=(IRAN,),
        targets=(RUSSIA,),
        date="2022-01-19",
    )
    return replace(usual, **fields)  # type: ignore[arg-type]


def test_mentions_of_one_act_become_the_fullest_of_them() -> None:
    bare, full = event(30), event(70, places=(Place("Moscow", 80, 86, "RUS"),), sources=(replace(IRAN, start=60),))
    (kept,) = collapse_duplicates([bare, full, event(120)])
    assert kept.id == full.id
    assert [span.start for span in kept.mentions] == [30, 120]


def test_what_the_fullest_lacks_comes_from_the_others() -> None:
    place = Place("Moscow", 80, 86, "RUS")
    (kept,) = collapse_duplicates([event(30, places=(place,), sources=()), event(70, places=(place,), sources=())])
    assert kept.places == (place,)
    one = event(30, score=0.8, places=(place,))
    two = event(70, score=0.7, targets=(RUSSIA, replace(RUSSIA, start=90)))
    (kept,) = collapse_duplicates([one, two])
    assert kept.places == (place,)


def test_different_acts_stay_apart() -> None:
    events = [
        event(30),
        event(50, code="042"),
        event(70, targets=(CHINA,)),
        event(90, sources=(RUSSIA,), targets=(IRAN,)),
        event(110, date="2022-01-20"),
        event(130, status="negated"),
        event(150, sources=(replace(IRAN, name="Ebrahim Raisi"),)),
    ]
    assert collapse_duplicates(events) == tuple(events)


def test_an_unknown_actor_is_the_same_only_in_one_place() -> None:
    first, second = Actor("he", 0, 2), Actor("he", 60, 62)
    same = [event(30, sources=(first,)), event(50, sources=(first,))]
    assert [kept.mentions for kept in collapse_duplicates(same)] == [(same[1].trigger,)]
    others = [event(30, sources=(first,)), event(50, sources=(second,))]
    assert collapse_duplicates(others) == tuple(others)


def test_events_without_actors_are_never_collapsed() -> None:
    events = [event(70, sources=(), targets=())]
    events.append(replace(events[-1], trigger=Span("met", 90, 93), id="other"))
    assert collapse_duplicates(events) == tuple(events)


def test_collapsing_twice_changes_nothing() -> None:
    once = collapse_duplicates([event(30), event(50), event(70, code="042")])
    assert collapse_duplicates(once) == once


def test_one_a_day_keeps_the_first_report_of_an_act() -> None:
    first = event(30)
    again = event(30, document="e", sources=(replace(IRAN, name="Tehran"),))
    later = event(30, document="f", date="2022-01-20")
    undated, unknown = event(30, document="g", date=None), event(30, document="h", sources=(Actor("he", 0, 2),))
    kept = list(one_a_day([first, again, later, undated, undated, unknown, unknown]))
    assert kept == [first, later, undated, undated, unknown, unknown]


def test_one_a_day_streams() -> None:
    stream = one_a_day(event(30, date=f"2022-01-{day:02}") for day in range(1, 32))
    assert next(stream).date == "2022-01-01"


def test_dyads_pair_every_source_with_every_target_but_nobody_with_himself() -> None:
    joint = event(30, sources=(IRAN, RUSSIA, CHINA), targets=(IRAN, RUSSIA, CHINA))
    pairs = [(dyad.sources[0].code, dyad.targets[0].code) for dyad in split_dyads(joint)]
    assert len(pairs) == 6
    assert ("IRN", "IRN") not in pairs
    assert len({dyad.id for dyad in split_dyads(joint)}) == 6


def test_an_event_of_one_dyad_is_itself() -> None:
    assert split_dyads(event(30)) == [event(30)]
    assert split_dyads(event(30, targets=())) == [event(30, targets=())]
    assert split_dyads(event(30, sources=(), targets=())) == [event(30, sources=(), targets=())]


def test_rows_are_flat_and_have_equal_keys() -> None:
    full = event(30, places=(Place("x", 1, 2), Place("Moscow", 80, 86, "RUS", "Moscow", 55.75, 37.62, 524901)))
    document = Document("d", "", events=(full, event(50, sources=(), targets=(RUSSIA, CHINA))))
    rows = to_rows(document)
    assert [(row["source_code"], row["target_code"]) for row in rows] == [("IRN", "RUS"), (None, "RUS"), (None, "CHN")]
    assert len({tuple(row) for row in rows}) == 1
    assert (rows[0]["place"], rows[0]["lat"], rows[0]["geonameid"]) == ("Moscow", 55.75, 524901)
    assert rows[1]["event"] == rows[2]["event"] != rows[1]["id"]
    assert rows == to_rows(document.events)
