"""`geoevents evaluate`: how well a model, or anyone's events, agree with an annotated corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import typer

from geoevents.cli import options
from geoevents.cli.labels import parse_roles, read_ontology
from geoevents.events import Document

if TYPE_CHECKING:
    from geoevents.evaluation import Evaluation
    from geoevents.ontology import Ontology


def evaluate(
    corpus: options.Corpus,
    model: options.ModelName = "default",
    backend: options.BackendName = options.Backend.onnx,
    predictions: options.Predictions = None,
    ontology: options.OntologyFile = None,
    roles: options.RoleNames = None,
    source_format: options.CorpusFrom = None,
    as_json: options.AsJson = False,
) -> None:
    """Score a model or anyone's predictions against an annotated corpus.

    Prints precision, recall and F1 of triggers, roots, codes, arguments and whole events with 95% intervals.

    \b
    Examples:
      geoevents evaluate seeds/dev.evt
      geoevents evaluate seeds/dev.evt --model my-model --json > scores.json
      geoevents evaluate seeds/dev.evt --predictions other-coder.jsonl
      geoevents evaluate project-3.json --role Attacker=source --model my-model
    """
    from geoevents.corpora import read_corpus
    from geoevents.evaluation import evaluate

    own_types = read_ontology(ontology) or (None if predictions else model_types(model))
    gold = read_corpus(corpus, format=source_format, ontology=own_types, roles=parse_roles(roles or ()))
    made = read_corpus(predictions) if predictions else predict(gold, model=model, backend=backend.value)
    result = evaluate(gold, made)
    typer.echo(json.dumps(result.to_dict()) if as_json else as_table(result))


def model_types(model: str) -> Ontology | None:
    """The event types of a model that has its own."""
    from geoevents import runtime

    return runtime.read_ontology(runtime.model_directory(model))


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
