"""`geoevents distil`: a smaller, faster model that imitates another."""

from __future__ import annotations

from geoevents.cli import options
from geoevents.cli.labels import read_ontology
from geoevents.cli.messages import say
from geoevents.errors import MissingExtraError


def distil(
    corpus: options.Corpus,
    output: options.ModelDirectory,
    layers: options.KeptLayers = None,
    start: options.Start = None,
    texts: options.TeacherTexts = None,
    lines: options.Lines = False,
    dev: options.DevCorpus = None,
    teacher: options.Teacher = "default",
    inner_size: options.InnerSize = None,
    attention_heads: options.AttentionHeads = None,
    head_size: options.HeadSize = None,
    ontology: options.OntologyFile = None,
    epochs: options.Epochs = None,
    batch_size: options.TrainingBatch = None,
    learning_rate: options.LearningRate = None,
    mixed_precision: options.MixedPrecision = False,
    workers: options.TrainingWorkers = 0,
    seed: options.Seed = 13,
    resume: options.Resume = False,
) -> None:
    """Train a smaller, faster model that imitates another (needs the extra 'train').

    It starts with some of the other's layers, and learns the annotation, the other's scores and its word vectors; of
    texts without annotation, what the other finds in them.

    \b
    Examples:
      geoevents distil seeds/train_*.evt --dev seeds/dev.evt --layers 1 --layers 5 -o fast-model
      geoevents distil mine.evt --teacher my-model --layers 0 --layers 2 --layers 5 --inner-size 768 -o my-fast-model
      geoevents distil mine.evt --texts "archive/*.jsonl.gz" --layers 1 --layers 5 --workers 1 -o fast-model
    """
    from geoevents.corpora import read_corpus
    from geoevents.formats import read_records

    try:
        from geoevents.modeling import training
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "torch", "train") from None
    own_types = read_ontology(ontology)
    documents = read_corpus(corpus, ontology=own_types)
    unannotated = [record.text for name in texts or () for record in read_records(name, lines=lines)]
    settings = training.TrainingOptions.for_distillation(
        len(documents) + len(unannotated),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        mixed_precision=mixed_precision,
        workers=workers,
        seed=seed,
    )
    training.distil(
        documents,
        read_corpus(dev, ontology=own_types) if dev else None,
        teacher=teacher,
        layers=layers or (),
        start=start,
        texts=unannotated,
        inner_size=inner_size,
        attention_heads=attention_heads,
        head_size=head_size,
        output_dir=output,
        options=settings,
        resume=resume,
    )
    say(f"the model is in {output}; score it with: geoevents evaluate {dev[0] if dev else 'GOLD'} --model {output}")
