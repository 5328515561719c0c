"""PLV: which PLOVER event type a news sentence reports between a marked source and a marked target, zero-shot.

The data are those of Hu et al. (ACL 2024, arXiv 2308.07876), `datasets/PLV_train.tsv` in the repository
snowood1/Zero-Shot-PLOVER; they are not part of this project, and nothing of it is trained or tuned on them.

    python benchmarks/plv.py --data PLV_train.tsv --json plv.json

Our extraction reads the sentence without the marks. The answer is then the event with the highest score among those
whose sources overlap a marked source and whose targets overlap a marked target; failing that, among those where one
side does; failing that, among all. Its CAMEO root stands for the PLOVER type that most codes of the root have in
the crosswalk, with PLV's merger of CONCEDE and RETREAT into YIELD; 02 stands for REQUEST. Events of root 01, which has
no PLOVER type, are not looked at. Status is ignored. A side without a mark ("a recipient") is met by any event.

Every sentence of PLV reports an event. One in which our extraction finds none is therefore read once more by the same
model with less caution (`ASSURED`); one that still has no answer counts as an error.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from report import markdown, measured, option_parser, percent, publish, report

from geoevents import Document, Event, Extractor, Span, load, ontology
from geoevents.errors import CorpusError
from geoevents.runtime import ModelTagger
from geoevents.scores import Counts, Measure

QUAD_CLASSES = {
    **dict.fromkeys(("AGREE", "CONSULT", "SUPPORT"), 1),
    **dict.fromkeys(("COOPERATE", "AID", "YIELD"), 2),
    **dict.fromkeys(("REQUEST", "ACCUSE", "REJECT", "THREATEN"), 3),
    **dict.fromkeys(("PROTEST", "SANCTION", "MOBILIZE", "COERCE", "ASSAULT"), 4),
}
"""PLV's event types and the quad class of each: PLOVER's, where REQUEST is verbal conflict."""

ASSURED = -6.0
"""Added to the score of "no trigger" at every word (`geoevents.decoding.Decoder.outside_bias`) where it is known that
there is an event."""

NO_ANSWER = "none"
TIERS = ("pair", "one side", "another event", NO_ANSWER)
"""How an answer meets the marked pair, from best to worst."""

_MERGED = {"CONCEDE": "YIELD", "RETREAT": "YIELD"}
_MARK = re.compile(r"<(/?)([st])>")


@dataclass(frozen=True, slots=True)
class MarkedPair:
    """A sentence of PLV.

    Attributes:
        text: The sentence without marks.
        sources: The marked sources; none where the source is not in the sentence.
        targets: The marked targets; none where the target is not in the sentence.
        root: Gold PLOVER event type.
        quad_class: Gold quad class, 1 to 4.
    """

    text: str
    sources: tuple[Span, ...]
    targets: tuple[Span, ...]
    root: str
    quad_class: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What our extraction says about a pair.

    Attributes:
        root: PLOVER event type, or `NO_ANSWER`.
        tier: One of `TIERS`.
    """

    root: str
    tier: str


def main(argv: Sequence[str]) -> None:
    """Score the model on a file of PLV."""
    parser = option_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="PLV_train.tsv or PLV_test.tsv")
    parser.add_argument("--bootstrap", type=int, default=1000, metavar="N", help="samples for the intervals")
    options = parser.parse_args(argv)
    pairs = list(read_pairs(options.data))
    # Codes, places and dates of the arguments do not matter here, and repeated mentions must not be collapsed.
    answers = answer(load(options.model, resolver=None), pairs)
    levels = score_levels(pairs, answers, bootstrap=options.bootstrap, seed=options.seed)
    confusion = Counter((pair.root, given.root) for pair, given in zip(pairs, answers, strict=True))
    results = plain(levels, pairs, answers, confusion)
    tables = [levels_table(levels), tiers_table(pairs, answers), roots_table(confusion), confusion_table(confusion)]
    publish(report("plv", results, options=options, argv=argv), tables, options.json)


