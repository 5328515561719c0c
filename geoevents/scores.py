"""Counts of right and wrong decisions, the scores that follow from them, and how sure one can be of those.

Where nothing was to be scored a score is None, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 100  # bootstrap samples drawn at once: bounds the memory at 0.8 kB a document


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives, false negatives; counts add up.

    Example:
        >>> (Counts(2, 1, 0) + Counts(0, 1, 2)).f1
        0.5
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @classmethod
    def of(cls, matched: int, *, gold: int, predicted: int) -> Counts:
        """The counts of a comparison of so many gold with so many predicted items."""
        return cls(matched, predicted - matched, gold - matched)

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def support(self) -> int:
        """Number of gold items."""
        return self.tp + self.fn

    @property
    def precision(self) -> float | None:
        """Share of the predicted items that are right, 0 to 1; None without predictions."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Share of the gold items that were found, 0 to 1; None without gold."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, 0 to 1; None with neither gold nor predictions."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def to_dict(self) -> dict[str, Any]:
        """Counts and scores as plain JSON types."""
        return {
            "tp": self.tp,
            "fp": self.fp,
            "fn": self.fn,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
        }


@dataclass(frozen=True, slots=True)
class Measure:
    """A score with its interval.

    Attributes:
        value: The score, 0 to 1; None where nothing was to be scored.
        low: Lower bound of its 95% interval; None without a value or a bootstrap.
        high: Upper bound.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 with their intervals."""

    counts: Counts
    precision: Measure
    recall: Measure
    f1: Measure


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The share of right decisions with its interval.

    Attributes:
        right: Number of right decisions.
        total: Number of decisions.
        rate: Their ratio.
    """

    right: int
    total: int
    rate: Measure


@dataclass(frozen=True, slots=True)
class Pair:
    """One comparison by exact spans and one that forgives their borders."""

    strict: Score
    relaxed: Score


class Bootstrap:
    """Sums counts over documents, and over samples of the documents drawn with replacement.

    The documents are the unit of resampling, since the events of one document are not independent (Efron and
    Tibshirani 1993, "An Introduction to the Bootstrap", percentile intervals).

    Args:
        counts: For each document its counts by name; a name that a document lacks counts nothing.
        samples: Number of samples; 0 for no intervals.
        seed: Seed of the sampling.
    """

    def __init__(self, counts: Sequence[dict[str, Counts]], *, samples: int, seed: int) -> None:
        self._columns = {name: i for i, name in enumerate(sorted({name for row in counts for name in row}))}
        table = np.zeros((len(counts), len(self._columns), 3), dtype=np.int64)
        for number, row in enumerate(counts):
            for name, item in row.items():
                table[number, self._columns[name]] = item.tp, item.fp, item.fn
        self._sums = table.sum(axis=0)
        self._samples = _resample(table, samples, np.random.default_rng(seed))

    @property
    def names(self) -> list[str]:
        """The names that some document counts."""
        return list(self._columns)

    def counts(self, name: str) -> Counts:
        """The sum of the counts of this name."""
        if name not in self._columns:
            return Counts()
        return Counts(*map(int, self._sums[self._columns[name]]))

    def score(self, name: str) -> Score:
        """Precision, recall and F1 of this name's counts."""
        counts = self.counts(name)
        tp, fp, fn = self._sampled(name)
        return Score(
            counts,
            _measure(counts.precision, tp, tp + fp),
            _measure(counts.recall, tp, tp + fn),
            _measure(counts.f1, 2 * tp, 2 * tp + fp + fn),
        )

    def pair(self, name: str) -> Pair:
        """The scores of the counts "<name> strict" and "<name> relaxed"."""
        return Pair(self.score(f"{name} strict"), self.score(f"{name} relaxed"))

    def accuracy(self, name: str) -> Accuracy:
        """The share of right decisions; right ones were counted as `tp` and wrong ones as `fp`."""
        counts = self.counts(name)
        tp, fp, _ = self._sampled(name)
        return Accuracy(counts.tp, counts.tp + counts.fp, _measure(counts.precision, tp, tp + fp))

    def _sampled(self, name: str) -> NDArray[np.float64]:
        """This name's sums in every sample: (3, samples)."""
        if name not in self._columns:
            return np.zeros((3, 0))
        samples: NDArray[np.float64] = self._samples[:, self._columns[name]].T
        return samples


def _resample(table: NDArray[np.int64], samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The table's sums over each sample of its documents: (documents, names, 3) to (samples, names, 3)."""
    documents = len(table)
    if not documents or not samples:
        return np.zeros((0, *table.shape[1:]))
    flat = table.reshape(documents, -1).astype(np.float64)  # floats multiply through BLAS; counts stay exact in them
    evenly = np.full(documents, 1 / documents)
    sums = np.empty((samples, flat.shape[1]))
    for start in range(0, samples, _BLOCK):
        stop = min(start + _BLOCK, samples)
        sums[start:stop] = rng.multinomial(documents, evenly, size=stop - start).astype(np.float64) @ flat
    return sums.reshape(samples, *table.shape[1:])


def _measure(value: float | None, part: NDArray[np.float64], whole: NDArray[np.float64]) -> Measure:
    """The value with the 95% percentile interval of the samples' ratios; samples without a ratio are left out."""
    defined = whole > 0
    if value is None or not defined.any():
        return Measure(value)
    low, high = np.percentile(part[defined] / whole[defined], [2.5, 97.5])
    return Measure(value, float(low), float(high))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
