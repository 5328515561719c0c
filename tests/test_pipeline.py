from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_tagger import RuleTagger

import geoevents
from geoevents import Document, Event, Extractor, InputError, Record
from geoevents.events import Actor, document_id
from geoevents.prediction import PredictedArgument, PredictedEvent
from geoevents.reciprocal import RECIPROCAL_CODES, Reciprocal
from geoevents.records import RecordLike, as_record, iso_date

NEWS = (
    "MOSCOW (AP) — Putin met Raisi in Tehran on Monday. Iran and Russia signed a pact.\n\nIsrael may never meet Iran."
)


def texts(spans: tuple[geoevents.Span, ...]) -> list[str]:
    return [span.text for span in spans]


def assert_offsets_exact(document: Document) -> None:
    for span in document.sentences:
        assert document.text[span.start : span.end] == span.text
    for event in document.events:
        sentence = document.sentences[event.sentence]
        for span in (event.trigger, *(span for _, span in event.arguments())):
            assert document.text[span.start : span.end] == span.text
            assert sentence.start <= span.start < span.end <= sentence.end


def test_event_carries_code_names_and_document_offsets(extractor: Extractor) -> None:
    document = extractor(NEWS, date="2022-01-20", id="ap-1")
    met = document.events[0]
    assert (met.document, met.sentence, met.code, met.root, met.quad_class) == ("ap-1", 0, "040", "04", 1)
    assert (met.goldstein, met.plover, met.status, met.score) == (1.0, "CONSULT", "asserted", 0.9)
    assert (texts(met.targets), texts(met.places), texts(met.times)) == (["Raisi"], ["Tehran"], ["Monday"])
    assert met.date == document.date == "2022-01-20"
    assert [event.sentence for event in document.events] == [0, 1]
    assert_offsets_exact(document)


def test_equal_input_gives_equal_identifiers(extractor: Extractor) -> None:
    first, second = extractor(NEWS), extractor(NEWS)
    assert first == second
    assert first.id == document_id(NEWS)
    assert len({event.id for event in first.events}) == len(first.events)


