"""Scoring a model in training on annotated documents."""

from __future__ import annotations

from collections.abc import Sequence

from geoevents.evaluation import Evaluation, evaluate
from geoevents.events import Document
from geoevents.ontology import Ontology
from geoevents.pipeline import Extractor
from geoevents.prediction import Tagger
from geoevents.records import Record


def evaluate_tagger(
    documents: Sequence[Document], tagger: Tagger, own_types: Ontology | None = None, *, bootstrap: int = 0
) -> Evaluation:
    """Extract the events of annotated documents as a user would, and score them.

    Args:
        documents: Gold documents.
        tagger: The model.
        own_types: Its event types where they are not CAMEO's.
        bootstrap: Bootstrap samples for the intervals, 0 for none.
    """
    return evaluate(documents, extract_documents(documents, tagger, own_types), bootstrap=bootstrap)


def extract_documents(
    documents: Sequence[Document], tagger: Tagger, own_types: Ontology | None = None
) -> list[Document]:
    """What the model makes of the documents' texts, in the form of the annotation and without resolution."""
    extractor = Extractor(tagger, reciprocal="annotated", ontology=own_types)
    return list(extractor.pipe(Record(document.text, document.id, document.date) for document in documents))


def main_metrics(evaluation: Evaluation) -> dict[str, float]:
    """The numbers to watch in training, and `score`, by which the best epoch is chosen.

    The score is the mean of up to four F1: triggers with roots, their arguments, whole events, and arguments without
    an event, each where the gold documents have any. A number that nothing could be measured for is 0.
    """
    f1 = {
        "trigger_root_f1": evaluation.trigger_roots.strict,
        "argument_f1": evaluation.arguments.overall.strict,
        "event_f1": evaluation.events.relaxed,
        "unlinked_f1": evaluation.unlinked.overall.strict,
    }
    has_links = evaluation.arguments.overall.strict.counts.support > 0
    chosen = [name for name, scores in f1.items() if scores.counts.support and (has_links or name != "event_f1")]
    metrics = {
        "trigger_f1": evaluation.triggers.strict.f1.value,
        "code_accuracy": evaluation.code_accuracy.rate.value,
        "status_accuracy": evaluation.status_accuracy.rate.value,
        "calibration_error": evaluation.calibration.error,
        **{name: scores.f1.value for name, scores in f1.items()},
    }
    numbers = {name: 0.0 if value is None else float(value) for name, value in metrics.items()}
    return numbers | {"score": sum(numbers[name] for name in chosen) / max(1, len(chosen))}
