"""Scores that mean probabilities: the logistic map from raw trigger scores, fitted on held-out documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geoevents.decoding import logit
from geoevents.events import Document
from geoevents.modeling.evaluation import extract_documents
from geoevents.runtime import ModelTagger

NEWTON_STEPS = 25
RIDGE = 1e-3


def fit_calibration(documents: Sequence[Document], tagger: ModelTagger) -> tuple[float, float]:
    """Slope and offset of the map from a raw score's logit to the logit of being right (Platt 1999).

    An event is right where a gold event has the same trigger span and root.

    Args:
        documents: Gold documents that the model was not trained on.
        tagger: The model.

    Returns:
        Slope and offset; (1, 0), which leaves the scores as they are, where the model finds no event.
    """
    uncalibrated = replace(tagger, decoder=replace(tagger.decoder, calibration=(1.0, 0.0)))
    scores, right = [], []
    for gold, predicted in zip(documents, extract_documents(documents, uncalibrated), strict=True):
        known = {(event.trigger.start, event.trigger.end, event.root) for event in gold.events}
        for event in predicted.events:
            scores.append(event.score)
            right.append((event.trigger.start, event.trigger.end, event.root) in known)
    if not scores:
        return 1.0, 0.0
    return _logistic_regression(logit(np.array(scores)), np.array(right, dtype=float))


def _logistic_regression(inputs: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Slope and offset by Newton's method, held slightly towards the identity so that it always converges."""
    design = np.stack([inputs, np.ones_like(inputs)], axis=1)
    prior = np.array([1.0, 0.0])
    weights = prior.copy()
    for _ in range(NEWTON_STEPS):
        probabilities = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        gradient = design.T @ (probabilities - right) + RIDGE * (weights - prior)
        curvature = (design * (probabilities * (1 - probabilities))[:, None]).T @ design + RIDGE * np.eye(2)
        weights = weights - np.linalg.solve(curvature, gradient)
    return float(weights[0]), float(weights[1])
