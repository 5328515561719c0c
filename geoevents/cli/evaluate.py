"""`geoevents evaluate`: how well a model, or anyone's events, agree with an annotated corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from geoevents.cli import options
from geoevents.events import Document

if TYPE_CHECKING:
    from geoevents.evaluation import Evaluation


def evaluate(
    corpus: options.Corpus,
    model: options.ModelName = "default",
    backend: options.BackendName = options.Backend.onnx,
    predictions: options.Predictions = None,
    as_json: options.AsJson = False,
) -> None:
    """Score a model or anyone's predictions against an annotated corpus.

    Prints precision, recall and F1 of triggers, roots, codes, arguments and whole events with 95% intervals.

    \b
    Examples:
      geoevents evaluate seeds/dev.evt
      geoevents evaluate seeds/dev.evt --model my-model --json > scores.json
      geoevents evaluate seeds/dev.evt --predictions other-coder.jsonl
    """
    result = evaluate_corpus(corpus, model=model, backend=backend.value, predictions=predictions)
    typer.echo(json.dumps(result.to_dict()) if as_json else as_table(result))


def evaluate_corpus(
    paths: Sequence[Path],
    *,
    model: str = "default",
    backend: Literal["onnx", "torch"] = "onnx",
    predictions: Path | None = None,
) -> Evaluation:
    """Score a model, or predictions in a file, against annotated files.

    Args:
        paths: The annotated files.
        model: A shipped model's name or a model directory.
        backend: "onnx" or "torch".
        predictions: A file of documents with the same ids and texts to score in place of the model.

    Raises:
        CorpusError: A file cannot be read.
        ModelError: The model cannot be loaded.
        InputError: The predictions are not of the same documents.
    """
    from geoevents.corpora import read_corpus
    from geoevents.evaluation import evaluate

    gold = read_corpus(paths)
    return evaluate(gold, read_corpus(predictions) if predictions else predict(gold, model=model, backend=backend))


def predict(
    documents: Sequence[Document], *, model: str = "default", backend: Literal["onnx", "torch"] = "onnx"
) -> list[Document]:
    """A model's events of the texts of annotated documents, in the form that the annotation has."""
    from geoevents.pipeline import load
    from geoevents.records import Record
    from geoevents.resolution import load_resolver

    # Gold marks every mention and names joint parties as sources.
    resolver = load_resolver(duplicates=False)
    extractor = load(model, backend=backend, resolver=resolver, reciprocal="annotated")
    return list(extractor.pipe(Record(document.text, document.id, document.date) for document in documents))


def as_table(evaluation: Evaluation) -> str:
    """The main scores as lines of text."""
    rows = evaluation.summary_rows()
    width = max(len(metric) for metric, *_ in rows)
    lines = [f"{'metric':<{width}}{'value':>7}   {'95% interval':<15}{'n':>7}"]
    for metric, value, low, high, number in rows:
        interval = "" if low is None or high is None else f"{low:.3f}-{high:.3f}"
        lines.append(f"{metric:<{width}}{'-' if value is None else f'{value:.3f}':>7}   {interval:<15}{number:>7}")
    return "\n".join(lines)
