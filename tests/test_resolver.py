from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resolution_scores import bare, gold_documents, marked, seed_article

from geoevents.errors import DictionaryError, InputError
from geoevents.events import Actor, Document, Event, Place, Span, Time
from geoevents.ontology import describe
from geoevents.resolution import Resolver, load_resolver

MEETING = (
    "[[Iranian President Ebrahim Raisi|a1]] [[met|040 s=a1 t=a2 l=p1 d=d1]] [[Vladimir Putin|a2]] in [[Moscow|p1]] "
    "[[on Wednesday|d1]]."
)


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    return load_resolver()


def test_an_event_gets_codes_coordinates_and_a_date(resolver: Resolver) -> None:
    (event,) = resolver.resolve(marked(MEETING, date="2022-01-20")).events
    assert (event.sources[0].code, event.sources[0].name) == ("IRNGOV", "Ebrahim Raisi")
    assert (event.targets[0].code, event.targets[0].country, event.targets[0].roles) == ("RUSGOV", "RUS", ("GOV",))
    assert (event.places[0].geonameid, event.places[0].lat, event.places[0].lon) == (524901, 55.752, 37.618)
    assert event.times == (Time("on Wednesday", 61, 73, "2022-01-19", "day"),)
    assert event.date == "2022-01-19"


def test_offices_are_those_of_the_date_of_the_document(resolver: Resolver) -> None:
    markup = "[[Dmitry Medvedev|a1]] [[met|040 s=a1 t=a2]] the [[Russian president|a2]]."
    (event,) = resolver.resolve(marked("[[Barack Obama|a1]] [[spoke|010 s=a1]].", date="2012-05-01")).events
    assert event.sources[0].code == "USAGOV"
    (event,) = resolver.resolve(marked("[[Barack Obama|a1]] [[spoke|010 s=a1]].", date="2019-05-01")).events
    assert event.sources[0].code == "USAELI"
    (event,) = resolver.resolve(marked(markup, date="2015-05-01")).events
    assert event.targets[0].name is None


@pytest.mark.parametrize(
    ("switch", "untouched"), [("actors", "sources"), ("places", "places"), ("dates", "times"), ("dates", "date")]
)
def test_what_is_switched_off_stays_as_it_was(switch: str, untouched: str) -> None:
    document = marked(MEETING, date="2022-01-20")
    resolver = load_resolver(**{switch: False})  # type: ignore[arg-type]
    (event,) = resolver.resolve(document).events
    assert getattr(event, untouched) == getattr(document.events[0], untouched)


def test_an_event_without_a_time_has_the_date_of_the_document(resolver: Resolver) -> None:
    markup = "[[Iran|a1]] [[thanked|051 s=a1 t=a2]] [[Russia|a2]]."
    assert resolver.resolve(marked(markup, date="2022-01-20")).events[0].date == "2022-01-20"
    assert resolver.resolve(marked(markup, date="2022-01")).events[0].date == "2022-01"
    assert resolver.resolve(marked(markup)).events[0].date is None


def test_without_a_document_date_only_absolute_times_are_dated(resolver: Resolver) -> None:
    markup = (
        "[[Iran|a1]] [[thanked|051 s=a1 t=a2 d=d1]] [[Russia|a2]] [[on Wednesday|d1]] as "
        "[[it|a3]] had [[done|051 s=a3 t=a2 d=d2]] [[on 3 May 2019|d2]]."
    )
    first, second = load_resolver(duplicates=False).resolve(marked(markup)).events
    assert (first.times[0].date, first.date) == (None, None)
    assert (second.times[0].date, second.date) == ("2019-05-03", "2019-05-03")


def test_later_dates_count_from_earlier_ones(resolver: Resolver) -> None:
    markup = (
        "[[Iran|a1]] [[freed|0841 s=a1 d=d1]] ten men [[on Monday|d1]]. [[Two days later|d2]] [[Iraq|a2]] "
        "[[freed|0841 s=a2 d=d2]] five and will [[free|0353 s=a2 d=d3]] more [[on Sunday|d3]]."
    )
    events = resolver.resolve(marked(markup, date="2022-01-20")).events
    assert [event.date for event in events] == ["2022-01-17", "2022-01-19", "2022-01-23"]


@pytest.mark.parametrize("date", ["20 January 2022", "2022-02-30", "0500-01-01"])
def test_a_bad_document_date_is_refused(resolver: Resolver, date: str) -> None:
    with pytest.raises(InputError, match=date):
        resolver.resolve(marked(MEETING, date=date))


def test_mentions_of_one_act_are_collapsed(resolver: Resolver) -> None:
    markup = MEETING + " [[Raisi|a3]]’s [[meeting|040 s=a3 t=a4]] with [[Putin|a4]] lasted an hour."
    document = marked(markup, date="2022-01-19")
    (event,) = resolver.resolve(document).events
    assert [span.text for span in event.mentions] == ["meeting"]
    assert len(load_resolver(duplicates=False).resolve(document).events) == 2


