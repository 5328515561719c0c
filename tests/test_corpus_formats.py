from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from geoevents import corpora
from geoevents.cli import app
from geoevents.errors import CorpusError, MissingExtraError
from geoevents.events import Argument, Document, Event, Span
from geoevents.markup import parse_record
from geoevents.ontology import Label, Ontology

SEEDS = Path(__file__).parents[1] / "seeds"
TEXT = "Iran attacked Iraq in Basra on Monday. Oman condemned it."
OWN = Ontology((Label("Attack", "Armed attack", "Attack", 4, -9.0), Label("Attack.Air", "Air raid", "Attack")))


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path


def events_of(document: Document) -> list[str]:
    """The events as lines such as "190 attacked: source Iran, target Iraq"."""
    return [
        f"{event.code} {event.trigger}: " + ", ".join(f"{role} {span}" for role, span in event.arguments())
        for event in document.events
    ]


def span(text: str, part: str) -> tuple[int, int]:
    return text.index(part), text.index(part) + len(part)


def assert_fits(document: Document) -> None:
    """Every offset of a document is where its text is."""
    spans: list[Span] = [*document.sentences, *document.arguments]
    for event in document.events:
        spans += [event.trigger, *(argument for _, argument in event.arguments())]
        assert document.sentences[event.sentence].overlaps(event.trigger)
    assert all(document.text[item.start : item.end] == item.text for item in spans)


# CoNLL


@pytest.mark.parametrize("separator", [" ", "\t"])
def test_source_and_target_tags_alone_become_arguments(separator, tmp_path):
    rows = ["A O", "Swiss B-S", "court I-S", "rejected O", "Croatia B-T", "", "UN B-R", "said O"]
    path = written(tmp_path / "st.txt", "\n".join(rows).replace(" ", separator))
    first, second = corpora.read_corpus(path)
    assert first == Document(
        "st#1",
        "A Swiss court rejected Croatia",
        sentences=(Span("A Swiss court rejected Croatia", 0, 30),),
        arguments=(Argument("Swiss court", 2, 13, "source"), Argument("Croatia", 23, 30, "target")),
    )
    assert second.arguments == (Argument("UN", 0, 2, "related"),)
    assert corpora.statistics([first, second]).layers == ("arguments",)


def test_triggers_alone_become_events_without_arguments(tmp_path):
    path = written(tmp_path / "x.bio", "Iran O\nhas O\nattacked B-190\nand O\npulled B-08\nout I-08\n")
    (document,) = corpora.read_corpus(path)
    assert events_of(document) == ["190 attacked: ", "08 pulled out: "]
    assert document.events[0].goldstein == -10
    assert corpora.statistics([document]).layers == ("triggers",)


def test_tags_of_one_trigger_are_its_arguments_those_of_two_are_not(tmp_path):
    path = written(tmp_path / "x.conll", "Iran B-S\nhit B-190\nIraq B-T\n\nIran B-S\nhit B-190\nand O\nran B-08\n")
    one, two = corpora.read_corpus(path)
    assert events_of(one) == ["190 hit: source Iran, target Iraq"]
    assert not one.arguments
    assert events_of(two) == ["190 hit: ", "08 ran: "]
    assert two.arguments == (Argument("Iran", 0, 4, "source"),)


@pytest.mark.parametrize("tags", ["B I L U", "B I E S", "B I I B", "I I I B"], ids=["BILUO", "BIOES", "BIO", "IOB1"])
def test_tag_schemes(tags, tmp_path):
    words = zip(["The", "Swiss", "court", "Iran"], tags.split(), strict=True)
    path = written(tmp_path / "x.conll", "".join(f"{word} {prefix}-S\n" for word, prefix in words))
    (document,) = corpora.read_corpus(path)
    assert [item.text for item in document.arguments] == ["The Swiss court", "Iran"]


