"""How well a model reads the annotated corpora of the project: seeds/dev.evt and the seed article.

Prints every score of `geoevents.evaluation` with its 95% bootstrap interval (over documents), the argument scores given
the gold triggers, and the scores by CAMEO root.

    python benchmarks/seeds.py --json seeds.json
    python benchmarks/seeds.py my_corpus.evt --model my-model
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from report import SEEDS, interval, markdown, measured, option_parser, percent, publish, report

from geoevents.cli.evaluate import predict
from geoevents.corpora import read_corpus
from geoevents.decoding import TaggedSpans
from geoevents.encoding import Window, label_window, pad_windows
from geoevents.evaluation import ArgumentScores, Evaluation, argument_scores, evaluate, seqeval_report
from geoevents.events import Document
from geoevents.pipeline import Extractor
from geoevents.prediction import PredictedEvent
from geoevents.runtime import ModelTagger, load_tagger
from geoevents.scores import Pair
from geoevents.sentences import sentence_offsets
from geoevents.text import normalise

CORPORA = (SEEDS / "dev.evt", SEEDS / "seed_article.evt")


def main(argv: Sequence[str]) -> None:
    """Score the model on each corpus."""
    parser = option_parser(__doc__)
    parser.add_argument("corpora", nargs="*", type=Path, default=CORPORA, help="annotated files")
    parser.add_argument("--backend", choices=("onnx", "torch"), default="onnx")
    parser.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="samples for the intervals")
    options = parser.parse_args(argv)
    results: dict[str, Any] = {}
    tables: list[str] = []
    for path in options.corpora:
        results[path.stem], printed = score_corpus(path, options)
        tables += printed
    publish(report("seeds", results, options=options, argv=argv), tables, options.json)


def score_corpus(path: Path, options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """The scores of one annotated file, as plain JSON types and as tables."""
    gold = read_corpus(path)
    predicted = predict(gold, model=options.model, backend=options.backend)
    evaluation = evaluate(gold, predicted, bootstrap=options.bootstrap, seed=options.seed)
    tagger = load_tagger(options.model, backend=options.backend)
    told = [with_gold_triggers(tagger, document) for document in gold]
    given = argument_scores(gold, told, bootstrap=options.bootstrap, seed=options.seed)
    results = evaluation.to_dict() | {"arguments_given_gold_triggers": plain(given)}
    tables = [f"## {path.name}: {len(gold)} documents", summary(evaluation), arguments(given), roots(evaluation)]
    if find_spec("seqeval"):
        results["seqeval"] = seqeval_report(gold, predicted)
        tables.append(seqeval_averages(results["seqeval"]))
    return results, tables


@dataclass(frozen=True)
class GoldTriggerTagger:
    """A tagger that is told where the triggers of one document are, and of which root, and finds the rest.

    Attributes:
        tagger: The model.
        document: The annotated document whose sentences it will be given, each once.
    """

    tagger: ModelTagger
    document: Document

    @cached_property
    def _starts(self) -> dict[str, deque[int]]:
        """Where each sentence begins; equal sentences in their order, in which the extractor also takes them."""
        normalised = normalise(self.document.text)
        starts: defaultdict[str, deque[int]] = defaultdict(deque)
        for start, end in sentence_offsets(self.document.text, normalised):
            starts[normalised[start:end].replace("\n", " ")].append(start)
        return starts

    def predict(self, texts: Sequence[str]) -> list[tuple[PredictedEvent, ...]]:
        """See `geoevents.prediction.Tagger`."""
        return [tuple(self._events(text, self._starts[text].popleft())) for text in texts]

    def _events(self, text: str, start: int) -> Iterator[PredictedEvent]:
        (windows,) = self.tagger.text_encoder.encode([text])
        triggers = self._triggers(windows, start)
        if not len(triggers):
            return
        batch = pad_windows(windows, self.tagger.pad_id)
        words = self.tagger.scorer.words(batch).vectors
        mask = batch["word_mask"]
        logits = self.tagger.scorer.events(words, mask, triggers.rows, triggers.firsts, triggers.lasts)
        for events in self.tagger.decoder.events(triggers, *logits, mask.astype(bool), windows):
            yield from events

    def _triggers(self, windows: Sequence[Window], start: int) -> TaggedSpans:
        """The gold triggers of a sentence that begins at `start`, as if the model had found them."""
        scheme = self.tagger.decoder.scheme
        found = [
            (row, label.first, label.last, scheme.root_index[scheme.root_of(event.code)])
            for row, window in enumerate(windows)
            for event in self.document.events
            for label in label_window(window, [event], scheme, offset=start).triggers
            if window.core[0] <= label.first < window.core[1]
        ]
        rows, firsts, lasts, labels = np.array(found, dtype=np.int64).reshape(-1, 4).T
        return TaggedSpans(rows, firsts, lasts, labels, np.ones(len(rows)))


def with_gold_triggers(tagger: ModelTagger, document: Document) -> Document:
    """What the model makes of an annotated document when it is told the triggers."""
    extractor = Extractor(GoldTriggerTagger(tagger, document), reciprocal="annotated")
    return extractor(document.text, id=document.id, date=document.date)


def plain(scores: ArgumentScores) -> dict[str, Any]:
    """Argument scores as plain JSON types: F1 with interval by role and degree."""
    return {
        name: {
            degree: {"f1": score.f1.value, "low": score.f1.low, "high": score.f1.high, **score.counts.to_dict()}
            for degree, score in (("strict", pair.strict), ("relaxed", pair.relaxed))
        }
        for name, pair in _by_role(scores)
    }


def _by_role(scores: ArgumentScores) -> Iterator[tuple[str, Pair]]:
    yield "all", scores.overall
    yield from scores.by_role.items()


def summary(evaluation: Evaluation) -> str:
    """All scores, in percent."""
    rows = evaluation.summary_rows()
    return markdown(
        ("end to end", "value", "95% interval", "n"),
        [(name, percent(value), interval(low, high), number) for name, value, low, high, number in rows],
    )


def arguments(scores: ArgumentScores) -> str:
    """Spans and roles of the arguments of known triggers, in percent."""
    return markdown(
        ("arguments, given gold triggers", "strict F1", "95% interval", "relaxed F1", "95% interval", "n"),
        [
            (name, *measured(pair.strict.f1), *measured(pair.relaxed.f1), pair.strict.counts.support)
            for name, pair in _by_role(scores)
        ],
    )


def roots(evaluation: Evaluation) -> str:
    """Trigger + root, exact spans, by root, in percent."""
    return markdown(
        ("root", "name", "n", "precision", "recall", "F1", "relaxed F1"),
        [
            (
                root,
                scores.name,
                scores.strict.support,
                *map(percent, (scores.strict.precision, scores.strict.recall, scores.strict.f1, scores.relaxed.f1)),
            )
            for root, scores in evaluation.roots.items()
        ],
        text_columns=2,
    )


def seqeval_averages(scores: dict[str, dict[str, float]]) -> str:
    """What seqeval makes of the roots as tags of words, in percent."""
    return markdown(
        ("seqeval, BIO tags of the roots", "precision", "recall", "F1", "n"),
        [
            (name, *(percent(values[key]) for key in ("precision", "recall", "f1-score")), int(values["support"]))
            for name, values in scores.items()
            if name.endswith("avg")
        ],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
