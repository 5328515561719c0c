from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_encoder import seed_documents, word_piece_tokenizer

from geoevents.decoding import Decoder, TaggedSpans, best_paths, log_softmax, logit, tagged_spans
from geoevents.encoding import IntArray, LabelScheme, TextEncoder, TriggerLabels, Window, label_window
from geoevents.events import STATUSES, Document
from geoevents.ontology import codes
from geoevents.prediction import PredictedEvent

SCHEME = LabelScheme(
    roots=("03", "04"),
    codes=("031", "036", "040", "042"),
    statuses=STATUSES,
    role_groups=(("source", "target"), ("place",), ("time",)),
)
CAMEO = [code.code for code in codes() if len(code.code) > 2]
CAMEO_SCHEME = replace(SCHEME, roots=tuple(sorted({code[:2] for code in CAMEO})), codes=tuple(CAMEO))
STRONG = 20.0


def window(words: int, *, core: tuple[int, int] | None = None) -> Window:
    """A window of words of four characters with a space between them, each a piece."""
    starts = np.arange(words) * 5
    tokens = np.zeros(words + 2, dtype=np.int64)
    return Window(tokens, tokens, np.arange(words) + 1, starts, starts + 4, core or (0, words))


def one_hot(tags: IntArray | list[int], size: int) -> np.ndarray:
    """Logits that all but say the tags."""
    return STRONG * np.eye(size, dtype=np.float32)[np.asarray(tags)]


def is_valid(path: tuple[int, ...]) -> bool:
    return all(tag % 2 or not tag or before in (tag, tag - 1) for before, tag in zip((0, *path), path, strict=False))


def best_score(log_probabilities: np.ndarray, mask: np.ndarray) -> float:
    """The log probability of the best valid path that has O where the mask is false, by trying all."""
    words, tags = log_probabilities.shape
    paths = (
        path
        for path in product(range(tags), repeat=words)
        if is_valid(path) and not any(tag for tag, free in zip(path, mask, strict=True) if not free)
    )
    return max(log_probabilities[np.arange(words)[mask], np.array(path)[mask]].sum() for path in paths)


def tags_of(spans: TaggedSpans, rows: int, words: int) -> IntArray:
    """The BIO tags that the spans stand for."""
    tags = np.zeros((rows, words), dtype=np.int64)
    for row, first, last, label in zip(spans.rows, spans.firsts, spans.lasts, spans.labels, strict=True):
        assert not tags[row, first : last + 1].any(), "spans overlap"
        tags[row, first : last + 1] = 2 + 2 * label
        tags[row, first] = 1 + 2 * label
    return tags


