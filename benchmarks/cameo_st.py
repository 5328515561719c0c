"""CAMEO-ST: who is source and who is target in a news sentence, fine-tuned; entity F1 of seqeval.

The data are those of Hu et al. (NAACL 2022), `data/cameo_ner` in the repository eventdata/ConfliBERT: on each
line a word and a tag of the source (S), the target (T) or a related actor (R). They are not part of this project, and
the shipped model has not seen them.

    python benchmarks/cameo_st.py --data train.txt --json cameo_st.json
    python benchmarks/cameo_st.py --data train.txt --test test.txt

The sentences mark arguments without saying to which event they belong, so that fine-tuning our model gives it a head
for such arguments, over the encoder that has learned events. Five-fold cross-validation on the train part, or training
on all of it and scoring the test part. The last epoch counts; no sentence is spent on choosing one.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from report import cross_validated, markdown, percent, publish, report, tuning_option_parser

from geoevents import Document, load
from geoevents.corpora import read_corpus
from geoevents.events import Argument
from geoevents.modeling.training import TrainingOptions, train

ROLES = {"S": "source", "T": "target", "R": "related"}


def main(argv: Sequence[str]) -> None:
    """Cross-validate on the train part, or train on all of it and score the test part."""
    parser = tuning_option_parser(__doc__, data="train.txt of cameo_ner", test="test.txt")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    options = parser.parse_args(argv)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    documents = read_corpus(options.data, format="conll", roles=ROLES)
    gold = read_corpus(options.test, format="conll", roles=ROLES) if options.test else documents
    made = {seed: answers(documents, gold, seed, options) for seed in range(options.seeds)}
    scores = {str(seed): scored(gold, found, options) for seed, found in made.items()}
    results = {"sentences": len(gold), "by_seed": scores}
    publish(report("cameo_st", results, options=options, argv=argv), [scores_table(scores)], options.json)


def answers(
    documents: Sequence[Document], gold: Sequence[Document], seed: int, options: argparse.Namespace
) -> Sequence[Document]:
    """What is found in the gold documents: in the test part, or by folds in the train part itself."""

    def answer(learning: Sequence[Document], asked: Sequence[Document]) -> list[Document]:
        return tuned(learning, asked, seed, options)

    if options.test:
        return answer(documents, gold)
    return cross_validated(documents, answer, folds=options.folds, seed=seed)


def tuned(
    learning: Sequence[Document], asked: Sequence[Document], seed: int, options: argparse.Namespace
) -> list[Document]:
    """What a model trained on some documents finds in others."""
    settings = TrainingOptions(
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        patience=options.epochs,
        calibration_share=0.0,
        swap_probability=0.0,
        mixed_precision=options.mixed_precision,
        seed=seed,
    )
    with TemporaryDirectory() as directory:
        # The best epoch on documents without gold is the last one.
        unmarked = [Document("none", learning[0].text)]
        train(learning, unmarked, encoder=options.model, output_dir=directory, options=settings)
        extractor = load(directory, resolver=None)
        return [extractor(document.text, id=document.id) for document in asked]


def scored(gold: Sequence[Document], made: Sequence[Document], options: argparse.Namespace) -> dict[str, Any]:
    """Micro and macro F1 with the micro F1's 95% percentile interval over resampled sentences."""
    from seqeval.metrics import classification_report

    truth, found = [tags(document) for document in gold], [tags(document) for document in made]
    table = classification_report(truth, found, output_dict=True, zero_division=0)
    counts = np.array([entity_counts(one, other) for one, other in zip(truth, found, strict=True)])
    rng = np.random.default_rng(options.seed)
    sums = [counts[rng.integers(len(counts), size=len(counts))].sum(0) for _ in range(options.bootstrap)]
    low, high = np.percentile([2 * right / max(1, wanted + given) for right, wanted, given in sums], [2.5, 97.5])
    return {
        "micro_f1": float(table["micro avg"]["f1-score"]),
        "low": float(low),
        "high": float(high),
        "macro_f1": float(table["macro avg"]["f1-score"]),
        "by_role": {role: float(table[role]["f1-score"]) for role in ROLES.values() if role in table},
    }


def entity_counts(truth: Sequence[str], found: Sequence[str]) -> tuple[int, int, int]:
    """Entities of a sentence that agree, that there are, and that were found."""
    from seqeval.metrics.sequence_labeling import get_entities

    wanted, given = set(get_entities(list(truth))), set(get_entities(list(found)))
    return len(wanted & given), len(wanted), len(given)


def tags(document: Document) -> list[str]:
    """A BIO tag for each of the file's words, which white space separates."""
    tags, at = [], 0
    inside: Argument | None = None
    for word in document.text.split():
        start = document.text.index(word, at)
        at = start + len(word)
        argument = next((item for item in document.arguments if item.start < at and start < item.end), None)
        tags.append("O" if argument is None else f"{'I' if argument is inside else 'B'}-{argument.role}")
        inside = argument
    return tags


def scores_table(by_seed: dict[str, dict[str, Any]]) -> str:
    """F1 in percent: each seed's, and their mean and standard deviation."""
    columns = ("micro_f1", "macro_f1")
    rows = [
        (
            seed,
            *(percent(scores[column]) for column in columns),
            f"{percent(scores['low'])} to {percent(scores['high'])}",
        )
        for seed, scores in by_seed.items()
    ]
    values = {column: [scores[column] for scores in by_seed.values()] for column in columns}
    rows.append(("mean", *(percent(float(np.mean(values[column]))) for column in columns), ""))
    rows.append(("deviation", *(percent(float(np.std(values[column]))) for column in columns), ""))
    return markdown(("seed", "micro F1", "macro F1", "95% interval of micro F1"), rows)


if __name__ == "__main__":
    main(sys.argv[1:])
