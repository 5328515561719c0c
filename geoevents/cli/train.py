"""`geoevents train`: a model from annotated files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geoevents.cli import options
from geoevents.cli.labels import parse_roles, read_ontology
from geoevents.cli.messages import say
from geoevents.errors import InputError, MissingExtraError

SHUFFLE_BUFFER = 10_000


def train(
    corpus: options.Corpus,
    output: options.ModelDirectory,
    dev: options.DevCorpus = None,
    encoder: options.Encoder = "default",
    ontology: options.OntologyFile = None,
    roles: options.RoleNames = None,
    source_format: options.CorpusFrom = None,
    epochs: options.Epochs = None,
    steps: options.Steps = None,
    batch_size: options.TrainingBatch = None,
    learning_rate: options.LearningRate = None,
    layer_decay: options.LayerDecay = None,
    frozen_layers: options.FrozenLayers = None,
    balanced: options.Balanced = False,
    mixed_precision: options.MixedPrecision = False,
    stream: options.Stream = False,
    seed: options.Seed = 13,
    resume: options.Resume = False,
) -> None:
    """Train or fine-tune a model on annotated files (needs the extra 'train').

    The event types are those of --ontology, else the model's if it has all that the corpus uses, else the corpus's.

    \b
    Examples:
      geoevents train mine.evt --output my-model
      geoevents train strikes.conll --dev strikes-dev.conll --encoder default -o strikes-model
      geoevents train project-3.json --ontology types.tsv --role Attacker=source --frozen-layers 2 -o my-model
      geoevents train seeds/train_*.evt --dev seeds/dev.evt --encoder sentence-transformers/all-MiniLM-L6-v2 -o my-model
      geoevents train big/*.jsonl --stream --steps 20000 --dev dev.jsonl -o my-model
    """
    from geoevents.corpora import read_corpus, stream_corpus

    try:
        from geoevents.modeling import training
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "torch", "train") from None
    own_types = read_ontology(ontology)
    reading: Mapping[str, Any] = {"format": source_format, "ontology": own_types, "roles": parse_roles(roles or ())}
    if stream and (steps is None or not dev):
        raise InputError("--stream needs --steps, since a stream has no length, and --dev, to tell what it marks")
    documents = (
        stream_corpus(corpus, **reading).shuffle(seed=seed, buffer_size=SHUFFLE_BUFFER)
        if stream
        else read_corpus(corpus, **reading)
    )
    settings = training.TrainingOptions.for_corpus(
        None if stream else len(documents),
        epochs=epochs,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        layer_decay=layer_decay,
        frozen_layers=frozen_layers,
        balanced=balanced,
        mixed_precision=mixed_precision,
        seed=seed,
    )
    training.train(
        documents,
        read_corpus(dev, **reading) if dev else None,
        encoder=encoder,
        output_dir=output,
        options=settings,
        own_types=own_types,
        resume=resume,
    )
    say(f"the model is in {output}; score it with: geoevents evaluate {dev[0] if dev else 'GOLD'} --model {output}")