BAD_CONLL = {
    "no tag": ("Iran O\nhit\n", 2, "found 1 columns, expected the 2 of the rows above"),
    "one column": ("Iran\n", 1, "found 1 columns, expected a word and a tag"),
    "tag": ("Iran O\n\n\nhit O\nit X-S\n", 5, "the tag 'X-S' is neither O nor"),
    "columns": ("hit B-190 O O O\nit O O O O\n", 1, "found 1 triggers and 3 columns of arguments"),
    "text": ("# text = Iran fell\nIran O\nrose O\n", 2, "is not the words 'Iran rose'"),
    "status": ("# negated = 2\nhit B-190\n", 2, "gives trigger 2 a status, but there are 1 triggers"),
    "id": ("# id = a\nIran O\n\n# id = a\nIraq O\n", 5, "the document id 'a' occurs in"),
    "role": ("hit B-190 B-weapon\n", 1, "the role 'weapon' is none of source, target, place, time; map it"),
}


@pytest.mark.parametrize(("text", "line", "cause"), BAD_CONLL.values(), ids=BAD_CONLL.keys())
def test_bad_conll_is_located(text, line, cause, tmp_path):
    path = written(tmp_path / "x.conll", text)
    (problem,) = corpora.check_corpus(path)
    assert (problem.path, problem.line) == (path, line)
    assert cause in str(problem)
    with pytest.raises(CorpusError, match=rf"x\.conll:{line}: "):
        corpora.read_corpus(path)


def without_codes(document: Document) -> Document:
    """A document without the actor codes and countries, which CoNLL has no room for."""

    def bare(event: Event) -> Event:
        actors = {
            side: tuple(
                replace(actor, code=None, country=None, roles=(), confidence=None) for actor in getattr(event, side)
            )
            for side in ("sources", "targets")
        }
        return replace(event, **actors, places=tuple(replace(place, country=None) for place in event.places))

    return replace(document, events=tuple(map(bare, document.events)))


def odd_document() -> Document:
    return Document(
        "odd",
        ' "Iran"\n\nand the US-led force',
        date="2022-01-19",
        sentences=(Span('"Iran"\n\nand the US-led force', 1, 29),),
        arguments=(Argument("Iran", 2, 6, "source"), Argument("US", 17, 19, "target")),
    )


def test_conll_keeps_all_but_codes(tmp_path):
    documents = [*corpora.read_corpus([SEEDS / "dev.evt", SEEDS / "seed_article.evt"]), odd_document()]
    corpora.write_corpus(documents, tmp_path / "x.conll")
    assert corpora.read_corpus(tmp_path / "x.conll") == [without_codes(document) for document in documents]


def test_conll_keeps_arguments_beside_events(tmp_path):
    document = parse_record("[[Iran|a1]] did not [[hit|190 s=a1 neg]] Iraq", document_id="x")
    document = replace(document, arguments=(Argument("Iraq", 17, 21, "target"),))
    corpora.write_corpus([document], tmp_path / "x.conll")
    assert corpora.read_corpus(tmp_path / "x.conll") == [document]


def test_conll_refuses_what_tags_cannot_say(tmp_path):
    document = parse_record("They [[hit|190]] it", document_id="x")
    twice = replace(document, events=document.events * 2)
    with pytest.raises(CorpusError, match="'x' cannot be written with BIO tags: two spans share"):
        corpora.write_corpus([twice], tmp_path / "x.conll")
    assert not (tmp_path / "x.conll").exists()


# brat

ANN = (
    "T1\tActor 0 4\tIran\nT2\tAttack 5 13\tattacked\nT3\tActor 14 18\tIraq\nT4\tPlace 22 27\tBasra\n"
    "T5\tDisapprove 44 53\tcondemned\nE1\tAttack:T2 Source:T1 Target:T3 Place2:T4\nE2\tDisapprove:T5 \n"
    "A1\tNegation E2\nN1\tReference T1 CAMEO:IRNGOV\tIran\n#1\tAnnotatorNotes E1\tsure?\n*\tEquiv T1 T3\n"
)


def test_brat_directory(tmp_path):
    written(tmp_path / "b" / "deep" / "one.txt", TEXT)
    written(tmp_path / "b" / "deep" / "one.ann", ANN)
    written(tmp_path / "b" / "none.txt", "Nothing.")
    written(tmp_path / "b" / "none.ann", "")
    deep, none = corpora.read_corpus(tmp_path / "b")
    assert (deep.id, none.id) == ("deep/one", "none")
    assert events_of(deep) == ["Attack attacked: source Iran, target Iraq, place Basra", "Disapprove condemned: "]
    assert [event.status for event in deep.events] == ["asserted", "negated"]
    assert [event.sentence for event in deep.events] == [0, 1]
    assert deep.events[0].sources[0].code == "IRNGOV"
    assert (deep.events[0].root, deep.events[0].name, deep.events[0].quad_class) == ("Attack", "Attack", None)
    assert_fits(deep)