def read_pairs(path: Path) -> Iterator[MarkedPair]:
    """The sentences of a file of PLV.

    Raises:
        CorpusError: A row lacks a column, has broken marks or an event type that PLV does not have.
        OSError: The file cannot be opened.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t")
        for row in reader:
            yield _pair(row, path, reader.line_num)


def _pair(row: Mapping[str, str], path: Path, line: int) -> MarkedPair:
    try:
        text, sources, targets = _unmark(row["marked_sentence"])
        root, quad_class = row["gold_root"], int(row["gold_penta"])
        if root not in QUAD_CLASSES:
            raise ValueError(f"unknown event type {root!r}")
    except (KeyError, ValueError, TypeError) as error:
        cause = f"not a row of PLV ({error!r}); marked_sentence, gold_root and gold_penta are needed"
        raise CorpusError(cause, path=path, line=line) from None
    return MarkedPair(text, sources, targets, root, quad_class)


def _unmark(marked: str) -> tuple[str, tuple[Span, ...], tuple[Span, ...]]:
    """A sentence without its marks, the sources and the targets."""
    text, at = "", 0
    spans: dict[str, list[Span]] = {"s": [], "t": []}
    opened: dict[str, int] = {}
    for mark in _MARK.finditer(marked):
        text += marked[at : mark.start()]
        at = mark.end()
        closing, side = mark.groups()
        if closing:
            start = opened.pop(side)
            spans[side].append(Span(text[start:], start, len(text)))
        else:
            opened[side] = len(text)
    if opened:
        raise ValueError(f"a mark is not closed in {marked!r}")
    return text + marked[at:], tuple(spans["s"]), tuple(spans["t"])


def answer(extractor: Extractor, pairs: Sequence[MarkedPair]) -> list[Answer]:
    """What the extractor says about each pair."""
    answers = _answers(extractor, pairs)
    open_pairs = [i for i, given in enumerate(answers) if given.root == NO_ANSWER]
    more = _answers(less_cautious(extractor), [pairs[i] for i in open_pairs])
    for i, given in zip(open_pairs, more, strict=True):
        answers[i] = given
    return answers


def _answers(extractor: Extractor, pairs: Sequence[MarkedPair]) -> list[Answer]:
    documents = extractor.pipe(pair.text for pair in pairs)
    return [choose(document, pair) for document, pair in zip(documents, pairs, strict=True)]


def less_cautious(extractor: Extractor) -> Extractor:
    """The extractor as it is where there is known to be an event."""
    tagger = extractor.tagger
    if not isinstance(tagger, ModelTagger):
        return extractor
    return replace(extractor, tagger=replace(tagger, decoder=replace(tagger.decoder, outside_bias=ASSURED)))


def choose(document: Document, pair: MarkedPair) -> Answer:
    """The event that meets the pair best; of equals the one with the highest score."""
    ranked = [
        (_tier(event, pair), -event.score, kind) for event in document.events if (kind := plover_type(event.root))
    ]
    if not ranked:
        return Answer(NO_ANSWER, NO_ANSWER)
    tier, _, kind = min(ranked)
    return Answer(kind, TIERS[tier])


def _tier(event: Event, pair: MarkedPair) -> int:
    sides = ((event.sources, pair.sources), (event.targets, pair.targets))
    met = sum(not marked or any(one.overlaps(other) for one in found for other in marked) for found, marked in sides)
    # A side without a mark says nothing: an event that misses the other side is not half right.
    marked_sides = sum(bool(marked) for _, marked in sides)
    return 0 if met == 2 else 1 if met == 1 and marked_sides == 2 else 2


@cache
def plover_type(root: str) -> str | None:
    """The event type of PLV for a CAMEO root, or None for 01.

    Example:
        >>> plover_type("08"), plover_type("09"), plover_type("02")
        ('YIELD', 'ACCUSE', 'REQUEST')
    """
    kinds = [_MERGED.get(code.plover, code.plover) for code in ontology.codes(root) if code.plover]
    return Counter(kinds).most_common(1)[0][0] if kinds else None


def score_levels(
    pairs: Sequence[MarkedPair], answers: Sequence[Answer], *, bootstrap: int, seed: int
) -> dict[str, tuple[Measure, float]]:
    """Macro F1 and accuracy by level: root, quad class, and cooperation against conflict."""
    quads = [QUAD_CLASSES.get(given.root, 0) for given in answers]
    levels: dict[str, tuple[list[Any], list[Any]]] = {
        "root": ([pair.root for pair in pairs], [given.root for given in answers]),
        "quad": ([pair.quad_class for pair in pairs], quads),
        "binary": ([pair.quad_class > 2 for pair in pairs], [quad > 2 if quad else None for quad in quads]),
    }
    return {
        level: (
            macro_f1(gold, given, bootstrap=bootstrap, seed=seed),
            sum(one == other for one, other in zip(gold, given, strict=True)) / len(gold),
        )
        for level, (gold, given) in levels.items()
    }


def macro_f1(gold: Sequence[Any], given: Sequence[Any], *, bootstrap: int, seed: int) -> Measure:
    """The mean F1 of the classes that occur in gold, with its 95% percentile interval over resampled items.

    Answers outside those classes are errors of recall alone.
    """
    classes = {label: number for number, label in enumerate(sorted(set(gold)))}
    size = len(classes)
    cells = np.array(
        [classes[one] * (size + 1) + classes.get(other, size) for one, other in zip(gold, given, strict=True)]
    )
    rng = np.random.default_rng(seed)
    samples = [
        _mean_f1(np.bincount(cells, minlength=size * (size + 1), weights=weights).reshape(size, size + 1))
        for weights in rng.multinomial(len(cells), np.full(len(cells), 1 / len(cells)), size=bootstrap)
    ]
    value = _mean_f1(np.bincount(cells, minlength=size * (size + 1)).reshape(size, size + 1))
    return Measure(value, *map(float, np.percentile(samples, [2.5, 97.5]))) if samples else Measure(value)


def _mean_f1(confusion: np.ndarray) -> float:
    """Macro F1 of a table of counts, (classes, classes and no answer); classes without gold are left out."""
    right, support = confusion.diagonal(), confusion.sum(1)
    occurs = support > 0
    return float((2 * right / np.maximum(support + confusion[:, :-1].sum(0), 1))[occurs].mean())


def plain(
    levels: dict[str, tuple[Measure, float]],
    pairs: Sequence[MarkedPair],
    answers: Sequence[Answer],
    confusion: Counter[tuple[str, str]],
) -> dict[str, Any]:
    """All results as plain JSON types."""
    return {
        "pairs": len(pairs),
        "levels": {
            level: {"macro_f1": score.value, "low": score.low, "high": score.high, "accuracy": accuracy}
            for level, (score, accuracy) in levels.items()
        },
        "tiers": {tier: {"pairs": found, "right": right} for tier, found, right in _tiers(pairs, answers)},
        "roots": {root: _counts(confusion, root).to_dict() for root in QUAD_CLASSES},
        "confusion": [[*cell, number] for cell, number in sorted(confusion.items())],
    }


def _tiers(pairs: Sequence[MarkedPair], answers: Sequence[Answer]) -> Iterator[tuple[str, int, int]]:
    for tier in TIERS:
        decisions = [pair.root == given.root for pair, given in zip(pairs, answers, strict=True) if given.tier == tier]
        yield tier, len(decisions), sum(decisions)


def _counts(confusion: Counter[tuple[str, str]], root: str) -> Counts:
    gold, given = (sum(n for cell, n in confusion.items() if cell[side] == root) for side in (0, 1))
    return Counts.of(confusion[root, root], gold=gold, predicted=given)


def levels_table(levels: dict[str, tuple[Measure, float]]) -> str:
    """Macro F1 and accuracy by level, in percent."""
    return markdown(
        ("level", "macro F1", "95% interval", "accuracy"),
        [(level, *measured(score), percent(accuracy)) for level, (score, accuracy) in levels.items()],
    )


def tiers_table(pairs: Sequence[MarkedPair], answers: Sequence[Answer]) -> str:
    """How often the pair was found, and how often the root is right then, in percent."""
    return markdown(
        ("the answer meets", "pairs", "share", "root right"),
        [
            (tier, found, percent(found / len(pairs)), percent(right / found if found else None))
            for tier, found, right in _tiers(pairs, answers)
        ],
    )


def roots_table(confusion: Counter[tuple[str, str]]) -> str:
    """Scores by gold event type, in percent."""
    counts = {root: _counts(confusion, root) for root in QUAD_CLASSES}
    return markdown(
        ("root", "n", "precision", "recall", "F1"),
        [(root, c.support, percent(c.precision), percent(c.recall), percent(c.f1)) for root, c in counts.items()],
    )


def confusion_table(confusion: Counter[tuple[str, str]]) -> str:
    """Gold event types by row, answers by column."""
    columns = (*QUAD_CLASSES, NO_ANSWER)
    return markdown(
        ("gold \\ answer", *(column[:5].lower() for column in columns)),
        [(root, *(confusion[root, column] or "" for column in columns)) for root in QUAD_CLASSES],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
