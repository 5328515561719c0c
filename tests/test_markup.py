from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoevents import markup
from geoevents.errors import CorpusError
from geoevents.events import Actor, Document, Event, Place, Span, Time

SEEDS = Path(__file__).parent.parent / "seeds"
SEED_FILES = sorted(SEEDS.glob("*.evt"))
RECORD = (
    "[[Iranian President Ebrahim Raisi|a1=IRNGOV]] [[met|040 s=a1 t=a2 l=a3 d=d1]] [[Vladimir Putin|a2]] in "
    "[[Moscow|a3=RUS]] [[on Wednesday|d1]] but did not [[sign|057 s=a1 t=a3 l=p1 neg]] a pact in [[Sochi|p1=RUS]]."
)


def parse(record: str) -> Document:
    return markup.parse_record(record, document_id="file#1")


def test_record_becomes_a_document():
    document = parse(RECORD)
    text = "Iranian President Ebrahim Raisi met Vladimir Putin in Moscow on Wednesday but did not sign a pact in Sochi."
    assert (document.id, document.text) == ("file#1", text)
    assert document.sentences == (Span(text, 0, len(text)),)
    met, sign = document.events
    assert (met.code, met.root, met.name, met.quad_class, met.goldstein, met.plover, met.status, met.score) == (
        "040", "04", "Consult, not specified below", 1, 1.0, "CONSULT", "asserted", 1.0,
    )  # fmt: skip
    assert (met.document, met.sentence, met.trigger) == ("file#1", 0, Span("met", 32, 35))
    assert met.sources == (Actor("Iranian President Ebrahim Raisi", 0, 31, "IRNGOV", "IRN", ("GOV",), confidence=1.0),)
    assert met.targets == (Actor("Vladimir Putin", 36, 50),)
    assert met.times == (Time("on Wednesday", 61, 73),)
    assert sign.status == "negated"
    assert sign.places == (Place("Sochi", 101, 106, country="RUS"),)
    assert met.id != sign.id


def test_actor_linked_as_place_is_a_place_at_the_same_offsets():
    met, sign = parse(RECORD).events
    assert met.places == (Place("Moscow", 54, 60, country="RUS"),)
    assert sign.targets == (Actor("Moscow", 54, 60, "RUS", "RUS", confidence=1.0),)


def test_every_span_is_where_it_says():
    for path in SEED_FILES:
        for document in markup.read_markup(path):
            for event in document.events:
                for span in (event.trigger, *(span for _, span in event.arguments())):
                    assert document.text[span.start : span.end] == span.text


@pytest.mark.parametrize("path", SEED_FILES, ids=lambda path: path.stem)
def test_seed_file_round_trips_byte_for_byte(path, tmp_path):
    documents = markup.read_markup(path)
    copy = tmp_path / path.name
    markup.write_markup(documents, copy, layout=markup.read_layout(path))
    assert copy.read_bytes() == path.read_bytes()
    assert markup.read_markup(copy) == documents


def test_seeds_hold_no_problem_and_no_text_twice():
    assert markup.check_markup(*SEED_FILES) == []


@pytest.mark.parametrize(
    ("record", "canonical"),
    [
        ("[[Iran|a2]] [[met|040 s=a2,a1]] [[Iraq|a1]].", "[[Iran|a1]] [[met|040 s=a1,a2]] [[Iraq|a2]]."),
        ("[[Iran|a1]] [[hit|190 hyp d=d1 s=a1]] [[today|d1]]", "[[Iran|a1]] [[hit|190 s=a1 d=d1 hyp]] [[today|d1]]"),
        ("Talks in [[Oslo|a7=NOR]] [[ended|040  l=a7]].", "Talks in [[Oslo|p1=NOR]] [[ended|040 l=p1]]."),
    ],
)
def test_formatting_makes_a_record_canonical(record, canonical):
    assert markup.format_record(parse(record)) == canonical
    assert markup.format_record(parse(canonical)) == canonical


