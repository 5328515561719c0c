"""The benchmarks that fine-tune: their folds, tags and marks."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

pytest.importorskip("torch")

import cameo_st
import plv
import plv_tuned
from report import cross_validated

from geoevents.corpora import read_corpus
from geoevents.markup import parse_record

SENTENCES = """A O
Kenyan B-S
court I-S
rejected O
Peru B-T
's I-T
Cuba B-T
claim O
"""


def pair(marked: str, root: str = "SUPPORT") -> plv.MarkedPair:
    text, sources, targets = plv._unmark(marked)
    return plv.MarkedPair(text, sources, targets, root, plv.QUAD_CLASSES[root])


@pytest.mark.parametrize("folds", [2, 5])
def test_every_item_is_answered_by_what_has_not_learned_it(folds: int) -> None:
    seen = []

    def answer(learning: list[int], asked: list[int]) -> list[tuple[int, bool]]:
        seen.append((set(learning), set(asked)))
        return [(item, item in learning) for item in asked]

    items = list(range(100, 123))
    assert cross_validated(items, answer, folds=folds, seed=1) == [(item, False) for item in items]
    assert len(seen) == folds
    assert all(learning | asked == set(items) for learning, asked in seen)
    assert cross_validated(items, lambda _, asked: asked, folds=folds, seed=2) == items


def test_tags_of_cameo_st_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text(SENTENCES, encoding="utf-8")
    (document,) = read_corpus(path, format="conll", roles=cameo_st.ROLES)
    names = {f"{tag}-{role}": f"{tag}-{name}" for tag in "BI" for role, name in cameo_st.ROLES.items()}
    assert cameo_st.tags(document) == [names.get(line.split()[1], "O") for line in SENTENCES.splitlines()]
    assert cameo_st.entity_counts(cameo_st.tags(document), ["O"] * 8) == (0, 3, 0)
    scores = cameo_st.scored([document], [document], Namespace(seed=0, bootstrap=10))
    assert scores["micro_f1"] == scores["macro_f1"] == scores["low"] == 1.0


def test_marked_words_and_their_pieces_are_of_one_side() -> None:
    _, encoder = plv_tuned.new_classifier("default")
    example = plv_tuned.marked_pair(pair("<s>Tajikistan</s> thanked the <t>Uzbekistanis</t>."), encoder)
    assert example.sides.tolist() == [plv_tuned.SOURCE, plv_tuned.NO_SIDE, plv_tuned.NO_SIDE, plv_tuned.TARGET, 0]
    pieces = plv_tuned.piece_sides(example)
    first, last = example.window.word_positions[3:5]
    assert (pieces[first:last] == plv_tuned.TARGET).all() and last - first > 1
    assert set(pieces[last:]) == {plv_tuned.NO_SIDE}
    assert example.label == plv_tuned.TYPES.index("SUPPORT")


def test_events_of_the_seeds_teach_their_plover_types() -> None:
    _, encoder = plv_tuned.new_classifier("default")
    document = parse_record(
        "[[Iran|a1]] [[thanked|051 s=a1 t=a2]] [[Iraq|a2]] and [[said|010 s=a1]] it [[would attack|138 s=a1]]",
        document_id="x",
    )
    (example,) = plv_tuned.seed_pairs(document, encoder)
    assert plv_tuned.TYPES[example.label] == "SUPPORT"
    assert example.sides.tolist()[:3] == [plv_tuned.SOURCE, plv_tuned.NO_SIDE, plv_tuned.TARGET]


@pytest.mark.slow
def test_classifier_learns_and_answers_by_folds() -> None:
    marked = ["<s>Iran</s> thanked <t>Iraq</t>.", "<s>Iran</s> bombed <t>Iraq</t>."]
    pairs = [pair(text, root) for text, root in zip(marked * 6, ["SUPPORT", "ASSAULT"] * 6, strict=True)]
    classifier, _ = plv_tuned.new_classifier("default")
    options = Namespace(model="default", epochs=12, mixed_precision=False)
    made = plv_tuned.tuned_answers(classifier.state_dict(), pairs, pairs[:4], 0, options)
    assert [answer.root for answer in made] == [item.root for item in pairs[:4]]