@pytest.mark.parametrize("name", ["one.ann", "one.txt"])
def test_one_brat_file(name, tmp_path):
    written(tmp_path / "one.txt", TEXT)
    written(tmp_path / "one.ann", ANN)
    (document,) = corpora.read_corpus(tmp_path / name)
    assert len(document.events) == 2


def test_brat_entities_with_relations(tmp_path):
    written(tmp_path / "r.txt", TEXT)
    written(tmp_path / "r.ann", "T1\tAttack 5 13\tattacked\nT2\tPER 0 4\tIran\nR1\tsource Arg1:T1 Arg2:T2\t\n")
    assert events_of(corpora.read_corpus(tmp_path)[0]) == ["Attack attacked: source Iran"]


BAD_ANN = {
    "offset": ("T1\tActor 1 5\tIran\n", 1, "T1 says 'Iran', but the text has 'ran ' at 1:5"),
    "pieces": ("T1\tActor 0 4;14 18\tIran Iraq\n", 1, "a span of several pieces"),
    "span": ("\nT1 Actor 0 4 Iran\n", 2, "malformed span 'T1 Actor 0 4 Iran'"),
    "twice": ("T1\tActor 0 4\tIran\nT1\tActor 0 4\tIran\n", 2, "T1 is defined twice"),
    "trigger": ("E1\tAttack:T9\n", 1, "E1 has the trigger T9, which is not marked"),
    "argument": ("T1\tAttack 5 13\tattacked\nE1\tAttack:T1 Source:T9\n", 2, "names 'T9', which is not marked"),
    "role": (
        "T1\tAttack 5 13\tattacked\nT2\tA 0 4\tIran\nE1\tAttack:T1 Giver:T2\n",
        3,
        "the role 'Giver' is none of source, target, place, time; map it, as in roles={'Giver': 'source'}",
    ),
    "event": (
        "T1\tAttack 5 13\tattacked\nE1\tAttack:T1\nT2\tA 44 53\tcondemned\nE2\tA:T2 Source:E1\n",
        4,
        "joins two triggers",
    ),
    "kind": ("X1\tActor\n", 1, "unknown annotation 'X1"),
    "code": ("T1\tActor 0 4\tIran\nN1\tReference T1 CAMEO:IRNG\tIran\n", 2, "groups of three capital letters"),
}


@pytest.mark.parametrize(("ann", "line", "cause"), BAD_ANN.values(), ids=BAD_ANN.keys())
def test_bad_brat_is_located(ann, line, cause, tmp_path):
    written(tmp_path / "b.txt", TEXT)
    path = written(tmp_path / "b.ann", ann)
    problem = corpora.check_corpus(tmp_path)[0]
    assert (problem.path, problem.line) == (path, line)
    assert cause in str(problem)


def test_brat_without_its_text(tmp_path):
    written(tmp_path / "b.ann", "")
    with pytest.raises(CorpusError, match=r"b\.txt: brat keeps b\.ann beside b\.txt; one is missing"):
        corpora.read_corpus(tmp_path)


def test_brat_keeps_events_codes_and_loose_arguments(tmp_path):
    documents = corpora.read_corpus([SEEDS / "dev.evt", SEEDS / "seed_article.evt"])
    documents.append(replace(odd_document(), date=None))
    corpora.write_corpus(documents, tmp_path / "brat")
    read = {document.id: document for document in corpora.read_corpus(tmp_path / "brat")}
    for document in documents:
        again = read[document.id]
        assert (again.text, again.arguments) == (document.text, document.arguments)
        assert [replace(event, sentence=0) for event in again.events] == list(document.events)


def test_brat_needs_ids_that_are_file_names(tmp_path):
    with pytest.raises(CorpusError, match=r"'\.\./x' is no file name"):
        corpora.write_corpus([Document("../x", "Text.")], tmp_path / "brat")


# spaCy

