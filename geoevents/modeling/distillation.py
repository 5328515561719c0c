"""A small model that imitates a large one (Hinton et al. 2015; hidden states as in Jiao et al. 2020, TinyBERT)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from geoevents.errors import ModelError
from geoevents.modeling.configuration import EventTaggerConfig
from geoevents.modeling.model import EventTagger, EventTaggerOutput

VECTOR_WEIGHT = 1.0
"""Weight of the distance between the word vectors; that of the scores is 1."""


def smaller(model: EventTagger, *, layers: Sequence[int], inner_size: int | None = None) -> EventTagger:
    """A smaller model that starts from the weights of a larger one and has no trigger layers.

    Args:
        model: The larger model, on an encoder with the layers of BERT.
        layers: The encoder's layers that are kept, from 0.
        inner_size: Width of the layers' inner part, of whose units those with the largest weights are kept; None for
            the width that they have.

    Raises:
        ModelError: The encoder has other layers, or not these.
    """
    stack = getattr(getattr(model.encoder, "encoder", None), "layer", None)
    if stack is None or not hasattr(stack[-1], "intermediate"):
        raise ModelError(f"an encoder of type {model.config.encoder.get('model_type')!r} cannot be made smaller")
    if not layers or not set(layers) <= set(range(len(stack))):
        raise ModelError(f"layers={list(layers)}: the encoder has the layers 0 to {len(stack) - 1}")
    settings = model.config.to_dict() | {"trigger_layers": 0}
    settings["encoder"] = model.config.encoder | {"num_hidden_layers": len(layers)}
    if inner_size is not None:
        settings["encoder"]["intermediate_size"] = inner_size
    small = EventTagger(EventTaggerConfig.from_dict(settings))
    weights = small.state_dict()
    kept = {
        name: tensor for name, tensor in model.state_dict().items() if name in weights and ".encoder.layer." not in name
    }
    small.load_state_dict(weights | kept)
    for own, index in zip(small.encoder.encoder.layer, layers, strict=True):
        _copy_layer(own, stack[index])
    return small


@torch.no_grad()
def _copy_layer(own: Any, theirs: Any) -> None:
    """Copy a layer of BERT; of its inner units as many as there is room for, by the product of their weights' norms."""
    own.attention.load_state_dict(theirs.attention.state_dict())
    own.output.LayerNorm.load_state_dict(theirs.output.LayerNorm.state_dict())
    into, out_of = theirs.intermediate.dense, theirs.output.dense
    sizes = into.weight.norm(dim=1) * out_of.weight.norm(dim=0)
    chosen = sizes.topk(own.intermediate.dense.out_features).indices.sort().values
    own.intermediate.dense.weight.copy_(into.weight[chosen])
    own.intermediate.dense.bias.copy_(into.bias[chosen])
    own.output.dense.weight.copy_(out_of.weight[:, chosen])
    own.output.dense.bias.copy_(out_of.bias)


def imitation_loss(output: EventTaggerOutput, teacher: EventTagger, inputs: Mapping[str, Tensor]) -> Tensor:
    """How far a model is from its teacher: divergence of all scores, and distance of the word vectors.

    Args:
        output: What the model says about a batch.
        teacher: The teacher, with the same label sets and size of vectors.
        inputs: The batch.
    """
    with torch.no_grad():
        teacher.train(False)
        wanted = teacher(**inputs)
    words = inputs["word_mask"]
    triggers = words[inputs["trigger_windows"]]
    loss = _divergence(output.trigger_logits, wanted.trigger_logits, words)
    loss = (
        loss
        + _divergence(output.code_logits, wanted.code_logits)
        + _divergence(output.status_logits, wanted.status_logits)
    )
    assert output.role_logits is not None
    sizes = teacher.config.scheme.role_tags
    for own, theirs in zip(output.role_logits.split(sizes, -1), wanted.role_logits.split(sizes, -1), strict=True):
        loss = loss + _divergence(own, theirs, triggers)
    assert output.word_vectors is not None
    distance = nn.functional.mse_loss(output.word_vectors[words], wanted.word_vectors[words])
    return loss + VECTOR_WEIGHT * distance


def _divergence(logits: Tensor | None, wanted: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean Kullback-Leibler divergence of the distributions where the mask holds; 0 where there is none."""
    assert logits is not None
    if mask is not None:
        logits, wanted = logits[mask], wanted[mask]
    if not len(logits):
        return logits.sum()
    return functional.kl_div(logits.log_softmax(-1), wanted.log_softmax(-1), log_target=True, reduction="batchmean")
