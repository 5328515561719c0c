"""Scoring a model in training on annotated documents."""

from __future__ import annotations

from collections.abc import Sequence

from geoevents.evaluation import Evaluation, evaluate
from geoevents.events import Document
from geoevents.pipeline import Extractor
from geoevents.prediction import Tagger
from geoevents.records import Record


def evaluate_tagger(documents: Sequence[Document], tagger: Tagger, *, bootstrap: int = 0) -> Evaluation:
    """Extract the events of annotated documents as a user would, and score them.

    Args:
        documents: Gold documents.
        tagger: The model.
        bootstrap: Bootstrap samples for the intervals, 0 for none.
    """
    return evaluate(documents, extract_documents(documents, tagger), bootstrap=bootstrap)


def extract_documents(documents: Sequence[Document], tagger: Tagger) -> list[Document]:
    """What the model makes of the documents' texts, in the form of the annotation and without resolution."""
    extractor = Extractor(tagger, reciprocal="annotated")
    return list(extractor.pipe(Record(document.text, document.id, document.date) for document in documents))


def main_metrics(evaluation: Evaluation) -> dict[str, float]:
    """The numbers to watch in training; `score`, by which the best epoch is chosen, is the mean of three F1.

    A number that nothing could be measured for is 0.
    """
    metrics = {
        "trigger_f1": evaluation.triggers.strict.f1.value,
        "trigger_root_f1": evaluation.trigger_roots.strict.f1.value,
        "code_accuracy": evaluation.code_accuracy.rate.value,
        "status_accuracy": evaluation.status_accuracy.rate.value,
        "argument_f1": evaluation.arguments.overall.strict.f1.value,
        "event_f1": evaluation.events.relaxed.f1.value,
        "calibration_error": evaluation.calibration.error,
    }
    numbers = {name: 0.0 if value is None else float(value) for name, value in metrics.items()}
    chosen = ("trigger_root_f1", "argument_f1", "event_f1")
    return numbers | {"score": sum(numbers[name] for name in chosen) / len(chosen)}
