from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from geoevents import corpora
from geoevents.errors import CorpusError, MissingExtraError
from geoevents.events import Actor, Document, Place, Span, Time
from geoevents.markup import parse_record

SEEDS = Path(__file__).parent.parent / "seeds"
SEED_FILES = sorted(SEEDS.glob("*.evt"))


def document(document_id: str = "a#1") -> Document:
    return parse_record(
        "[[Iran|a1=IRNGOV]] [[met|040 s=a1 t=a2 l=p1 d=d1]] [[Bogotá|a2]] in [[Oslo|p1=NOR]] [[today|d1]]",
        document_id=document_id,
    )


def full_document() -> Document:
    """A document with every field filled that the markup leaves empty."""
    plain = document("full")
    (event,) = plain.events
    event = replace(
        event,
        score=0.25,
        sources=(Actor("Iran", 0, 4, "IRN", "IRN", (), "Iran", 0.5, resolved_from=Span("Oslo", 19, 23)),),
        places=(Place("Oslo", 19, 23, "NOR", "Oslo", 59.91, 10.75, 3143244),),
        times=(Time("today", 24, 29, "2022-01-19", "day"),),
        date="2022-01-19",
        mentions=(Span("met", 5, 8),),
    )
    return replace(plain, date="2022-01-19", events=(event,))


def surrogate_document() -> Document:
    return Document("odd", "a\u2028b \ud800 \N{PILE OF POO}\x00", sentences=(Span("a", 0, 1),))


def test_json_lines_lose_nothing(tmp_path):
    documents = [*corpora.read_corpus(SEEDS / "seed_article.evt"), full_document(), surrogate_document()]
    path = tmp_path / "x.jsonl"
    corpora.write_corpus(documents, path)
    assert corpora.read_corpus(path) == documents
    assert len(path.read_bytes().splitlines()) == len(documents)


def test_markup_by_suffix(tmp_path):
    path = tmp_path / "a.evt"
    corpora.write_corpus([document()], path)
    assert corpora.read_corpus(str(path)) == [document()]


def test_several_files_in_order(tmp_path):
    corpora.write_corpus([document("b")], tmp_path / "b.jsonl")
    corpora.write_corpus([document()], tmp_path / "a.evt")
    read = corpora.read_corpus([tmp_path / "b.jsonl", tmp_path / "a.evt"])
    assert [item.id for item in read] == ["b", "a#1"]


