"""PLV with our model trained further on it, given the pair: five-fold cross-validation on the train part.

    python benchmarks/plv_tuned.py --data PLV_train.tsv --json plv_tuned.json
    python benchmarks/plv_tuned.py --data PLV_train.tsv --test PLV_test.tsv

The published systems are given the marked pair, and so is this one: what the encoder of our event tagger reads at a
word is added a vector that says whether the word is of the source or of the target. A classifier over source, target
and what the sentence says between them gives the event type. It learns first from the events of seeds/ with both
sides (their CAMEO roots as PLV's types), then from PLV's training folds. `benchmarks/plv.py` describes the data.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from plv import QUAD_CLASSES, MarkedPair, plover_type, read_pairs, score_levels
from report import SEEDS, cross_validated, interval, markdown, percent, publish, report, tuning_option_parser
from torch import Tensor, nn
from torch.nn import functional

from geoevents import Document, Span
from geoevents.corpora import read_corpus
from geoevents.encoding import TextEncoder, Window, pad, pad_windows
from geoevents.modeling.building import build_model
from geoevents.modeling.model import EventTagger

TYPES = tuple(QUAD_CLASSES)
NO_SIDE, SOURCE, TARGET = range(3)


@dataclass(frozen=True)
class PairExample:
    """A pair as the classifier reads it.

    Attributes:
        window: The sentence.
        sides: `NO_SIDE`, `SOURCE` or `TARGET` of each word; (words,).
        label: Index of the event type in `TYPES`.
    """

    window: Window
    sides: np.ndarray
    label: int


class PairClassifier(nn.Module):
    """The event type between a marked source and a marked target.

    Args:
        tagger: The event tagger whose encoder reads the sentences; it is trained along.
    """

    def __init__(self, tagger: EventTagger) -> None:
        super().__init__()
        self.tagger = tagger
        size = tagger.config.encoder_config().hidden_size
        self.marks = nn.Embedding(3, size)
        nn.init.normal_(self.marks.weight, std=0.02)
        self.query = nn.Linear(2 * size, size)
        self.classes = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(4 * size, size), nn.GELU(), nn.Dropout(0.1), nn.Linear(size, len(TYPES))
        )

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (windows, types) of windows padded with `padded`."""
        embedded = self.tagger.encoder.get_input_embeddings()(batch["input_ids"])
        embedded = embedded + self.tagger.cases(batch["token_cases"]) + self.marks(batch["piece_sides"])
        states = self.tagger.encoder(inputs_embeds=embedded, attention_mask=batch["attention_mask"]).last_hidden_state
        positions = batch["word_positions"][..., None].expand(-1, -1, states.shape[-1])
        words = states.gather(1, positions)
        source, target = (_mean(words, batch["sides"] == side) for side in (SOURCE, TARGET))
        scores = (words @ self.query(torch.cat([source, target], -1))[..., None]).squeeze(-1) / words.shape[-1] ** 0.5
        weights = scores.masked_fill(~batch["word_mask"], torch.finfo(scores.dtype).min).softmax(-1)
        context = (weights[:, None] @ words).squeeze(1)
        logits: Tensor = self.classes(torch.cat([source, target, context, source * target], -1))
        return logits


def _mean(words: Tensor, inside: Tensor) -> Tensor:
    """Mean vector of the words inside, 0 where there is none; (windows, size)."""
    weights = inside.to(words.dtype)
    return (weights[:, None] @ words).squeeze(1) / weights.sum(-1, keepdim=True).clamp(min=1)


def main(argv: Sequence[str]) -> None:
    """Cross-validate on PLV's train part, or train on all of it and score its test part."""
    parser = tuning_option_parser(__doc__, data="PLV_train.tsv", test="PLV_test.tsv")
    parser.add_argument("--epochs", type=int, default=10, help="passes over PLV")
    parser.add_argument("--seed-epochs", type=int, default=2, help="passes over the events of seeds/ before")
    options = parser.parse_args(argv)
    pairs = list(read_pairs(options.data))
    gold = list(read_pairs(options.test)) if options.test else pairs
    results = {seed: answers(pairs, gold, seed, options) for seed in range(options.seeds)}
    levels = {seed: score_levels(gold, made, bootstrap=options.bootstrap, seed=seed) for seed, made in results.items()}
    plain = {
        str(seed): {
            level: {"macro_f1": f1.value, "low": f1.low, "high": f1.high, "accuracy": accuracy}
            for level, (f1, accuracy) in of_seed.items()
        }
        for seed, of_seed in levels.items()
    }
    publish(
        report("plv_tuned", {"pairs": len(gold), "by_seed": plain}, options=options, argv=argv),
        [levels_table(plain)],
        options.json,
    )


def levels_table(by_seed: dict[str, dict[str, Any]]) -> str:
    """Macro F1 by level: mean over the seeds, and each seed's with its interval."""
    rows = []
    for level in ("root", "quad", "binary"):
        scores = [of_seed[level] for of_seed in by_seed.values()]
        mean = sum(score["macro_f1"] for score in scores) / len(scores)
        each = (f"{percent(score['macro_f1'])} ({interval(score['low'], score['high'])})" for score in scores)
        rows.append((level, percent(mean), *each))
    return markdown(("level", "macro F1, mean", *(f"seed {seed}" for seed in by_seed)), rows)


@dataclass(frozen=True, slots=True)
class GivenType:
    """An answer of the classifier, as `plv.score_levels` takes it."""

    root: str


