"""Windows and their labels into padded tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from geoevents.encoding import IGNORED, TriggerLabels, Window, WindowLabels, pad, pad_windows


@dataclass(frozen=True)
class Example:
    """A labelled window of the training data."""

    window: Window
    labels: WindowLabels


@dataclass(frozen=True)
class EventCollator:
    """Pads the windows of a batch and lists their triggers.

    Attributes:
        pad_id: The tokenizer's padding piece.
        role_groups: Number of role groups in the label scheme.
    """

    pad_id: int
    role_groups: int

    def __call__(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        """The arguments of `EventTagger.forward`."""
        windows = [example.window for example in examples]
        triggers = [(i, trigger) for i, example in enumerate(examples) for trigger in example.labels.triggers]
        batch = pad_windows(windows, self.pad_id)
        words = batch["word_positions"].shape[1]
        arrays = {
            **batch,
            "trigger_tags": pad([example.labels.trigger_tags for example in examples], IGNORED),
            "unlinked_tags": pad([example.labels.unlinked_tags for example in examples], IGNORED),
            "trigger_windows": np.array([i for i, _ in triggers], dtype=np.int64),
            **self._trigger_arrays([trigger for _, trigger in triggers], words),
        }
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def _trigger_arrays(self, triggers: Sequence[TriggerLabels], words: int) -> dict[str, np.ndarray]:
        roles = np.full((len(triggers), self.role_groups, words), IGNORED, dtype=np.int64)
        for row, trigger in zip(roles, triggers, strict=True):
            row[:, : trigger.roles.shape[1]] = trigger.roles
        return {
            "trigger_firsts": np.array([trigger.first for trigger in triggers], dtype=np.int64),
            "trigger_lasts": np.array([trigger.last for trigger in triggers], dtype=np.int64),
            "code_labels": np.array([trigger.code for trigger in triggers], dtype=np.int64),
            "status_labels": np.array([trigger.status for trigger in triggers], dtype=np.int64),
            "role_labels": roles,
        }