def test_comments_blank_lines_and_long_records(tmp_path):
    path = tmp_path / "x.evt"
    path.write_text("# one\n\n\nA [[raid|190]]\n  went wrong.\n# two\n\n\n# three\nNo event.\n\n", encoding="utf-8")
    documents = markup.read_markup(path)
    assert [(document.id, document.text) for document in documents] == [
        ("x#1", "A raid went wrong."),
        ("x#2", "No event."),
    ]
    assert markup.format_markup(documents, layout=markup.read_layout(path)) == (
        "# one\n\n\n# two\nA [[raid|190]] went wrong.\n\n\n# three\nNo event.\n\n"
    )


def test_new_file_has_its_comment_and_one_blank_line_between_records():
    documents = [parse("A [[raid|190]]."), parse("No event.")]
    layout = markup.Layout.plain(2, comment="mine")
    assert markup.format_markup(documents, layout=layout) == "# mine\n\nA [[raid|190]].\n\nNo event.\n"
    assert markup.format_markup([]) == ""


def test_layout_of_another_file_is_refused():
    with pytest.raises(ValueError, match="for 2 records, not for 1"):
        markup.format_markup([parse("No event.")], layout=markup.Layout.plain(2))


def test_windows_line_ends_and_byte_order_mark(tmp_path):
    path = tmp_path / "x.evt"
    path.write_bytes(b"\xef\xbb\xbf# one\r\n\r\nA [[raid|190]]\r\nwent wrong.\r\n\r\nNo event.\r\n")
    assert [document.text for document in markup.read_markup(path)] == ["A raid went wrong.", "No event."]


BAD_RECORDS = {
    "nested brackets": ("[[Iran [[met|040]]|a1]]", "unbalanced or nested brackets"),
    "open brackets": ("[[Iran met", "unbalanced or nested brackets"),
    "bar outside": ("Iran | Iraq", "unbalanced or nested brackets"),
    "outer spaces": ("[[met |040]]", "outer spaces"),
    "id twice": ("[[Iran|a1]] [[met|040 s=a1]] [[Iraq|a1]]", "a1 is marked twice"),
    "unknown code": ("[[met|049]]", "unknown code '049' on 'met'"),
    "root code": ("[[met|04]]", "unknown code '04' on 'met'"),
    "empty tag": ("[[met| ]]", "unknown code '' on 'met'"),
    "small letters": ("[[Iran|a1=irn]]", "unknown code 'a1=irn'"),
    "long trigger": ("[[met on the other day|040]]", "longer than 4 words"),
    "unknown link": ("[[met|040 x=a1]] [[Iran|a1]]", "bad link 'x=a1'"),
    "unknown flag": ("[[met|040 not]]", "bad link 'not'"),
    "two flags": ("[[met|040 neg hyp]]", "second flag 'hyp'"),
    "empty link": ("[[met|040 s=]]", "bad link 's='"),
    "repeated link": ("[[Iran|a1]] [[met|040 s=a1 s=a1]]", "repeated link 's=a1'"),
    "repeated id": ("[[Iran|a1]] [[met|040 s=a1,a1]]", "repeated link 's=a1,a1'"),
    "link to nothing": ("[[met|040 s=a1]]", "links to a1, which is not marked"),
    "wrong kind": ("[[Oslo|p1]] [[met|040 s=p1]]", "links s=p1: wrong kind of span"),
    "linked by nothing": ("[[Iran|a1]] [[met|040]]", "a1 ('Iran') is linked by no event"),
    "coded time": ("[[met|040 d=d1]] [[today|d1=RUS]]", "a time carries no code"),
    "place role": ("[[met|040 l=p1]] [[Oslo|p1=NORGOV]]", "a place's code is a country's"),
    "uneven code": ("[[Iran|a1=IRNG]] [[met|040 s=a1]]", "groups of three letters"),
}


@pytest.mark.parametrize(("record", "cause"), BAD_RECORDS.values(), ids=BAD_RECORDS.keys())
def test_problem_names_file_line_and_cause(record, cause, tmp_path):
    path = tmp_path / "bad.evt"
    path.write_text(f"# comment\n\nA fine record.\n\n{record}\n", encoding="utf-8")
    problems = markup.check_markup(path)
    assert {problem.path for problem in problems} == {path}
    assert {problem.line for problem in problems} == {5}
    assert any(cause in problem.cause for problem in problems)
    with pytest.raises(CorpusError, match=r"bad\.evt:5: "):
        markup.read_markup(path)