def test_a_dictionary_of_the_user_wins(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text("phrase\tcode\nVladimir Putin\tRUSELI\n", encoding="utf-8")
    (event,) = load_resolver(dictionaries=[path]).resolve(marked(MEETING, date="2022-01-20")).events
    assert event.targets[0].code == "RUSELI"


def test_a_broken_dictionary_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text("phrase\tcode\nVladimir Putin\tR\n", encoding="utf-8")
    with pytest.raises(DictionaryError, match=r"mine\.tsv:2"):
        load_resolver(dictionaries=[path])


def test_resolving_twice_changes_nothing(resolver: Resolver) -> None:
    document = resolver.resolve(bare(seed_article()))
    again = resolver.resolve(document)
    assert [event.to_dict() | {"mentions": []} for event in again.events] == [
        event.to_dict() | {"mentions": []} for event in document.events
    ]


def test_a_document_is_not_changed_but_replaced(resolver: Resolver) -> None:
    document = bare(seed_article())
    before = document.to_dict()
    resolved = resolver.resolve(document)
    assert document.to_dict() == before
    assert (resolved.id, resolved.text, resolved.sentences) == (document.id, document.text, document.sentences)
    for event in resolved.events:
        for _, span in event.arguments():
            assert document.text[span.start : span.end] == span.text


def test_a_document_without_events_comes_back_as_it_is(resolver: Resolver) -> None:
    document = Document("d", "Nothing happened.", "not looked at")
    assert resolver.resolve(document) is document


@settings(max_examples=60, deadline=None, derandomize=True)
@given(text=st.text(min_size=6, max_size=60), cuts=st.lists(st.integers(0, 60), min_size=8, max_size=8))
def test_any_spans_of_any_text_resolve(resolver: Resolver, text: str, cuts: list[int]) -> None:
    at = sorted(min(cut, len(text) - 1) for cut in cuts)
    spans = [(text[a : b + 1], a, b + 1) for a, b in zip(at[::2], at[1::2], strict=True)]
    event = Event(
        "e", "d", 0, "040", "04", "Consult", 1, 1.0, "CONSULT", "asserted", 0.5, Span(*spans[0]),
        sources=(Actor(*spans[1]),), targets=(Actor(*spans[2]),), places=(Place(*spans[3]),), times=(Time(*spans[3]),),
    )  # fmt: skip
    resolved = resolver.resolve(Document("d", text, "2022-01-20", (Span(text, 0, len(text)),), (event,)))
    assert [(a.start, a.end) for a in resolved.events[0].sources] == [spans[1][1:]]


def test_long_documents_take_time_in_proportion(resolver: Resolver) -> None:
    documents = [bare(document) for document in gold_documents("dev.evt")[:150]]
    _assert_in_proportion(resolver, _joined(documents), _joined(documents * 8))


def test_a_name_that_comes_again_and_again_takes_time_in_proportion(resolver: Resolver) -> None:
    document = marked(
        "[[Ebrahim Raisi|a1]] [[met|040 s=a1 t=a2]] the [[RSF|a2]] and then [[Raisi|a3]] [[met|040 s=a3 t=a4 l=p1]] "
        "[[both sides|a4]] in [[town|p1]], where [[he|a6]] [[praised|051 s=a6 t=a7]] [[its army|a7]]."
    )
    _assert_in_proportion(resolver, _joined([document] * 100), _joined([document] * 800))


def _assert_in_proportion(resolver: Resolver, short: Document, long: Document) -> None:
    resolver.resolve(short)  # fills the caches

    def seconds(document: Document) -> float:
        start = time.process_time()
        resolver.resolve(document)
        return time.process_time() - start

    assert seconds(long) < 24 * min(seconds(short) for _ in range(3))


def _joined(documents: list[Document]) -> Document:
    text, events, sentences = "", [], []
    for number, document in enumerate(documents):
        by = len(text)
        sentences += [replace(s, start=s.start + by, end=s.end + by) for s in document.sentences]
        for event in document.events:
            moved = {
                name: tuple(replace(s, start=s.start + by, end=s.end + by) for s in getattr(event, name))
                for name in ("sources", "targets", "places", "times")
            }
            trigger = replace(event.trigger, start=event.trigger.start + by, end=event.trigger.end + by)
            events.append(replace(event, id=f"{number}-{event.id}", trigger=trigger, **moved))
        text += document.text + "\n\n"
    return Document("long", text, "2025-11-20", tuple(sentences), tuple(events))


def test_loading_is_quick_and_small() -> None:
    code = (
        "import resource, time\n"
        "start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "from geoevents.resolution import load_resolver\n"
        "load_resolver()\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(time.process_time() - start, (after - before) / 1024)\n"
    )
    seconds, megabytes = map(float, subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert seconds < 1.0  # 0.3 s on the machine of the README; this one may be busy or slow
    assert megabytes < 100


LONG = {
    "names": "Alpha Moscow President Syria Beirut Xo and Monday ",
    "hyphens": "Franco-German-",
    "numbers": "12 34 5 June 7, ",
    "nouns": "the two leaders of the army of last week ",
    "one word": "X",
    "dots": "A.",
    "line breaks": "\n",
}


@pytest.mark.parametrize("role", ["sources", "places", "times"])
@pytest.mark.parametrize("unit", LONG.values(), ids=LONG)
def test_spans_without_end_take_no_time(resolver: Resolver, role: str, unit: str) -> None:
    """A tagger, or a text made to cost time, may give them; the service cannot interrupt what reads them."""
    kind = {"sources": Actor, "places": Place, "times": Time}[role]

    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        parts = {role: (kind(text, 0, len(text)),)}
        trigger = Span("attacked", len(text) + 1, len(text) + 9)
        event = Event.of_type(
            describe("190"), document="d", trigger=trigger, sentence=0, status="asserted", score=0.9, date=None, **parts
        )
        whole = f"{text} attacked."
        document = Document("d", whole, "2022-01-21", (Span(whole, 0, len(whole)),), (event,))
        began = time.process_time()
        resolver.resolve(document)
        return time.process_time() - began

    # 0.1 s on an idle machine; the quickest of three texts, none of which is remembered, since this one may be busy.
    assert min(map(seconds, (20_000, 20_001, 20_002))) < 0.5
