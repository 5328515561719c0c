"""`geoevents train`: a model from annotated files."""

from __future__ import annotations

from geoevents.cli import options
from geoevents.cli.messages import say
from geoevents.errors import MissingExtraError


def train(
    corpus: options.Corpus,
    dev: options.DevCorpus,
    output: options.ModelDirectory,
    encoder: options.Encoder = "default",
    epochs: options.Epochs = 13,
    batch_size: options.TrainingBatch = 32,
    learning_rate: options.LearningRate = 2e-4,
    seed: options.Seed = 13,
    mixed_precision: options.MixedPrecision = False,
    resume: options.Resume = False,
) -> None:
    """Train or fine-tune a model on annotated files (needs the extra 'train').

    \b
    Examples:
      geoevents train seeds/train_*.evt --dev seeds/dev.evt --encoder sentence-transformers/all-MiniLM-L6-v2 -o my-model
      geoevents train mine.evt --dev mine-dev.evt --encoder default -o fine-tuned
      geoevents evaluate seeds/dev.evt --model my-model
    """
    from geoevents.corpora import read_corpus

    try:
        from geoevents.modeling import training
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "torch", "train") from None
    settings = training.TrainingOptions(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        mixed_precision=mixed_precision,
        seed=seed,
    )
    training.train(
        read_corpus(corpus), read_corpus(dev), encoder=encoder, output_dir=output, options=settings, resume=resume
    )
    say(f"the model is in {output}; score it with: geoevents evaluate {dev[0]} --model {output}")