def test_all_problems_are_collected(tmp_path):
    path = tmp_path / "bad.evt"
    path.write_text("[[met|049]] [[Iran|a1]]\n\nNo event.\n\nNO event.\n", encoding="utf-8")
    problems = markup.check_markup(path)
    assert [problem.line for problem in problems] == [1, 1, 5]
    assert f"the same text stands at {path}:3" in problems[2].cause
    with pytest.raises(CorpusError, match=r"unknown code .*\(and 2 more problems\)"):
        markup.read_markup(path)


def test_text_that_two_files_share_is_found(tmp_path):
    for name in ("train.evt", "dev.evt"):
        (tmp_path / name).write_text("A [[raid|190]].\n", encoding="utf-8")
    (problem,) = markup.check_markup(tmp_path / "train.evt", tmp_path / "dev.evt")
    assert (problem.path, problem.line) == (tmp_path / "dev.evt", 1)


def test_wrong_encoding(tmp_path):
    path = tmp_path / "latin.evt"
    path.write_bytes("No event.\n\nBogotá waits.\n".encode("latin-1"))
    with pytest.raises(CorpusError, match=r"latin\.evt:3: byte 0xe1 is not UTF-8"):
        markup.read_markup(path)


@pytest.mark.parametrize("text", ["", " x", "x\ny", "# x", "a | b", "[[x", "x]]"])
def test_text_that_the_markup_cannot_hold_is_refused(text):
    with pytest.raises(CorpusError, match="'d'"):
        markup.format_record(Document("d", text))


def event_at(document: str, *spans: tuple[int, int], trigger: tuple[int, int]) -> Event:
    (event,) = parse("[[met|040]]").events
    data = event.to_dict() | {
        "trigger": {"text": document[slice(*trigger)], "start": trigger[0], "end": trigger[1]},
        "sources": [{"text": document[slice(*span)], "start": span[0], "end": span[1]} for span in spans],
    }
    return Event.from_dict(data)


@pytest.mark.parametrize(
    "events",
    [
        [((0, 4), (5, 8)), ((2, 4), (9, 13))],
        [((0, 4), (5, 8)), ((0, 4), (5, 8))],
        [((0, 4), (0, 4))],
    ],
    ids=["overlap", "one trigger twice", "trigger as argument"],
)
def test_spans_that_the_markup_cannot_hold_are_refused(events):
    text = "Iran met Iraq"
    document = Document("d", text, events=tuple(event_at(text, span, trigger=trigger) for span, trigger in events))
    with pytest.raises(CorpusError, match="'d'"):
        markup.format_record(document)


WORDS = st.text(st.characters(exclude_characters="[]|#", exclude_categories=("Z", "C")), min_size=1, max_size=6)


@given(
    st.lists(
        st.tuples(WORDS, st.sampled_from(["", "a", "p", "d", "040", "1951 neg", "057 hyp"])), min_size=1, max_size=12
    )
)
def test_round_trip_of_random_records(words):
    counts = dict.fromkeys("apd", 0)
    tags = []
    for _, tag in words:
        if tag in counts:
            counts[tag] += 1
            tag = f"{tag}{counts[tag]}"
        tags.append(tag)
    links = [
        f"{link}=" + ",".join(f"{kind}{number + 1}" for number in range(counts[kind]))
        for link, kind in (("s", "a"), ("l", "p"), ("d", "d"))
        if counts[kind]
    ]
    linked = [" ".join([tag[:4].strip(), *links, *tag.split()[1:]]) if tag[:1].isdigit() else tag for tag in tags]
    if not any(tag[:1].isdigit() for tag in tags):
        linked = [""] * len(tags)
    record = " ".join(f"[[{word}|{tag}]]" if tag else word for (word, _), tag in zip(words, linked, strict=True))
    document = parse(record)
    assert markup.format_record(document) == record
    assert parse(markup.format_record(document)) == document
