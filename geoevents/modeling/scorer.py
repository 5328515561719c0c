"""The network on torch, in the two steps that decoding needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from geoevents.decoding import FloatArray
from geoevents.encoding import IntArray
from geoevents.errors import ModelError
from geoevents.modeling.model import EventTagger
from geoevents.runtime import WordScores


class TorchScorer:
    """An `EventTagger` as a `geoevents.runtime.Scorer`.

    Args:
        model: The model; it is used as it is, so a model in training scores with its present weights.
    """

    def __init__(self, model: EventTagger) -> None:
        self.model = model

    @torch.inference_mode()
    def words(self, batch: Mapping[str, Any]) -> WordScores:
        """See `Scorer.words`."""
        names = ("input_ids", "attention_mask", "token_cases", "word_positions")
        words, argument_words = self.model.word_vectors(*(self._tensor(batch[name]) for name in names))
        unlinked = None if self.model.unlinked_head is None else self._array(self.model.unlinked_head(words))
        return WordScores(
            self._array(self.model.trigger_head(words)), unlinked, {"words": words, "argument_words": argument_words}
        )

    @torch.inference_mode()
    def events(
        self, words: Mapping[str, Any], word_mask: Any, windows: IntArray, firsts: IntArray, lasts: IntArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See `Scorer.events`."""
        inputs = (self._tensor(array) for array in (word_mask, windows, firsts, lasts))
        assert self.model.event_head is not None, "a model without roots finds no triggers"
        codes, statuses, roles = self.model.event_head(words["words"], words["argument_words"], *inputs)
        return self._array(codes), self._array(statuses), self._array(roles)

    def _tensor(self, array: Any) -> torch.Tensor:
        return torch.from_numpy(array).to(self.model.device)

    @staticmethod
    def _array(tensor: torch.Tensor) -> FloatArray:
        array: FloatArray = tensor.float().cpu().numpy()
        return array


def load_torch_scorer(directory: Path, *, threads: int | None = None) -> TorchScorer:
    """The model of a directory on torch, in float32.

    Raises:
        ModelError: The weights are missing or do not fit the configuration.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        model = EventTagger.from_pretrained(directory, dtype=torch.float32)
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        cause = " ".join(str(error).split())
        raise ModelError(f"{directory}: the weights cannot be loaded ({cause}); save the model again") from error
    model.train(False)
    return TorchScorer(model)
