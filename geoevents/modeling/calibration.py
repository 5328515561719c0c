"""Scores that mean probabilities: the logistic map from raw trigger scores, fitted on held-out documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geoevents.decoding import logit
from geoevents.events import Document
from geoevents.modeling.evaluation import extract_documents
from geoevents.ontology import Ontology
from geoevents.runtime import ModelTagger

NEWTON_STEPS = 50
RIDGE = 1e-3
SMALLEST_STEP = 1e-9


def fit_calibration(
    documents: Sequence[Document], tagger: ModelTagger, own_types: Ontology | None = None
) -> tuple[float, float]:
    """Slope and offset of the map from a raw score's logit to the logit of being right (Platt 1999).

    An event is right where a gold event has the same trigger span and root.

    Args:
        documents: Gold documents that the model was not trained on.
        tagger: The model.
        own_types: Its event types where they are not CAMEO's.

    Returns:
        Slope and offset; (1, 0), which leaves the scores as they are, where the model finds no event.
    """
    uncalibrated = replace(tagger, decoder=replace(tagger.decoder, calibration=(1.0, 0.0)))
    scores, right = [], []
    for gold, predicted in zip(documents, extract_documents(documents, uncalibrated, own_types), strict=True):
        known = {(event.trigger.start, event.trigger.end, event.root) for event in gold.events}
        for event in predicted.events:
            scores.append(event.score)
            right.append((event.trigger.start, event.trigger.end, event.root) in known)
    if not scores:
        return 1.0, 0.0
    return _logistic_regression(logit(np.array(scores)), np.array(right, dtype=float))


def _logistic_regression(inputs: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Slope and offset, held slightly towards the identity; the slope is 1 where surer events are not righter."""
    ones = np.ones((len(inputs), 1))
    slope_change, offset = _newton(np.concatenate([inputs[:, None], ones], axis=1), inputs, right)
    if slope_change > -1:
        return float(1 + slope_change), float(offset)
    # Few events, or all wrong: a falling map would rank the surest events last.
    return 1.0, float(_newton(ones, inputs, right)[0])


def _newton(design: np.ndarray, logits: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The weights that make `logits + design @ weights` most likely, by Newton's method with halved steps."""

    def loss(weights: np.ndarray) -> float:
        shifted = logits + design @ weights
        return float((np.logaddexp(0, shifted) - right * shifted).sum() + RIDGE / 2 * weights @ weights)

    weights = np.zeros(design.shape[1])
    for _ in range(NEWTON_STEPS):
        probabilities = 1 / (1 + np.exp(-np.clip(logits + design @ weights, -30, 30)))
        gradient = design.T @ (probabilities - right) + RIDGE * weights
        curvature = (design * (probabilities * (1 - probabilities))[:, None]).T @ design + RIDGE * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > SMALLEST_STEP:
            step = step / 2
        weights = weights - step
    return weights