@st.composite
def tag_scores(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Log probabilities (rows, words, tags), ties among them, and a mask (rows, words)."""
    rows, words, labels = draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.integers(1, 2))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    logits = generator.normal(size=(rows, words, 1 + 2 * labels)) * draw(st.sampled_from([0.1, 1.0, 5.0]))
    if draw(st.booleans()):
        logits = logits.round()
    return log_softmax(logits), generator.random((rows, words)) < draw(st.sampled_from([0.6, 1.0]))


@given(tag_scores())
@settings(max_examples=60, deadline=None)
def test_spans_are_those_of_the_best_valid_path(scores: tuple[np.ndarray, np.ndarray]) -> None:
    log_probabilities, mask = scores
    rows, words, _ = log_probabilities.shape
    spans = tagged_spans(log_probabilities, mask)
    tags = tags_of(spans, rows, words)
    assert not tags[~mask].any()
    chosen = np.take_along_axis(log_probabilities, tags[..., None], -1)[..., 0]
    for row in range(rows):
        assert chosen[row][mask[row]].sum() == pytest.approx(best_score(log_probabilities[row], mask[row]))
    for row, first, last, score in zip(spans.rows, spans.firsts, spans.lasts, spans.scores, strict=True):
        assert score == pytest.approx(np.exp(chosen[row, first : last + 1].mean()))
        assert 0 <= score <= 1


@given(tag_scores())
@settings(max_examples=60, deadline=None)
def test_spans_come_in_the_order_of_the_text(scores: tuple[np.ndarray, np.ndarray]) -> None:
    spans = tagged_spans(*scores)
    order = list(zip(spans.rows, spans.firsts, spans.lasts, strict=True))
    assert order == sorted(order)
    assert (spans.firsts <= spans.lasts).all()


@given(tag_scores())
@settings(max_examples=60, deadline=None)
def test_search_gives_a_valid_path_for_every_row(scores: tuple[np.ndarray, np.ndarray]) -> None:
    paths = best_paths(*scores)
    assert all(is_valid(tuple(path)) for path in paths.tolist())
    assert not paths[~scores[1]].any()


def test_inside_without_begin_becomes_a_span_only_where_it_pays() -> None:
    # O, B, I; the best tags of all words are I, which no path may begin with.
    begin_is_close = np.log([[[0.1, 0.4, 0.5], [0.1, 0.1, 0.8]]])
    begin_is_far = np.log([[[0.85, 0.05, 0.1], [0.45, 0.05, 0.5]]])
    mask = np.ones((1, 2), dtype=bool)
    spans = tagged_spans(begin_is_close, mask)
    assert (spans.firsts.tolist(), spans.lasts.tolist()) == ([0], [1])
    assert spans.scores.tolist() == pytest.approx([np.sqrt(0.4 * 0.8)])
    assert len(tagged_spans(begin_is_far, mask)) == 0


def test_begin_behind_begin_starts_a_new_span() -> None:
    spans = tagged_spans(log_softmax(one_hot([[1, 1, 2, 3]], 5)), np.ones((1, 4), dtype=bool))
    assert list(zip(spans.firsts, spans.lasts, spans.labels, strict=True)) == [(0, 0, 0), (1, 2, 0), (3, 3, 1)]


def test_masked_word_splits_a_span() -> None:
    mask = np.array([[True, False, True]])
    spans = tagged_spans(log_softmax(one_hot([[1, 2, 2]], 3)), mask)
    assert (spans.lasts < 1).all()


def test_score_of_a_span_does_not_depend_on_what_stands_before_it() -> None:
    generator = np.random.default_rng(5)
    noise = log_softmax(generator.normal(size=(1, 300, 3)).astype(np.float32))
    span = np.log(np.array([[[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.98, 0.01, 0.01]]], dtype=np.float32))
    mask = np.ones((1, 303), dtype=bool)
    mask[0, :300] = False
    spans = tagged_spans(np.concatenate([noise, span], axis=1), mask)
    assert spans.firsts.tolist() == [300]
    assert spans.scores[0] == pytest.approx(0.8, abs=1e-4)


def test_triggers_outside_the_core_are_dropped() -> None:
    logits = one_hot([[1, 2, 0, 3, 3, 1]], SCHEME.trigger_tags)
    mask = np.ones((1, 6), dtype=bool)
    triggers = Decoder(SCHEME).triggers(logits, mask, [window(6, core=(1, 5))])
    assert triggers.firsts.tolist() == [3, 4]
    assert len(Decoder(SCHEME).triggers(logits, mask, [window(6)])) == 4


def test_trigger_that_begins_in_the_core_is_kept_whole() -> None:
    logits = one_hot([[0, 1, 2, 2]], SCHEME.trigger_tags)
    triggers = Decoder(SCHEME).triggers(logits, np.ones((1, 4), dtype=bool), [window(4, core=(0, 2))])
    assert (triggers.firsts.tolist(), triggers.lasts.tolist()) == ([1], [3])


def test_lower_outside_bias_finds_more_triggers() -> None:
    logits = np.random.default_rng(7).normal(size=(4, 30, SCHEME.trigger_tags))
    before = logits.copy()
    mask = np.ones((4, 30), dtype=bool)
    windows = [window(30)] * 4
    found = [
        (tags_of(Decoder(SCHEME, outside_bias=bias).triggers(logits, mask, windows), 4, 30) > 0).sum()
        for bias in (-50, -1, 0, 1, 50)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] == 120
    assert found[-1] == 0
    assert (logits == before).all()


def events_of(
    decoder: Decoder,
    trigger_tags: list[list[int]],
    *,
    code_logits: np.ndarray | None = None,
    role_tags: list[list[list[int]]] | None = None,
    words: int = 4,
) -> list[list[PredictedEvent]]:
    """The events of windows whose trigger tags are given, and of whose triggers role tags by group are given."""
    windows = [window(words) for _ in trigger_tags]
    mask = np.ones((len(windows), words), dtype=bool)
    triggers = decoder.triggers(one_hot(trigger_tags, decoder.scheme.trigger_tags), mask, windows)
    roles = role_tags or [[[0] * words] * 3] * len(triggers)
    logits = [one_hot([groups[i] for groups in roles], size) for i, size in enumerate(decoder.scheme.role_tags)]
    return decoder.events(
        triggers,
        np.zeros((len(triggers), len(decoder.scheme.codes))) if code_logits is None else code_logits,
        np.zeros((len(triggers), len(STATUSES))),
        np.concatenate(logits, axis=-1),
        mask,
        windows,
    )


@pytest.mark.parametrize(
    ("tag", "code"),
    [pytest.param(1, "036", id="best code of root 03"), pytest.param(3, "042", id="best code of root 04")],
)
def test_code_is_the_best_one_of_the_triggers_root(tag: int, code: str) -> None:
    logits = np.array([[-9.0, -7.0, -8.0, -6.0]])
    ((event,),) = events_of(Decoder(SCHEME), [[0, tag, 0, 0]], code_logits=logits)
    assert event.code == code


def test_events_carry_offsets_of_whole_words_and_roles_of_every_layer() -> None:
    roles = [[[3, 0, 1, 2], [1, 0, 0, 0], [0, 0, 0, 1]]]
    ((event,), ()) = events_of(Decoder(SCHEME), [[0, 1, 0, 0], [0, 0, 0, 0]], role_tags=roles)
    assert (event.start, event.end) == (5, 9)
    assert [(argument.role, argument.start, argument.end) for argument in event.arguments] == [
        ("target", 0, 4),
        ("source", 10, 19),
        ("place", 0, 4),
        ("time", 15, 19),
    ]
    assert all(argument.score == pytest.approx(1, abs=1e-6) for argument in event.arguments)


def test_trigger_is_no_argument_of_itself_but_of_others() -> None:
    roles = [[[1, 0, 3, 0]] + [[0] * 4] * 2, [[1, 0, 3, 0]] + [[0] * 4] * 2]
    ((first, second),) = events_of(Decoder(SCHEME), [[1, 0, 3, 0]], role_tags=roles)
    assert [(argument.role, argument.start) for argument in first.arguments] == [("target", 10)]
    assert [(argument.role, argument.start) for argument in second.arguments] == [("source", 0)]


def test_events_of_a_window_stand_in_the_order_of_their_triggers() -> None:
    events = events_of(Decoder(SCHEME), [[3, 0, 1, 2], [0, 0, 0, 0], [0, 1, 1, 0]])
    assert [[event.start for event in of_window] for of_window in events] == [[0, 10], [], [5, 10]]


@pytest.mark.parametrize("calibration", [(1.0, 0.0), (0.4, -0.3), (2.5, 1.0)])
def test_calibration_keeps_the_order_of_the_scores(calibration: tuple[float, float]) -> None:
    """A trigger that the tagger is surer of has a higher score, whatever the calibration."""
    strengths = [0.5, 1.0, 2.0, 4.0, 8.0, 60.0]
    windows = [window(1) for _ in strengths]
    mask = np.ones((len(strengths), 1), dtype=bool)
    logits = np.array(strengths)[:, None, None] * np.eye(SCHEME.trigger_tags)[None, [1]]
    decoder = Decoder(SCHEME, calibration=calibration)
    triggers = decoder.triggers(logits, mask, windows)
    events = decoder.events(triggers, np.zeros((6, 4)), np.zeros((6, 3)), np.zeros((6, 1, 11)), mask, windows)
    scores = [event.score for (event,) in events]
    assert scores == sorted(set(scores))
    assert all(0 < score < 1 for score in scores)
    slope, offset = calibration
    expected = [slope * np.log(p / (1 - p)) + offset for p in triggers.scores[:4]]
    assert logit(np.array(scores[:4])) == pytest.approx(np.array(expected), rel=1e-4)


def test_logit_of_certainties_is_finite() -> None:
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()
    assert logit(np.array([0.5, 0.75])) == pytest.approx([0, np.log(3)])


def test_probabilities_add_up_even_for_large_logits() -> None:
    logits = np.array([[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]])
    assert np.exp(log_softmax(logits)).sum(-1) == pytest.approx([1, 1])


def gold_logits(triggers: tuple[TriggerLabels, ...], scheme: LabelScheme) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Code, status and role logits that all but say the gold labels."""
    roles = [
        one_hot(np.stack([trigger.roles[group] for trigger in triggers]), size)
        for group, size in enumerate(scheme.role_tags)
    ]
    return (
        one_hot([trigger.code for trigger in triggers], len(scheme.codes)),
        one_hot([trigger.status for trigger in triggers], len(scheme.statuses)),
        np.concatenate(roles, axis=-1),
    )


def decoded_gold(document: Document, encoder: TextEncoder) -> list[PredictedEvent] | None:
    """What the decoder makes of a document's gold labels; None where the labels cannot hold the document."""
    (gold_window,) = encoder.encode([document.text])[0]
    labels = label_window(gold_window, document.events, CAMEO_SCHEME)
    if labels.lost or not labels.triggers:
        return None
    mask = np.ones((1, len(gold_window.word_starts)), dtype=bool)
    decoder = Decoder(CAMEO_SCHEME)
    triggers = decoder.triggers(one_hot(labels.trigger_tags[None], CAMEO_SCHEME.trigger_tags), mask, [gold_window])
    in_order = tuple(sorted(labels.triggers, key=lambda trigger: trigger.first))
    return decoder.events(triggers, *gold_logits(in_order, CAMEO_SCHEME), mask, [gold_window])[0]


def test_gold_labels_decode_into_the_gold_events() -> None:
    documents = seed_documents("dev.evt")
    encoder = TextEncoder(word_piece_tokenizer([document.text for document in documents]), max_pieces=2000)
    decoded = [(document, decoded_gold(document, encoder)) for document in documents]
    kept = [(document, events) for document, events in decoded if events is not None]
    assert len(kept) > 0.95 * sum(bool(document.events) for document in documents)
    for document, events in kept:
        assert [
            (
                event.start,
                event.end,
                event.code,
                event.status,
                sorted((x.role, x.start, x.end) for x in event.arguments),
            )
            for event in events
        ] == [
            (
                event.trigger.start,
                event.trigger.end,
                event.code,
                event.status,
                sorted((role, span.start, span.end) for role, span in event.arguments()),
            )
            for event in document.events
        ]
