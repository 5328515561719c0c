"""Annotated documents as labelled windows, from memory or from a stream."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch.utils.data import Dataset, IterableDataset

from geoevents.corpora.dataset import row_document
from geoevents.encoding import ALL_LAYERS, LabelScheme, LearnedLayers, TextEncoder, label_window
from geoevents.events import Document
from geoevents.modeling.augmentation import MentionSwapper
from geoevents.modeling.collator import Example

if TYPE_CHECKING:
    import datasets


class ExampleDataset(Dataset[Example]):
    """The labelled windows of annotated documents.

    Args:
        documents: Annotated documents.
        text_encoder: Texts into windows.
        scheme: The label sets.
        layers: What the labels are taken from.
        swapper: Swaps mentions, or None.
        swap_probability: How often a window comes from a swapped document, 0 to 1.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        text_encoder: TextEncoder,
        scheme: LabelScheme,
        *,
        layers: LearnedLayers = ALL_LAYERS,
        swapper: MentionSwapper | None = None,
        swap_probability: float = 0.0,
    ) -> None:
        self.text_encoder = text_encoder
        self.scheme = scheme
        self.layers = layers
        self.swapper = swapper
        self.swap_probability = swap_probability
        self.examples = [(document, i, example) for document in documents for i, example in self._examples(document)]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        document, window, example = self.examples[index]
        # Torch's generator is the one that a resumed training restores.
        if self.swapper is None or torch.rand(()).item() >= self.swap_probability:
            return example
        swapped = self.swapper.swap(document, random.Random(int(torch.randint(2**31, ()))))
        return dict(self._examples(swapped)).get(window, example)

    @property
    def lengths(self) -> list[int]:
        """Word pieces of each window."""
        return [len(example.window) for _, _, example in self.examples]

    @property
    def lost(self) -> int:
        """Gold spans that BIO tags cannot express."""
        return sum(example.labels.lost for _, _, example in self.examples)

    def _examples(self, document: Document) -> Iterator[tuple[int, Example]]:
        return enumerate(labelled_windows(document, self.text_encoder, self.scheme, self.layers))


class ExampleStream(IterableDataset[Example]):
    """The labelled windows of a stream of annotated documents, which is never held in memory.

    Args:
        rows: Documents as `geoevents.corpora.to_dataset` or `stream_corpus` make them.
        text_encoder: Texts into windows.
        scheme: The label sets.
        layers: What the labels are taken from.
    """

    def __init__(
        self, rows: datasets.IterableDataset, text_encoder: TextEncoder, scheme: LabelScheme, layers: LearnedLayers
    ) -> None:
        self.rows = rows
        self.text_encoder = text_encoder
        self.scheme = scheme
        self.layers = layers

    def __iter__(self) -> Iterator[Example]:
        for number, row in enumerate(self.rows):
            yield from labelled_windows(row_document(row, number), self.text_encoder, self.scheme, self.layers)

    def set_epoch(self, epoch: int) -> None:
        """Shuffle anew in each epoch; the trainer calls it."""
        self.rows.set_epoch(epoch)


def labelled_windows(
    document: Document, text_encoder: TextEncoder, scheme: LabelScheme, layers: LearnedLayers
) -> Iterator[Example]:
    """The windows of a document's text with their labels."""
    (windows,) = text_encoder.encode([document.text])
    for window in windows:
        labels = label_window(window, document.events, scheme, arguments=document.arguments, layers=layers)
        yield Example(window, labels)


def learned_layers(documents: Sequence[Document], scheme: LabelScheme) -> LearnedLayers:
    """The layers that a corpus marks somewhere: what it marks nowhere it says nothing about.

    Args:
        documents: The corpus.
        scheme: The label sets of the model.
    """
    events = [event for document in documents for event in document.events]
    roles = {role for event in events for role, _ in event.arguments()}
    return LearnedLayers(
        triggers=bool(events),
        statuses=any(event.status != "asserted" for event in events),
        role_groups=tuple(bool(roles.intersection(group)) for group in scheme.role_groups),
        unlinked=any(document.arguments for document in documents),
    )
