"""The shipped presets: that what they find does not depend on the batch, and what `fast` costs and gains."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import geoevents
from geoevents import Document, Event, Extractor
from geoevents.corpora import read_corpus
from geoevents.evaluation import evaluate
from geoevents.runtime import load_tagger

SEEDS = Path(__file__).parents[1] / "seeds"
DEV = read_corpus(SEEDS / "dev.evt")
PRESETS = ("default", "fast")


def extracted(extractor: Extractor, documents: list[Document]) -> list[Document]:
    return list(extractor.pipe((document.text, {"id": document.id}) for document in documents))


def without_score(event: Event) -> dict[str, object]:
    return {key: value for key, value in event.to_dict().items() if key != "score"}


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_found_does_not_depend_on_the_batch(preset: str) -> None:
    extractor = geoevents.load(preset, resolver=None)
    for document, alone in zip(extracted(extractor, DEV), (extractor(one.text, id=one.id) for one in DEV), strict=True):
        assert [*map(without_score, document.events)] == [*map(without_score, alone.events)]
        for event, other in zip(document.events, alone.events, strict=True):
            assert event.score == pytest.approx(other.score, abs=1e-4)


@pytest.mark.parametrize(("preset", "root", "event"), [("default", 0.80, 0.60), ("fast", 0.72, 0.50)])
def test_presets_keep_the_quality_that_their_cards_tell(preset: str, root: float, event: float) -> None:
    extractor = geoevents.load(preset, resolver=None, reciprocal="annotated")
    scores = evaluate(DEV, extracted(extractor, DEV), bootstrap=0)
    assert scores.trigger_roots.strict.f1.value is not None and scores.trigger_roots.strict.f1.value > root
    assert scores.events.relaxed.f1.value is not None and scores.events.relaxed.f1.value > event


def test_fast_model_is_faster() -> None:
    texts = [document.text for document in DEV[:100]]
    taggers = {preset: load_tagger(preset, threads=1) for preset in PRESETS}
    seconds = dict.fromkeys(PRESETS, float("inf"))
    for _ in range(4):  # in turns, so that what else the machine does meets both
        for preset, tagger in taggers.items():
            began = time.perf_counter()
            tagger.predict(texts)
            seconds[preset] = min(seconds[preset], time.perf_counter() - began)
    assert seconds["fast"] < 0.6 * seconds["default"]