def test_statuses_and_score_filter(tagger: RuleTagger) -> None:
    text = "Iran did not attack. Iran never attacked Iraq. Iran may praised Oman. Putin met Xi."
    assert [event.status for event in Extractor(tagger)(text).events] == ["negated", "hypothetical", "asserted"]
    assert [event.code for event in Extractor(tagger, statuses=("negated",))(text).events] == ["190"]
    assert [event.code for event in Extractor(tagger, min_score=0.6)(text).events] == ["190", "040"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"statuses": ("denied",)}, "'asserted', 'negated', 'hypothetical'"),
        ({"statuses": "asserted"}, "tuple"),
        ({"min_score": 90}, "from 0 to 1"),
        ({"reciprocal": "both"}, "'joint', 'expand', 'annotated'"),
    ],
    ids=str,
)
def test_option_that_is_not_allowed_is_refused(tagger: RuleTagger, options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Extractor(tagger, **options)  # type: ignore[arg-type]


def dyads(extractor: Extractor, text: str, mode: Reciprocal) -> list[tuple[list[str], list[str]]]:
    return [(texts(event.sources), texts(event.targets)) for event in replace(extractor, reciprocal=mode)(text).events]


def test_joint_subject_has_all_parties_on_both_sides(extractor: Extractor) -> None:
    text = "Iran and Russia signed it."
    assert dyads(extractor, text, "joint") == [(["Iran", "Russia"], ["Iran", "Russia"])]
    assert dyads(extractor, text, "annotated") == [(["Iran", "Russia"], [])]
    assert dyads(extractor, text, "expand") == [(["Iran"], ["Russia"]), (["Russia"], ["Iran"])]


def test_three_parties_expand_to_six_events_with_their_own_ids(extractor: Extractor) -> None:
    events = replace(extractor, reciprocal="expand")("Iran and Russia and China met.").events
    assert len({event.id for event in events}) == 6
    assert all(event.sources != event.targets for event in events)


@pytest.mark.parametrize(
    ("text", "mutual"),
    [
        ("Iran and Iraq clashed.", True),
        ("Iran and Iraq attacked at dawn.", False),
        ("Iran and Iraq praised it.", False),
        ("Iran met Iraq.", False),
        ("Iran met.", False),
    ],
)
def test_only_mutual_acts_are_doubled(extractor: Extractor, text: str, mutual: bool) -> None:
    [(sources, targets)] = dyads(extractor, text, "joint")
    assert (sources == targets) is mutual


def test_reciprocal_codes_are_in_the_ontology() -> None:
    from geoevents import ontology

    assert all(ontology.is_valid(code) for code in RECIPROCAL_CODES)


class UpperCaseNames:
    """A resolver that a test can see the traces of."""

    def resolve(self, document: Document) -> Document:
        return replace(document, events=tuple(map(self.name, document.events)))

    def name(self, event: Event) -> Event:
        named = (Actor(actor.text, actor.start, actor.end, name=actor.text.upper()) for actor in event.sources)
        return replace(event, sources=tuple(named))


def test_resolver_runs_before_the_reciprocal_step(tagger: RuleTagger) -> None:
    event = Extractor(tagger, resolver=UpperCaseNames())("Iran and Russia signed it.").events[0]
    assert [actor.name for actor in event.targets] == ["IRAN", "RUSSIA"]


def test_pipe_keeps_order_and_ids_and_equals_single_calls(extractor: Extractor) -> None:
    records: list[RecordLike] = [NEWS, "", (NEWS, {"id": 7, "date": date(2022, 1, 20)}), Record("Putin met Xi.", "xi")]
    records += [f"Putin met Xi {'again ' * (n % 13)}in Moscow. Iran attacked Iraq." for n in range(300)]
    documents = list(extractor.pipe(iter(records), batch_size=8))
    assert [document.id for document in documents[2:4]] == ["7", "xi"]
    assert documents[2].date == "2022-01-20"
    assert [document.text for document in documents] == [as_record(item).text for item in records]
    assert documents[5] == extractor(documents[5].text)


def test_sentences_of_different_documents_share_full_batches_of_like_length(
    extractor: Extractor, tagger: RuleTagger
) -> None:
    list(extractor.pipe([f"Putin met {'very ' * (n % 30)}Xi." for n in range(400)], batch_size=16))
    assert [len(batch) for batch in tagger.batches] == [16] * 25
    padded = sum(len(batch) * max(map(len, batch)) for batch in tagger.batches)
    assert padded < 1.3 * sum(len(text) for batch in tagger.batches for text in batch)


def test_long_sentences_come_in_smaller_batches(extractor: Extractor, tagger: RuleTagger) -> None:
    list(extractor.pipe(["word " * 20_000], batch_size=32))
    assert max(sum(map(len, batch)) for batch in tagger.batches) <= 32 * 300 + 2000


def test_endless_stream_comes_out_in_constant_memory(extractor: Extractor) -> None:
    texts = (f"Putin met Xi {n}." if n % 3 else "" for n in itertools.count())
    stream = replace(extractor, tagger=RuleTagger(keep=False)).pipe(texts)
    list(itertools.islice(stream, 2000))
    tracemalloc.start()
    try:
        list(itertools.islice(stream, 1000))
        first = tracemalloc.get_traced_memory()[0]
        for _ in itertools.islice(stream, 4000):
            pass
        assert tracemalloc.get_traced_memory()[0] < first + 1_000_000
    finally:
        tracemalloc.stop()


def test_empty_documents_do_not_pile_up(extractor: Extractor) -> None:
    read = 0

    def empty() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield " "

    next(extractor.pipe(itertools.chain(["Putin met Xi."], empty()), batch_size=4))
    assert read < 200


BAD_RECORDS = {
    "None": (None, "the text is missing"),
    "number": (3.5, "type float"),
    "bytes": (b"Putin met Xi.", "type bytes"),
    "unknown key": (("Putin met Xi.", {"lang": "en"}), "unknown key 'lang'"),
    "date of open order": (("Putin met Xi.", {"date": "01/02/2022"}), "'01/02/2022' cannot be read"),
    "impossible date": (("Putin met Xi.", {"date": "2022-02-30"}), "YYYY-MM-DD"),
    "date of another type": (Record("Putin met Xi.", date=20220101), "20220101"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("bad", "says"), BAD_RECORDS.values(), ids=BAD_RECORDS.keys())
def test_bad_record_is_reported_and_skipped(extractor: Extractor, bad: RecordLike, says: str) -> None:
    records: list[RecordLike] = ["Putin met Xi.", bad, "Iran attacked Iraq."]
    with pytest.raises(InputError, match=rf"record 2: .*{says}"):
        list(extractor.pipe(records))
    errors: list[InputError] = []
    documents = list(extractor.pipe(records, on_error=errors.append))
    assert [len(document.events) for document in documents] == [1, 1]
    assert len(errors) == 1


def test_one_string_is_no_stream(extractor: Extractor) -> None:
    with pytest.raises(InputError, match="not one string"):
        list(extractor.pipe("Putin met Xi."))
    with pytest.raises(ValueError, match="positive"):
        extractor.pipe(["Putin met Xi."], batch_size=0)


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2022-01-19", "2022-01-19"),
        ("2022-01-19T23:59:59Z", "2022-01-19"),
        ("2022-01-19 10:00:00+02:00", "2022-01-19"),
        ("20220119", "2022-01-19"),
        ("2022/01/19", "2022-01-19"),
        ("Wed, 19 Jan 2022 10:00:00 GMT", "2022-01-19"),
        (datetime(2022, 1, 19, 23), "2022-01-19"),
        (date(2022, 1, 19), "2022-01-19"),
        ("", None),
        (None, None),
        (float("nan"), None),
    ],
    ids=str,
)
def test_dates_are_read(value: object, day: str | None) -> None:
    assert iso_date(value) == day