SPACY = {
    "simple": [TEXT, {"entities": [[0, 4, "source"], [5, 13, "Attack"], [44, 53, "111"]]}],
    "to_json": {
        "text": TEXT,
        "ents": [{"start": 5, "end": 13, "label": "Attack"}],
        "spans": {"sc": [{"start": 0, "end": 4, "label": "source"}, {"start": 44, "end": 53, "label": "111"}]},
        "sents": [{"start": 0, "end": 38}, {"start": 39, "end": 57}],
    },
    "version 2": {
        "id": 0,
        "paragraphs": [
            {
                "raw": TEXT,
                "sentences": [
                    {
                        "tokens": [
                            {"orth": "Iran", "ner": "U-source"},
                            {"orth": "attacked", "ner": "U-Attack"},
                            *({"orth": word, "ner": "O"} for word in ["Iraq", "in", "Basra", "on", "Monday", "."]),
                        ]
                    },
                    {
                        "tokens": [
                            {"orth": "Oman"},
                            {"orth": "condemned", "ner": "U-111"},
                            {"orth": "it", "ner": "-"},
                            {"orth": ".", "ner": "O"},
                        ]
                    },
                ],
            }
        ],
    },
}


@pytest.mark.parametrize("shape", SPACY.values(), ids=SPACY.keys())
@pytest.mark.parametrize("indent", [None, 2])
def test_spacy_json(shape, indent, tmp_path):
    path = written(tmp_path / "train.json", json.dumps([shape], indent=indent))
    (document,) = corpora.read_corpus(path)
    assert document.id == "train#1"
    assert events_of(document) == ["Attack attacked: source Iran", "111 condemned: "]
    assert [event.sentence for event in document.events] == [0, 1]
    assert_fits(document)


def test_bad_spacy_records_are_located(tmp_path):
    good = json.dumps(SPACY["simple"])
    items = [
        good,
        '["x", {"entities": [[0, 9, "A"]]}]',
        '{"text": 5, "ents": []}',
        '["x", {"entities": [["0", 1, "A"]]}]',
        "7",
    ]
    path = written(tmp_path / "t.json", "[\n" + ",\n".join(items) + "\n]")
    problems = corpora.check_corpus(path)
    assert [problem.line for problem in problems] == [3, 4, 5, 6]
    assert "the span 0:9 lies outside of the text of 1 characters" in str(problems[0])
    assert "expected a string, found 5" in str(problems[1])
    path = written(tmp_path / "u.json", f"[\n{good}\n{good}]")
    assert [problem.line for problem in corpora.check_corpus(path)] == [3]


def test_doc_bin(tmp_path):
    spacy = pytest.importorskip("spacy")
    doc = spacy.blank("en")(TEXT)
    doc.ents = [doc.char_span(0, 4, label="source"), doc.char_span(5, 13, label="Attack")]
    spacy.tokens.DocBin(docs=[doc]).to_disk(tmp_path / "x.spacy")
    (document,) = corpora.read_corpus(tmp_path / "x.spacy")
    assert events_of(document) == ["Attack attacked: source Iran"]
    (tmp_path / "y.spacy").write_bytes(b"no")
    with pytest.raises(CorpusError, match=r"y\.spacy: spaCy cannot read the DocBin"):
        corpora.read_corpus(tmp_path / "y.spacy")


def test_doc_bin_without_spacy_gives_the_command(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "spacy.tokens", None)
    (tmp_path / "x.spacy").write_bytes(b"")
    with pytest.raises(MissingExtraError, match=r"pip install 'geoevents\[spacy\]'"):
        corpora.read_corpus(tmp_path / "x.spacy")


# label-studio and doccano


def region(key: str, part: str, label: str, text: str = TEXT) -> dict[str, object]:
    start, end = span(text, part)
    return {"id": key, "type": "labels", "value": {"start": start, "end": end, "text": part, "labels": [label]}}


def task(result: list[dict[str, object]], text: str = TEXT, **keys: object) -> dict[str, object]:
    return {"id": 7, "data": {"text": text}, "annotations": [{"result": result}]} | keys


def relation(head: str, tail: str, *labels: str) -> dict[str, object]:
    return {"type": "relation", "from_id": head, "to_id": tail, "direction": "right", "labels": list(labels)}


