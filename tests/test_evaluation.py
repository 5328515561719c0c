"""Two hand-made documents with slips of every kind; the right scores were counted by hand."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from geoevents.corpora import read_corpus
from geoevents.errors import InputError, MissingExtraError
from geoevents.evaluation import NO_EVENT, argument_scores, evaluate, seqeval_report
from geoevents.events import Document, Span
from geoevents.markup import parse_record
from geoevents.matching import head_word
from geoevents.scores import Counts

GOLD = (
    "[[Iran|a1=IRNGOV]] and [[Russia|a2=RUS]] [[met|040 s=a1,a2 l=p1 d=d1]] in [[Oslo|p1=NOR]] [[on Monday|d1]] while "
    "[[Turkish police|a3=TURCOP]] [[opened fire|190 s=a3 t=a4 neg]] at [[rebels|a4=SYRREB]] and "
    "[[urged|020 s=a3 t=a1]] calm",
    "[[Iran|a1]] [[hit|190 s=a1]] back",
)
# Russia left out, Oslo in Sweden, Iran without GOV; a trigger and an actor cut short; code and flag of "urged" wrong;
# "calm" spurious; in the second document the root wrong.
PREDICTED = (
    "[[Iran|a1=IRN]] and Russia [[met|040 s=a1 l=p1 d=d1]] in [[Oslo|p1=SWE]] [[on Monday|d1]] while "
    "Turkish [[police|a3=TURCOP]] opened [[fire|190 s=a3 t=a4 neg]] at [[rebels|a4]] and "
    "[[urged|024 s=a3 t=a1 hyp]] [[calm|030]]",
    "[[Iran|a1]] [[hit|180 s=a1]] back",
)
SCORES = ((0.9, 0.6, 0.8, 0.4), (0.2,))


def documents(records: tuple[str, ...]) -> list[Document]:
    return [parse_record(record, document_id=str(number)) for number, record in enumerate(records)]


@pytest.fixture
def gold() -> list[Document]:
    return documents(GOLD)


@pytest.fixture
def predicted() -> list[Document]:
    return [
        replace(
            document,
            events=tuple(replace(event, score=score) for event, score in zip(document.events, scores, strict=True)),
        )
        for document, scores in zip(documents(PREDICTED), SCORES, strict=True)
    ]


def counted(pair) -> tuple[Counts, Counts]:
    return pair.strict.counts, pair.relaxed.counts


def shares(coding) -> tuple[int, int, int, int]:
    return coding.right.right, coding.wrong.right, coding.empty.right, coding.right.total


def test_triggers_roots_and_codes(gold, predicted):
    evaluation = evaluate(gold, predicted)
    assert evaluation.documents == 2
    assert counted(evaluation.triggers) == (Counts(3, 2, 1), Counts(4, 1, 0))
    assert counted(evaluation.trigger_roots) == (Counts(2, 3, 2), Counts(3, 2, 1))
    assert counted(evaluation.trigger_codes) == (Counts(1, 4, 3), Counts(2, 3, 2))
    assert evaluation.trigger_roots.strict.precision.value == pytest.approx(2 / 5)
    assert evaluation.trigger_roots.strict.recall.value == pytest.approx(2 / 4)
    assert evaluation.trigger_roots.strict.f1.value == pytest.approx(4 / 9)


def test_code_and_status_where_span_and_root_are_right(gold, predicted):
    evaluation = evaluate(gold, predicted)
    assert (evaluation.code_accuracy.right, evaluation.code_accuracy.total) == (1, 2)
    assert (evaluation.status_accuracy.right, evaluation.status_accuracy.total) == (1, 2)
    assert evaluation.code_accuracy.rate.value == 0.5


def test_arguments_end_to_end(gold, predicted):
    arguments = evaluate(gold, predicted).arguments
    assert counted(arguments.by_role["source"]) == (Counts(1, 3, 4), Counts(2, 2, 3))
    assert counted(arguments.by_role["target"]) == (Counts(1, 1, 1), Counts(1, 1, 1))
    assert counted(arguments.by_role["place"]) == (Counts(1, 0, 0), Counts(1, 0, 0))
    assert counted(arguments.by_role["time"]) == (Counts(1, 0, 0), Counts(1, 0, 0))
    assert counted(arguments.overall) == (Counts(4, 4, 5), Counts(5, 3, 4))


def test_arguments_given_triggers_do_not_depend_on_the_root(gold, predicted):
    arguments = argument_scores(gold, predicted)
    assert counted(arguments.overall) == (Counts(5, 3, 4), Counts(6, 2, 3))
    assert counted(arguments.by_role["source"]) == (Counts(2, 2, 3), Counts(3, 1, 2))


def test_whole_events(gold, predicted):
    assert counted(evaluate(gold, predicted).events) == (Counts(0, 5, 4), Counts(2, 3, 2))
    assert counted(evaluate(gold, gold).events) == (Counts(4, 0, 0), Counts(4, 0, 0))


def test_event_with_one_actor_too_many_is_not_right():
    gold = documents(("[[Iran|a1]] and Iraq [[left|160 s=a1]]",))
    predicted = documents(("[[Iran|a1]] and [[Iraq|a2]] [[left|160 s=a1,a2]]",))
    assert counted(evaluate(gold, predicted).events) == (Counts(0, 1, 1), Counts(0, 1, 1))


def test_actor_codes_and_places(gold, predicted):
    evaluation = evaluate(gold, predicted)
    assert shares(evaluation.actors.countries) == (1, 0, 1, 2)
    assert shares(evaluation.actors.codes) == (0, 1, 1, 2)
    assert {role: (share.right, share.total) for role, share in evaluation.actors.codes_by_role.items()} == {
        "GOV": (0, 1),
        "REB": (0, 1),
    }
    assert shares(evaluation.places) == (0, 1, 0, 1)


def test_actor_without_a_country_is_not_scored_for_one():
    gold = documents(("[[NATO|a1=IGOWSTNAT]] [[met|040 s=a1]]",))
    evaluation = evaluate(gold, gold)
    assert shares(evaluation.actors.codes) == (1, 0, 0, 1)
    assert evaluation.actors.countries.right.rate.value is None


def test_calibration(gold, predicted):
    calibration = evaluate(gold, predicted).calibration
    assert [(item.score, item.accuracy) for item in calibration.bins] == [
        (0.2, 0),
        (0.4, 0),
        (0.6, 0),
        (0.8, 1),
        (0.9, 1),
    ]
    assert calibration.error == pytest.approx((0.2 + 0.4 + 0.6 + 0.2 + 0.1) / 5)


def test_equal_scores_share_a_bin(gold, predicted):
    level = [replace(item, events=tuple(replace(event, score=0.4) for event in item.events)) for item in predicted]
    calibration = evaluate(gold, level).calibration
    assert [(item.events, item.accuracy) for item in calibration.bins] == [(5, 0.4)]
    assert calibration.error == pytest.approx(0, abs=1e-12)


def test_roots_and_their_confusion(gold, predicted):
    evaluation = evaluate(gold, predicted)
    assert {root: (scores.strict, scores.relaxed) for root, scores in evaluation.roots.items()} == {
        "02": (Counts(1, 0, 0), Counts(1, 0, 0)),
        "03": (Counts(0, 1, 0), Counts(0, 1, 0)),
        "04": (Counts(1, 0, 0), Counts(1, 0, 0)),
        "18": (Counts(0, 1, 0), Counts(0, 1, 0)),
        "19": (Counts(0, 1, 2), Counts(1, 0, 1)),
    }
    assert evaluation.roots["19"].name == "Fight"
    assert evaluation.confusion == {
        "02": {"02": 1},
        "04": {"04": 1},
        "19": {"18": 1, "19": 1},
        NO_EVENT: {"03": 1},
    }


def test_missed_event_in_the_confusion(gold):
    silent = [replace(document, events=()) for document in gold]
    assert evaluate(gold, silent).confusion == {root: {NO_EVENT: n} for root, n in (("02", 1), ("04", 1), ("19", 2))}


def test_seqeval_agrees(gold, predicted):
    pytest.importorskip("seqeval")
    report = seqeval_report(gold, predicted)
    strict = evaluate(gold, predicted).trigger_roots.strict
    assert report["micro avg"]["f1-score"] == pytest.approx(strict.f1.value)
    assert report["19"] == {"precision": 0, "recall": 0, "f1-score": 0, "support": 2}
    assert seqeval_report(gold, gold)["macro avg"]["f1-score"] == 1


def test_seqeval_without_events():
    pytest.importorskip("seqeval")
    nothing = [Document("a", "Nothing.")]
    assert seqeval_report(nothing, nothing) == {}


def test_without_seqeval_the_error_gives_the_command(monkeypatch, gold):
    for name in [name for name in sys.modules if name.startswith("seqeval")] or ["seqeval"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "seqeval.metrics", None)
    with pytest.raises(MissingExtraError, match="pip install"):
        seqeval_report(gold, gold)


def test_nothing_to_score_is_none_and_not_zero():
    nothing = [Document("a", "Nothing happened.")]
    for evaluation in (evaluate([], []), evaluate(nothing, nothing)):
        rows = evaluation.summary_rows()
        assert {(value, low, high, support) for _, value, low, high, support in rows} == {(None, None, None, 0)}


def test_silence_has_no_precision_but_no_recall_either(gold):
    score = evaluate(gold, [replace(document, events=()) for document in gold]).triggers.strict
    assert (score.precision.value, score.recall.value, score.f1.value) == (None, 0.0, 0.0)


def test_counts_add_up():
    total = Counts(1, 2, 3) + Counts(4, 0, 1)
    assert total == Counts(5, 2, 4)
    assert total.to_dict() == {"tp": 5, "fp": 2, "fn": 4, "precision": 5 / 7, "recall": 5 / 9, "f1": 10 / 16}
    assert (Counts().precision, Counts().recall, Counts().f1) == (None, None, None)


def test_interval_of_a_share_is_the_binomials():
    """100 documents with one event each, half of them right: 1.96 standard errors of 0.05 either way."""
    gold = [parse_record("[[hit|190]]", document_id=str(number)) for number in range(100)]
    predicted = [parse_record(f"[[hit|{'190' if n % 2 else '193'}]]", document_id=str(n)) for n in range(100)]
    rate = evaluate(gold, predicted, bootstrap=4000, seed=1).code_accuracy.rate
    assert rate.value == 0.5
    assert rate.low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.015)
    assert rate.high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.015)


def test_intervals_follow_the_seed_and_can_be_left_out(gold, predicted):
    assert evaluate(gold, predicted, seed=3) == evaluate(gold, predicted, seed=3)
    assert evaluate(gold, predicted, bootstrap=0).triggers.strict.f1.low is None


def test_intervals_hold_their_value():
    gold = read_corpus(Path(__file__).parent.parent / "seeds" / "dev.evt")
    predicted = [replace(document, events=document.events[1:]) for document in gold]
    for name, value, low, high, _ in evaluate(gold, predicted, bootstrap=200).summary_rows():
        assert name == "calibration error" or low <= value <= high, name


def test_order_of_the_documents_does_not_matter(gold, predicted):
    assert evaluate(gold, predicted[::-1]) == evaluate(gold, predicted)


def test_documents_must_be_the_same(gold, predicted):
    with pytest.raises(InputError, match="no prediction for document '1';"):
        evaluate(gold, predicted[:1])
    with pytest.raises(InputError, match="no gold document for document '0'"):
        evaluate(gold[1:], predicted)
    with pytest.raises(InputError, match="different texts for document '0'"):
        evaluate(gold, [replace(predicted[0], text="Other."), predicted[1]])
    with pytest.raises(InputError, match="two documents share an id"):
        evaluate(gold, [*predicted, predicted[0]])


def test_evaluation_as_json(gold, predicted):
    evaluation = evaluate(gold, predicted)
    data = json.loads(json.dumps(evaluation.to_dict()))
    assert data == evaluation.to_dict()
    assert data["triggers"]["strict"]["counts"] == {"tp": 3, "fp": 2, "fn": 1}
    assert data["roots"]["19"]["support"] == 2
    assert repr(evaluation) == "<Evaluation of 2 documents: trigger + root F1 0.444>"


def test_summary_rows(gold, predicted):
    rows = {name: (value, support) for name, value, _, _, support in evaluate(gold, predicted).summary_rows()}
    assert rows["trigger, strict, precision"] == (pytest.approx(3 / 5), 4)
    assert rows["whole events, relaxed, f1"] == (pytest.approx(4 / 9), 4)
    assert rows["arguments: source, strict, recall"] == (pytest.approx(1 / 5), 5)
    assert rows["code, given trigger + root"] == (0.5, 2)
    assert rows["calibration error"] == (pytest.approx(0.3), 5)


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("Iranian President Ebrahim Raisi", "Raisi"),
        ("presidents of Iran", "presidents"),
        ("rebels in the east of Congo", "rebels"),
        ("on Monday", "Monday"),
        ("in the capital of Iran", "capital"),
        ("Gaza", "Gaza"),
        ("of", "of"),
        ("", ""),
    ],
)
def test_head_word(text, head):
    word = head_word(Span(text, 10, 10 + len(text)))
    assert word.text == head
    assert text[word.start - 10 : word.end - 10] == head


def test_each_item_has_one_partner():
    gold = documents(("[[cease|0871]] [[fire|190]] now",))
    predicted = documents(("[[cease fire|0871]] now",))
    assert counted(evaluate(gold, predicted).triggers) == (Counts(0, 1, 2), Counts(1, 0, 1))