UNUSUAL = {
    "empty": "",
    "white space": " \r\n\t\u00a0 ",
    "NUL bytes": "Putin\0 met\0 Xi.\0",
    "Windows line ends": "Putin\r\nmet Xi.\r\n\r\nIran attacked Iraq.",
    "emoji": "🔥🔥 Putin met Xi 🤝 in Moscow 🇷🇺. 👍",
    "right to left": "قال Putin met Xi. ישראל תקפה.",
    "lone surrogate": "Putin \ud800 met Xi.",
    "HTML": "<p>Putin <b>met</b> Xi &amp; Modi in&nbsp;Moscow.</p><br/>Iran attacked <i>Iraq</i>.",
    "50 kB without an end": "Putin met Xi and " * 3000,
    "50 kB without a space": "x" * 50_000,
}


@pytest.mark.parametrize("text", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_unusual_text_keeps_exact_offsets(extractor: Extractor, text: str) -> None:
    document = extractor(text)
    assert_offsets_exact(document)
    assert bool(document.events) is ("met" in text)


@pytest.mark.parametrize("text", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_unusual_text_keeps_exact_offsets_with_the_default_model(default_extractor: Extractor, text: str) -> None:
    assert_offsets_exact(default_extractor(text, date="2022-01-20"))


PIECES = st.text(max_size=5) | st.sampled_from(
    [
        "Putin",
        " met ",
        " attacked ",
        "Xi",
        ". ",
        "\r\n",
        "\n\n",
        "\0",
        "<p>",
        "&quot;",
        "😀",
        "مصر",
        "\u200f",
        "U.S. ",
        "\ud800",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_offsets_are_exact_on_any_text(text: str) -> None:
    document = Extractor(RuleTagger())(text)
    assert document.text == text
    assert_offsets_exact(document)


def test_spans_of_punctuation_alone_are_no_arguments() -> None:
    class Punctuation(RuleTagger):
        def predict(self, texts: Sequence[str]) -> list[tuple[PredictedEvent, ...]]:
            argument = PredictedArgument("source", 0, 1, 0.9)
            return [(PredictedEvent(2, 5, "040", "asserted", 0.9, (argument,)),) for _ in texts]

    assert Extractor(Punctuation())("' met").events[0].sources == ()
    assert texts(Extractor(Punctuation())("X met").events[0].sources) == ["X"]


def test_five_megabytes_stream_through(extractor: Extractor) -> None:
    document = extractor("Putin met Xi in Moscow on Monday, and U.S. officials left. " * 85_000)
    assert len(document.events) == len(document.sentences) == 85_000


def test_extract_takes_one_text_or_several(default_extractor: Extractor) -> None:
    text = "Iranian President Ebrahim Raisi met Vladimir Putin in Moscow on Wednesday."
    events = geoevents.extract(text, date="2022-01-20")
    assert events == list(default_extractor(text, date="2022-01-20").events)
    assert [event.root for event in events] == ["04"]
    assert geoevents.extract([text, ""], date="2022-01-20") == [events, []]
    assert geoevents.extract(text, statuses=("negated",)) == []
    with pytest.raises(InputError, match="type int"):
        geoevents.extract(3)  # type: ignore[call-overload]


def test_repr_is_short(extractor: Extractor) -> None:
    assert repr(extractor) == "<Extractor: <RuleTagger>, unresolved>"
