"""The model's scores into events: constrained BIO decoding, codes, statuses, arguments, calibrated scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoevents.encoding import IntArray, LabelScheme, Window
from geoevents.prediction import PredictedArgument, PredictedEvent

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class TaggedSpans:
    """Spans found in rows of tags, in the order of rows and words; every array has shape (spans,).

    Attributes:
        rows: The row of each span.
        firsts: Its first word.
        lasts: Its last word.
        labels: Its label.
        scores: Geometric mean of its tags' probabilities, 0 to 1.
    """

    rows: IntArray
    firsts: IntArray
    lasts: IntArray
    labels: IntArray
    scores: FloatArray

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def joined(cls, parts: Sequence[TaggedSpans], rows: Sequence[int]) -> TaggedSpans:
        """The spans of several arrays of rows, one below the other.

        Args:
            parts: The spans of each array.
            rows: The number of rows of each.
        """
        offsets = np.cumsum([0, *rows[:-1]])
        fields = ("rows", "firsts", "lasts", "labels", "scores")
        rows_of, *others = ([getattr(part, name) for part in parts] for name in fields)
        shifted = [part + offset for part, offset in zip(rows_of, offsets, strict=True)]
        return cls(np.concatenate(shifted), *map(np.concatenate, others))

    def select(self, keep: NDArray[np.bool_]) -> TaggedSpans:
        """The spans where `keep`, of shape (spans,), is true."""
        return TaggedSpans(self.rows[keep], self.firsts[keep], self.lasts[keep], self.labels[keep], self.scores[keep])


@dataclass(frozen=True)
class Decoder:
    """Reads events from the scores of a batch of windows.

    Attributes:
        scheme: The label sets of the model.
        outside_bias: Added to the trigger head's score of O; below 0 finds more triggers, above 0 fewer.
        calibration: Slope and offset of the logistic map from a trigger's raw score to its probability of being
            right (Platt 1999), fitted on held-out documents.
    """

    scheme: LabelScheme
    outside_bias: float = 0.0
    calibration: tuple[float, float] = (1.0, 0.0)

    def triggers(self, logits: FloatArray, word_mask: NDArray[np.bool_], windows: Sequence[Window]) -> TaggedSpans:
        """The triggers of each window's core.

        Args:
            logits: (windows, words, 1 + 2 * roots).
            word_mask: True at words, False at padding; (windows, words).
            windows: The windows.
        """
        logits = logits.copy()
        logits[..., 0] += self.outside_bias
        return _in_cores(tagged_spans(logits, word_mask), windows)

    def events(
        self,
        triggers: TaggedSpans,
        code_logits: FloatArray,
        status_logits: FloatArray,
        role_logits: FloatArray,
        word_mask: NDArray[np.bool_],
        windows: Sequence[Window],
    ) -> list[list[PredictedEvent]]:
        """The events of each window, in the order of their triggers.

        Args:
            triggers: What `triggers()` returned.
            code_logits: (triggers, codes).
            status_logits: (triggers, statuses).
            role_logits: (triggers, words, sum of the role groups' tags).
            word_mask: True at words, False at padding; (windows, words).
            windows: The windows.
        """
        other_root = self.scheme.code_roots[None] != triggers.labels[:, None]
        codes = np.where(other_root, -np.inf, code_logits).argmax(-1)
        statuses = status_logits.argmax(-1)
        scores = self._calibrated(triggers.scores)
        arguments = self._arguments(triggers, role_logits, word_mask, windows)
        starts, ends = _offsets(windows, triggers.rows, triggers)
        events: list[list[PredictedEvent]] = [[] for _ in windows]
        for row, start, end, code, status, score, own_arguments in zip(
            triggers.rows.tolist(),
            starts.tolist(),
            ends.tolist(),
            codes.tolist(),
            statuses.tolist(),
            scores.tolist(),
            arguments,
            strict=True,
        ):
            events[row].append(
                PredictedEvent(
                    start, end, self.scheme.codes[code], self.scheme.statuses[status], score, tuple(own_arguments)
                )
            )
        return events

    def _arguments(
        self,
        triggers: TaggedSpans,
        role_logits: FloatArray,
        word_mask: NDArray[np.bool_],
        windows: Sequence[Window],
    ) -> list[list[PredictedArgument]]:
        arguments: list[list[PredictedArgument]] = [[] for _ in range(len(triggers))]
        index = np.arange(word_mask.shape[1])[None]
        outside_trigger = (index < triggers.firsts[:, None]) | (index > triggers.lasts[:, None])
        mask = word_mask[triggers.rows] & outside_trigger
        borders = np.cumsum(self.scheme.role_tags)[:-1]
        for group, logits in zip(self.scheme.role_groups, np.split(role_logits, borders, axis=-1), strict=True):
            spans = tagged_spans(logits, mask)
            found = _predicted(spans, group, windows, triggers.rows[spans.rows])
            for trigger, argument in zip(spans.rows.tolist(), found, strict=True):
                arguments[trigger].append(argument)
        return arguments

    def unlinked_arguments(
        self, logits: FloatArray, word_mask: NDArray[np.bool_], windows: Sequence[Window]
    ) -> list[list[PredictedArgument]]:
        """The arguments without an event in each window's core, in order.

        Args:
            logits: (windows, words, 1 + 2 * unlinked roles).
            word_mask: True at words, False at padding; (windows, words).
            windows: The windows.
        """
        spans = _in_cores(tagged_spans(logits, word_mask), windows)
        arguments: list[list[PredictedArgument]] = [[] for _ in windows]
        found = _predicted(spans, self.scheme.unlinked_roles, windows, spans.rows)
        for row, argument in zip(spans.rows.tolist(), found, strict=True):
            arguments[row].append(argument)
        return arguments

    def _calibrated(self, scores: FloatArray) -> FloatArray:
        slope, offset = self.calibration
        calibrated: FloatArray = 1 / (1 + np.exp(-(slope * logit(scores) + offset)))
        return calibrated


def _in_cores(spans: TaggedSpans, windows: Sequence[Window]) -> TaggedSpans:
    """The spans that begin in the core of their window."""
    cores = np.array([window.core for window in windows], dtype=np.int64).reshape(-1, 2)[spans.rows]
    return spans.select((spans.firsts >= cores[:, 0]) & (spans.firsts < cores[:, 1]))


def _predicted(
    spans: TaggedSpans, roles: Sequence[str], windows: Sequence[Window], rows: IntArray
) -> Iterator[PredictedArgument]:
    """The arguments that spans stand for, whose labels are positions in `roles` and which lie in the windows `rows`."""
    starts, ends = _offsets(windows, rows, spans)
    named = (roles[label] for label in spans.labels.tolist())
    return map(PredictedArgument, named, starts.tolist(), ends.tolist(), spans.scores.tolist())


def _offsets(windows: Sequence[Window], rows: IntArray, spans: TaggedSpans) -> tuple[IntArray, IntArray]:
    """Start and end in their texts of spans that lie in the windows `rows`; each (spans,)."""
    bases = np.cumsum([0, *(len(window.word_starts) for window in windows)])[rows]
    starts = np.concatenate([window.word_starts for window in windows])
    ends = np.concatenate([window.word_ends for window in windows])
    return starts[bases + spans.firsts], ends[bases + spans.lasts]


def logit(probabilities: FloatArray) -> FloatArray:
    """Log odds of probabilities, which are kept off 0 and 1 by a millionth."""
    clipped = np.clip(probabilities, 1e-6, 1 - 1e-6)
    odds: FloatArray = np.log(clipped / (1 - clipped))
    return odds


def log_softmax(logits: FloatArray) -> FloatArray:
    """Logarithms of the probabilities along the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    normalised: FloatArray = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return normalised


def tagged_spans(logits: FloatArray, word_mask: NDArray[np.bool_]) -> TaggedSpans:
    """The spans on each row's most probable valid path of BIO tags.

    Args:
        logits: Of the tags O, B and I of label 0, B and I of label 1, …; (rows, words, tags).
        word_mask: True where a span may stand; (rows, words).
    """
    tags = np.where(word_mask, logits.argmax(-1), 0)
    # Where the words' best tags form a valid path, that path is the best one; only the rest needs a search.
    invalid = np.flatnonzero(_breaks_bio(tags).any(-1))
    if len(invalid):
        tags[invalid] = best_paths(log_softmax(logits[invalid]), word_mask[invalid])
    inside = np.flatnonzero(tags)
    inside_tags = tags.ravel()[inside]
    # On a valid path a B begins each span, and the words inside up to the next B are the span's.
    begins = np.flatnonzero(inside_tags % 2)
    lengths = np.diff(begins, append=len(inside))
    rows, firsts = np.divmod(inside[begins], tags.shape[1])
    inside_logits = logits.reshape(-1, logits.shape[-1])[inside]
    best = log_softmax(inside_logits)[np.arange(len(inside)), inside_tags]
    means = np.add.reduceat(best, begins) / lengths
    return TaggedSpans(rows, firsts, firsts + lengths - 1, (inside_tags[begins] - 1) // 2, np.exp(means))


def best_paths(log_probabilities: FloatArray, word_mask: NDArray[np.bool_]) -> IntArray:
    """The most probable valid path of BIO tags of each row, by Viterbi's algorithm; (rows, words).

    A path is valid where an I follows a B or an I of its own label. Arguments are those of `tagged_spans`.
    """
    rows, words, tags = log_probabilities.shape
    scores = np.where(word_mask[..., None], log_probabilities, -np.inf)
    scores[..., 0] = np.where(word_mask, scores[..., 0], 0.0)
    begins, insides = np.arange(1, tags, 2), np.arange(2, tags, 2)
    back = np.zeros((rows, words, tags), dtype=np.int64)
    path_scores = scores[:, 0].copy()
    path_scores[:, insides] = -np.inf
    for word in range(1, words):
        back[:, word] = path_scores.argmax(-1)[:, None]
        from_inside = path_scores[:, insides] > path_scores[:, begins]
        back[:, word, insides] = np.where(from_inside, insides, begins)
        path_scores = np.take_along_axis(path_scores, back[:, word], -1) + scores[:, word]
    paths = np.empty((rows, words), dtype=np.int64)
    paths[:, -1] = path_scores.argmax(-1)
    for word in range(words - 1, 0, -1):
        paths[:, word - 1] = back[np.arange(rows), word, paths[:, word]]
    return paths


def _breaks_bio(tags: IntArray) -> NDArray[np.bool_]:
    """Where an I follows neither a B nor an I of its own label; (rows, words)."""
    previous = np.zeros_like(tags)
    previous[:, 1:] = tags[:, :-1]
    is_inside = (tags > 0) & (tags % 2 == 0)
    breaks: NDArray[np.bool_] = is_inside & (previous != tags) & (previous != tags - 1)
    return breaks