def test_blank_lines_are_skipped(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("\n" + json.dumps(document().to_dict()) + "\n\n", encoding="utf-8")
    assert corpora.read_corpus(path) == [document()]


def changed(**keys: object) -> bytes:
    return json.dumps(document("x").to_dict() | keys).encode()


def with_event(**keys: object) -> bytes:
    data = document("x").to_dict()
    data["events"][0] |= keys
    return json.dumps(data).encode()


BAD_LINES = {
    "malformed": (b'{"id": "x", ', r"malformed JSON: .* at column \d+"),
    "no object": (b"[1]", "expected a document as a JSON object, found list"),
    "no text": (b'{"id": "x"}', "the key 'text' is missing"),
    "text no string": (changed(text=5), "'text' must be a string, found 5"),
    "events no list": (changed(events=5), "not a document as"),
    "event without code": (with_event(code=None).replace(b'"code": null, "root"', b'"root"'), "not a document as"),
    "status": (with_event(status="maybe"), "unknown status 'maybe'; allowed: asserted, negated, hypothetical"),
    "offset": (with_event(trigger={"text": "met", "start": 6, "end": 9}), "'met' at 6:9 .* has 'et ' there"),
    "negative offset": (with_event(trigger={"text": "y", "start": -1, "end": 0}), "'y' at -1:0 does not fit"),
    "offset no number": (with_event(trigger={"text": "met", "start": "5", "end": 8}), "not a document as"),
    "encoding": ("Bogotá".encode("latin-1"), "byte 0xe1 is not UTF-8"),
    "same id": (changed(id="good"), "'good' occurs in line 1 already"),
}


@pytest.mark.parametrize(("line", "cause"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_bad_line_is_named(line, cause, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(json.dumps(document("good").to_dict()).encode() + b"\n\n" + line + b"\n")
    with pytest.raises(CorpusError, match=rf"x\.jsonl:3: .*{cause}"):
        corpora.read_corpus(path)


def test_check_collects_the_problems_of_all_files(tmp_path):
    (tmp_path / "a.evt").write_text("[[met|049]]\n\nfine\n", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text("{\n[]\n", encoding="utf-8")
    problems = corpora.check_corpus([tmp_path / "a.evt", tmp_path / "b.jsonl"])
    assert [(problem.path.name, problem.line) for problem in problems] == [("a.evt", 1), ("b.jsonl", 1), ("b.jsonl", 2)]


@pytest.mark.parametrize("action", [corpora.read_corpus, lambda paths: _raise_first(corpora.check_corpus(paths))])
def test_two_files_with_one_id(action, tmp_path):
    files = []
    for folder, text in (("one", "A raid."), ("two", "A rally.")):
        (tmp_path / folder).mkdir()
        files.append(tmp_path / folder / "x.evt")
        files[-1].write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"'x#1' occurs in .*one.x\.evt already"):
        action(files)


def _raise_first(problems: list[CorpusError]) -> None:
    raise problems[0]


@pytest.mark.parametrize(
    "action", [corpora.read_corpus, corpora.check_corpus, lambda path: corpora.write_corpus([document()], path)]
)
def test_unknown_format_lists_the_known(action, tmp_path):
    with pytest.raises(CorpusError, match=r"unknown corpus format '\.xml'; allowed: \.evt, \.jsonl"):
        action(tmp_path / "x.xml")


def test_dataset_and_back():
    pytest.importorskip("datasets")
    documents = [*corpora.read_corpus(SEEDS / "seed_article.evt"), full_document()]
    dataset = corpora.to_dataset(documents)
    assert dataset.column_names == ["id", "text", "date", "sentences", "events", "arguments"]
    assert corpora.from_dataset(dataset) == documents


def test_dataset_columns_do_not_depend_on_the_content():
    pytest.importorskip("datasets")
    empty = corpora.to_dataset([Document("a", "Nothing.")])
    assert empty.features == corpora.to_dataset([full_document()]).features
    assert corpora.to_dataset([]).features == empty.features


def test_bad_dataset_row_is_named():
    pytest.importorskip("datasets")
    dataset = corpora.to_dataset([document("a"), document("b")])
    shifted = dataset.map(lambda row: row | {"text": row["text"] if row["id"] == "a" else " " + row["text"]})
    with pytest.raises(CorpusError, match="row 1 is no document"):
        corpora.from_dataset(shifted)
    with pytest.raises(CorpusError, match=r"row 1: .*'a' occurs in row 0"):
        corpora.from_dataset(corpora.to_dataset([document("a"), document("a")]))


def test_without_datasets_the_error_gives_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'geoevents\[train\]'"):
        corpora.to_dataset([document()])


def test_statistics():
    negated = parse_record("They did not [[sign|057 neg]] it", document_id="c")
    counts = corpora.statistics([document("a"), negated, Document("d", "No event here")])
    assert counts.to_dict() == {
        "documents": 3,
        "empty": 1,
        "words": 6 + 5 + 3,
        "events": 2,
        "arguments": {"source": 1, "target": 1, "place": 1, "time": 1},
        "statuses": {"asserted": 1, "negated": 1, "hypothetical": 0},
        "roots": {"04": 1, "05": 1},
        "codes": {"040": 1, "057": 1},
        "unlinked": {},
    }


def test_data_card_is_up_to_date():
    tables = corpora.data_card_tables({path.name: corpora.read_corpus(path) for path in SEED_FILES})
    card = (SEEDS / "README.md").read_text(encoding="utf-8")
    assert tables in card, "the corpus has changed; seeds/README.md says how to make its tables again"