def answers(
    pairs: Sequence[MarkedPair], gold: Sequence[MarkedPair], seed: int, options: argparse.Namespace
) -> Sequence[GivenType]:
    """The answers to the gold pairs: to the test part, or by folds to the train part itself."""
    start = seed_trained(options, seed)

    def answer(learning: Sequence[MarkedPair], asked: Sequence[MarkedPair]) -> list[GivenType]:
        return tuned_answers(start, learning, asked, seed, options)

    if options.test:
        return answer(pairs, gold)
    return cross_validated(pairs, answer, folds=options.folds, seed=seed)


def seed_trained(options: argparse.Namespace, seed: int) -> dict[str, Tensor]:
    """The weights of a classifier that has learned from the events of seeds/."""
    torch.manual_seed(seed)
    classifier, encoder = new_classifier(options.model)
    documents = read_corpus(sorted(SEEDS.glob("train_*.evt")))
    examples = [example for document in documents for example in seed_pairs(document, encoder)]
    fit(classifier, examples, options, epochs=options.seed_epochs, learning_rate=1e-4, seed=seed)
    return {name: tensor.clone() for name, tensor in classifier.state_dict().items()}


def tuned_answers(
    start: dict[str, Tensor],
    learning: Sequence[MarkedPair],
    asked: Sequence[MarkedPair],
    seed: int,
    options: argparse.Namespace,
) -> list[GivenType]:
    """The answers to some pairs by a model trained on others."""
    torch.manual_seed(seed)
    classifier, encoder = new_classifier(options.model)
    classifier.load_state_dict(start)
    fit(
        classifier,
        [marked_pair(pair, encoder) for pair in learning],
        options,
        epochs=options.epochs,
        learning_rate=5e-5,
        seed=seed,
    )
    classifier.train(False)
    examples = [marked_pair(pair, encoder) for pair in asked]
    with torch.inference_mode():
        labels = [int(classifier(padded([example])).argmax()) for example in examples]
    return [GivenType(TYPES[label]) for label in labels]


def new_classifier(model: str) -> tuple[PairClassifier, TextEncoder]:
    """A classifier on the encoder of a geoevents model."""
    built = build_model(model)
    return PairClassifier(built.model), TextEncoder(built.tokenizer, max_pieces=built.model.config.max_pieces)


def marked_pair(pair: MarkedPair, encoder: TextEncoder) -> PairExample:
    """A sentence of PLV as an example; where it is longer than a window, its first one."""
    (windows,) = encoder.encode([pair.text])
    return PairExample(windows[0], sides(windows[0], pair.sources, pair.targets), TYPES.index(pair.root))


def seed_pairs(document: Document, encoder: TextEncoder) -> Iterator[PairExample]:
    """The events of a document with one type of PLV and both sides."""
    (windows,) = encoder.encode([document.text])
    for event in document.events if len(windows) == 1 else ():
        kind = plover_type(event.root)
        if kind and event.sources and event.targets:
            marks = sides(windows[0], event.sources, event.targets)
            if {SOURCE, TARGET} <= set(marks.tolist()):
                yield PairExample(windows[0], marks, TYPES.index(kind))


def sides(window: Window, sources: Sequence[Span], targets: Sequence[Span]) -> np.ndarray:
    """The side of each word; (words,)."""
    marks = np.full(len(window.word_starts), NO_SIDE, dtype=np.int64)
    for side, spans in ((SOURCE, sources), (TARGET, targets)):
        for span in spans:
            marks[(window.word_starts < span.end) & (window.word_ends > span.start)] = side
    return marks


def padded(examples: Sequence[PairExample]) -> dict[str, Tensor]:
    """The examples as the arguments of `PairClassifier.forward`."""
    batch = {**pad_windows([example.window for example in examples], 0)}
    batch["sides"] = pad([example.sides for example in examples], NO_SIDE)
    batch["piece_sides"] = pad([piece_sides(example) for example in examples], NO_SIDE)
    return {name: torch.from_numpy(array) for name, array in batch.items()}


def piece_sides(example: PairExample) -> np.ndarray:
    """The side of each word piece; (pieces,)."""
    window = example.window
    marks = np.full(len(window), NO_SIDE, dtype=np.int64)
    # The closing special token belongs to no word.
    borders = np.append(window.word_positions, len(window) - 1)
    for side, first, last in zip(example.sides, borders, borders[1:], strict=False):
        marks[first : max(last, first + 1)] = side
    return marks


def fit(
    classifier: PairClassifier,
    examples: Sequence[PairExample],
    options: argparse.Namespace,
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
) -> None:
    """Train the classifier, heads five times as fast as the encoder, with warm-up and linear decay."""
    batch_size = 16
    generator = np.random.default_rng(seed)
    steps = epochs * -(-len(examples) // batch_size)
    encoder = list(classifier.tagger.encoder.parameters())
    known = {id(parameter) for parameter in classifier.tagger.parameters()}
    heads = [parameter for parameter in classifier.parameters() if id(parameter) not in known]
    groups = [{"params": encoder, "lr": learning_rate}, {"params": heads, "lr": 5 * learning_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    warmup = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))
    )
    classifier.train(True)
    for _ in range(epochs):
        order = generator.permutation(len(examples))
        for start in range(0, len(order), batch_size):
            chosen = [examples[i] for i in order[start : start + batch_size]]
            labels = torch.tensor([example.label for example in chosen])
            with torch.autocast("cpu", torch.bfloat16, enabled=options.mixed_precision):
                logits = classifier(padded(chosen))
            loss = functional.cross_entropy(logits.float(), labels, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(classifier.parameters(), 1.0)
            optimizer.step()
            schedule.step()


if __name__ == "__main__":
    main(sys.argv[1:])