def test_label_studio(tmp_path):
    result = [
        region("a", "Iran", "Actor"),
        region("b", "attacked", "Attack"),
        region("c", "Iraq ", "target"),
        region("d", "condemned", "111"),
        relation("b", "a", "source"),
        relation("c", "b"),
        {"id": "d", "type": "choices", "value": {"start": 44, "end": 53, "choices": ["negated"]}},
    ]
    path = written(tmp_path / "project.json", json.dumps([task(result)], indent=1))
    (document,) = corpora.read_corpus(path)
    assert document.id == "project#7"
    assert events_of(document) == ["Attack attacked: source Iran, target Iraq", "111 condemned: "]
    assert [event.status for event in document.events] == ["asserted", "negated"]
    assert_fits(document)


def test_label_studio_counts_utf_16_units(tmp_path):
    text = "\N{PILE OF POO} Iran attacked"
    item = region("b", "attacked", "190", text)
    item["value"] |= {"start": 8, "end": 16}  # type: ignore[operator]
    path = written(tmp_path / "p.json", json.dumps([task([item], text)]))
    assert events_of(corpora.read_corpus(path)[0]) == ["190 attacked: "]


def test_label_studio_takes_the_ground_truth(tmp_path):
    annotations = [
        {"result": [region("a", "Iran", "source")], "was_cancelled": True},
        {"result": [region("a", "Oman", "source")]},
        {"result": [region("a", "Iraq", "source")], "ground_truth": True},
    ]
    path = written(tmp_path / "p.json", json.dumps([task([], annotations=annotations)]))
    assert [item.text for item in corpora.read_corpus(path)[0].arguments] == ["Iraq"]


def test_label_studio_minimal_export(tmp_path):
    item = {"id": 1, "text": TEXT, "label": [{"start": 5, "end": 13, "text": "attacked", "labels": ["190"]}]}
    path = written(tmp_path / "p.json", json.dumps([item]))
    assert events_of(corpora.read_corpus(path)[0]) == ["190 attacked: "]


def test_bad_label_studio_tasks_are_located(tmp_path):
    wrong = region("a", "Iran", "source")
    wrong["value"] |= {"start": 2}  # type: ignore[operator]
    tasks = [task([]), task([wrong], id=8), {"id": 9, "annotations": [], "data": {}}, task([relation("x", "y")], id=10)]
    path = written(tmp_path / "p.json", "[\n" + ",\n".join(map(json.dumps, tasks)) + "]\n")
    problems = corpora.check_corpus(path)
    assert [problem.line for problem in problems] == [3, 4, 5]
    assert "says 'Iran', but the text has 'an'" in str(problems[0])
    assert "names 'x', which is not marked" in str(problems[2])


def test_doccano_spans_and_relations(tmp_path):
    lines = [
        {"id": 1, "text": TEXT, "label": [[5, 13, "190"], [0, 4, "S"]]},
        {
            "id": 2,
            "text": TEXT,
            "entities": [
                {"id": 10, "label": "190", "start_offset": 5, "end_offset": 13},
                {"id": 11, "label": "ORG", "start_offset": 0, "end_offset": 4},
                {"id": 12, "label": "place", "start_offset": 22, "end_offset": 27},
            ],
            "relations": [{"id": 1, "from_id": 10, "to_id": 11, "type": "source"}],
            "Comments": [],
        },
    ]
    path = written(tmp_path / "all.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    spans, relations = corpora.read_corpus(path)
    assert events_of(spans) == ["190 attacked: source Iran"]
    assert events_of(relations) == ["190 attacked: source Iran"]
    assert relations.arguments == (Argument("Basra", 22, 27, "place"),)


def test_bad_doccano_lines_do_not_hide_others(tmp_path):
    good = json.dumps({"text": TEXT, "label": []})
    path = written(tmp_path / "x.jsonl", f'{good}\n{{"text": \n{good}\n{{"text": "x", "label": [[0, 1]]}}\n[]\n')
    assert [problem.line for problem in corpora.check_corpus(path)] == [2, 4, 5]


def variants(value: object) -> Iterator[object]:
    """A JSON value with each of its parts in turn left out or replaced by parts of other types."""
    yield from (None, 5, "x", [], {}, [5], {"x": 5}, -3, [None], 1e9)
    if isinstance(value, dict):
        for key, part in value.items():
            yield {other: value[other] for other in value if other != key}
            yield from (value | {key: variant} for variant in variants(part))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from ([*value[:i], variant, *value[i + 1 :]] for variant in variants(part))


WHOLE_RECORDS = {
    "spacy simple": ("spacy", SPACY["simple"]),
    "spacy to_json": ("spacy", SPACY["to_json"]),
    "spacy version 2": ("spacy", SPACY["version 2"]),
    "label-studio": (
        "label-studio",
        task([region("a", "Iran", "S"), region("b", "attacked", "190"), relation("b", "a")]),
    ),
    "doccano": (
        "doccano",
        {
            "id": 2,
            "text": TEXT,
            "label": [[5, 13, "190"]],
            "entities": [{"id": 10, "label": "S", "start_offset": 0, "end_offset": 4}],
            "relations": [{"from_id": 10, "to_id": "T0", "type": "source"}],
        },
    ),
}


@pytest.mark.parametrize(("format", "record"), WHOLE_RECORDS.values(), ids=WHOLE_RECORDS.keys())
def test_malformed_records_are_errors_with_a_line(format, record, tmp_path):
    path = tmp_path / "x.json"
    assert not corpora.check_corpus(written(path, f"[\n{json.dumps(record)}]"), format=format)
    found = 0
    for variant in variants(record):
        problems = corpora.check_corpus(written(path, f"[\n{json.dumps(variant)}]"), format=format)
        assert {problem.line for problem in problems} <= {2}
        found += bool(problems)
    assert found > 10


# Labels


def test_own_labels_survive_json_lines(tmp_path):
    path = written(tmp_path / "x.conll", "Iran B-S\nhit B-Attack.Air\nIraq B-T\n")
    documents = corpora.read_corpus(path)
    corpora.write_corpus(documents, tmp_path / "x.jsonl")
    assert corpora.read_corpus(tmp_path / "x.jsonl") == documents
    assert documents[0].events[0].goldstein is None
    (described,) = corpora.read_corpus(tmp_path / "x.jsonl", ontology=OWN)[0].events
    assert (described.code, described.root, described.name) == ("Attack.Air", "Attack", "Air raid")


def test_ontology_bounds_the_labels(tmp_path):
    path = written(tmp_path / "x.conll", "Iran B-S\nhit B-Attack\n\nIraq O\nfell B-Fall\n")
    with pytest.raises(CorpusError, match=r"x\.conll:5: 'Fall' is not in the ontology; allowed: Attack, Attack\.Air"):
        corpora.read_corpus(path, ontology=OWN)
    read = corpora.read_corpus(path, ontology=OWN, roles={"Fall": ""})
    assert [len(document.events) for document in read] == [1, 0]
    assert read[0].events[0].quad_class == 4


def test_ontology_in_markup(tmp_path):
    path = written(tmp_path / "x.evt", "[[Iran|a1]] [[hit|Attack.Air s=a1]] it\n")
    documents = corpora.read_corpus(path, ontology=OWN)
    assert documents[0].events[0].root == "Attack"
    corpora.write_corpus(documents, tmp_path / "y.evt", ontology=OWN)
    assert (tmp_path / "y.evt").read_text() == path.read_text()
    for action in (corpora.read_corpus, lambda path: corpora.write_corpus(documents, path)):
        with pytest.raises(CorpusError, match=r"unknown code 'Attack\.Air'"):
            action(path)


def test_markup_refuses_loose_arguments(tmp_path):
    loose = Document("x", "Iran met.", arguments=(Argument("Iran", 0, 4, "source"),))
    with pytest.raises(CorpusError, match="'Iran' belongs to no event"):
        corpora.write_corpus([loose], tmp_path / "x.evt")


def test_ontology_table(tmp_path):
    path = tmp_path / "types.tsv"
    OWN.write(path)
    assert Ontology.read(path) == OWN
    assert Ontology.read(written(path, "code\nA\nB\n")).lookup("B") == Label("B", "B", "B")
    events = corpora.read_corpus(SEEDS / "seed_article.evt")[0].events
    assert [label.code for label in Ontology.of(events).labels] == sorted({event.code for event in events})


BAD_TABLES = {
    "header": ("name\nA\n", 1, "must name the columns: code"),
    "columns": ("code\tname\nA\n", 2, "expected 2 columns, found 1"),
    "space": ("code\nA B\n", 2, "'A B' must be a word without spaces"),
    "root": ("code\troot\nRaid\tAttack\n", 2, "the root 'Attack' must be 'Raid' or its beginning"),
    "quad": ("code\tquad_class\nA\t5\n", 2, "'5' must be 1, 2, 3, 4 or empty"),
    "goldstein": ("code\tgoldstein\nA\t11\n", 2, "must lie between -10 and 10"),
    "twice": ("code\nA\n\nA\n", 4, "the code 'A' occurs twice"),
    "empty": ("code\n", None, "the ontology is empty"),
}


@pytest.mark.parametrize(("text", "line", "cause"), BAD_TABLES.values(), ids=BAD_TABLES.keys())
def test_bad_ontology_is_located(text, line, cause, tmp_path):
    with pytest.raises(CorpusError) as caught:
        Ontology.read(written(tmp_path / "t.tsv", text))
    assert caught.value.line == line
    assert cause in str(caught.value)


def test_loose_arguments_in_datasets():
    pytest.importorskip("datasets")
    documents = [odd_document(), Document("empty", "Text.")]
    assert corpora.from_dataset(corpora.to_dataset(documents)) == documents


# Formats


def test_explicit_format(tmp_path):
    path = written(tmp_path / "corpus.dat", "Iran B-S\n")
    assert len(corpora.read_corpus(path, format="conll")[0].arguments) == 1
    with pytest.raises(CorpusError, match="unknown corpus format 'word'; allowed: evt, jsonl, conll, brat, spacy"):
        corpora.read_corpus(path, format="word")
    with pytest.raises(CorpusError, match="doccano can be read but not written; allowed: evt, jsonl, conll, brat"):
        corpora.write_corpus([], tmp_path / "x", format="doccano")


@pytest.mark.parametrize("name", ["x.conll", "x.json", "x.jsonl", "x.ann", "x.evt"])
def test_bytes_that_are_not_utf_8(name, tmp_path):
    written(tmp_path / "x.txt", "text")
    (tmp_path / name).write_bytes("Bogotá O\n".encode("latin-1"))
    (problem,) = corpora.check_corpus(tmp_path / name)
    assert (problem.line, "not UTF-8" in str(problem)) == (1, True)


# Command line


def test_convert_and_check(tmp_path):
    runner = CliRunner()
    written(tmp_path / "b" / "one.txt", TEXT)
    written(tmp_path / "b" / "one.ann", ANN.replace("Source:", "Giver:"))
    result = runner.invoke(app, ["convert", f"{tmp_path}/b", f"{tmp_path}/x.jsonl", "--role", "Giver=source"])
    assert (result.exit_code, result.stderr) == (0, f"geoevents: {tmp_path}/x.jsonl: 1 documents, 2 events\n")
    result = runner.invoke(app, ["check", f"{tmp_path}/x.jsonl", "--json"])
    found = json.loads(result.stdout)
    assert (result.exit_code, found["problems"], found["statistics"]["codes"]) == (
        0,
        [],
        {"Attack": 1, "Disapprove": 1},
    )
    assert found["statistics"]["layers"] == ["triggers", "links"]


def test_check_prints_every_problem_and_the_rest(tmp_path):
    path = written(tmp_path / "x.evt", "[[Iran|a1]] fell\n\nThey [[met|040]]\n\nThey [[met|049]] again\n")
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{path}:1: a1 ('Iran') is linked by no event")
    assert lines[1].startswith(f"{path}:5: unknown code '049'")
    assert lines[2].split() == ["documents", "1"]
    assert "040                       1       Consult, not specified below" in lines


def test_wrong_role_and_unknown_file(tmp_path):
    result = CliRunner().invoke(app, ["check", "x.evt", "--role", "Giver=donor"])
    assert (result.exit_code, "'Giver=donor' is not LABEL=ROLE" in result.stderr) == (2, True)
    command = [sys.executable, "-m", "geoevents", "convert", f"{tmp_path}/none.evt", f"{tmp_path}/x.jsonl"]
    environment = os.environ | {"PYTHONPATH": str(SEEDS.parent)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"geoevents: {tmp_path}/none.evt: No such file or directory\n"
