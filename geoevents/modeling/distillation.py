"""A small model that imitates a large one (Hinton et al. 2015).

Word vectors are imitated too, and words are replaced by similar ones in half of the windows, as in TinyBERT (Jiao et
al. 2020): the teacher tells what then happens, so that the small model sees many more words than are annotated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from geoevents.encoding import IGNORED
from geoevents.errors import ModelError
from geoevents.modeling.collator import EventCollator, Example
from geoevents.modeling.configuration import EventTaggerConfig
from geoevents.modeling.model import EventTagger, EventTaggerOutput
from geoevents.runtime import Scorer, load_tagger

VECTOR_WEIGHT = 1.0
"""Weight of the distance between the word vectors; that of the trigger scores is 1."""
CODE_WEIGHT = 0.5
"""Weight of the divergence of codes and of statuses."""
ROLE_WEIGHT = 4.0
"""Weight of the divergence of each role group: most words are no arguments, so that its mean is small."""

SIMILAR_WORDS = 15
REPLACED_WINDOWS = 0.5
REPLACED_WORDS = 0.15

_LABELS = ("trigger_tags", "unlinked_tags")
_TRIGGER_LABELS = ("code_labels", "status_labels", "role_labels")


def smaller(
    model: EventTagger,
    *,
    layers: Sequence[int],
    inner_size: int | None = None,
    attention_heads: int | None = None,
    head_size: int | None = None,
) -> EventTagger:
    """A smaller model that starts from the weights of a larger one, reads words and has no trigger layers.

    Args:
        model: The larger model, on an encoder with the layers of BERT.
        layers: The encoder's layers that are kept, from 0.
        inner_size: Width of the layers' inner part, of whose units those with the largest weights are kept; None for
            the width that they have.
        attention_heads: Attention heads of a layer, which divide the encoder's width among them; None for as many as
            there are.
        head_size: Width of the role scores' layers, of whose units those with the largest weights are kept; None for
            the width that they have.

    Raises:
        ModelError: The encoder has other layers, or not these, or cannot have so many attention heads.
    """
    stack = getattr(getattr(model.encoder, "encoder", None), "layer", None)
    if stack is None or not hasattr(stack[-1], "intermediate"):
        raise ModelError(f"an encoder of type {model.config.encoder.get('model_type')!r} cannot be made smaller")
    if not layers or not set(layers) <= set(range(len(stack))):
        raise ModelError(f"layers={list(layers)}: the encoder has the layers 0 to {len(stack) - 1}")
    # A small model that is told what to think of ever new windows does not overfit: dropout would only cost time.
    settings = model.config.to_dict() | {"reads_words": True, "trigger_layers": 0, "head_dropout": 0.0}
    settings["encoder"] = encoder = model.config.encoder | {"num_hidden_layers": len(layers)}
    encoder |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    encoder["intermediate_size"] = inner_size or encoder["intermediate_size"]
    encoder["num_attention_heads"] = attention_heads or encoder["num_attention_heads"]
    settings["head_size"] = head_size or settings["head_size"]
    if encoder["hidden_size"] % encoder["num_attention_heads"]:
        raise ModelError(f"attention_heads={attention_heads}: give a divisor of {encoder['hidden_size']}")
    small = EventTagger(EventTaggerConfig.from_dict(settings))
    weights = small.state_dict()
    kept = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name in weights and weights[name].shape == tensor.shape and ".encoder.layer." not in name
    }
    small.load_state_dict(weights | kept)
    for own, index in zip(small.encoder.encoder.layer, layers, strict=True):
        _copy_layer(own, stack[index])
    if small.event_head is not None and model.event_head is not None:
        _copy_head(small.event_head, model.event_head)
    return small


@torch.no_grad()
def _copy_layer(own: Any, theirs: Any) -> None:
    """Copy a layer of BERT, of its inner units as many as there is room for."""
    own.attention.load_state_dict(theirs.attention.state_dict())
    own.output.LayerNorm.load_state_dict(theirs.output.LayerNorm.state_dict())
    into, out_of = theirs.intermediate.dense, theirs.output.dense
    units = _largest_units([into], out_of, own.intermediate.dense.out_features)
    _copy_linear(own.intermediate.dense, into, outputs=units)
    _copy_linear(own.output.dense, out_of, inputs=units)


@torch.no_grad()
def _copy_head(own: Any, theirs: Any) -> None:
    """Copy the layers of the role scores, of their units as many as there is room for."""
    names = ("word_sum", "word_product", "trigger_sum", "trigger_product", "distance_sum")
    (_, _, middle, _, last), (_, _, own_middle, _, own_last) = theirs.roles, own.roles
    units = _largest_units([getattr(theirs, name) for name in names], middle, own_middle.in_features)
    middle_units = _largest_units([middle], last, own_middle.out_features)
    for name in names:
        _copy_linear(getattr(own, name), getattr(theirs, name), outputs=units)
    _copy_linear(own_middle, middle, inputs=units, outputs=middle_units)
    _copy_linear(own_last, last, inputs=middle_units)


def _largest_units(into: Sequence[nn.Linear], out_of: nn.Linear, count: int) -> Tensor:
    """The hidden units with the largest products of the norms of their weights, in order; (count,)."""
    norms = torch.stack([linear.weight.norm(dim=1) for linear in into]).norm(dim=0)
    units: Tensor = (norms * out_of.weight.norm(dim=0)).topk(count).indices.sort().values
    return units


def _copy_linear(
    own: nn.Linear, theirs: nn.Linear, *, inputs: Tensor | None = None, outputs: Tensor | None = None
) -> None:
    rows = slice(None) if outputs is None else outputs
    weight = theirs.weight[rows]
    own.weight.copy_(weight if inputs is None else weight[:, inputs])
    own.bias.copy_(theirs.bias[rows])


class WordReplacer:
    """Replaces words by words with similar embeddings, and drops the labels of windows in which it has done so.

    Args:
        model: The model whose embeddings tell which words are similar.
        tokenizer: Its tokenizer, with the pieces of BERT.
    """

    @torch.no_grad()
    def __init__(self, model: EventTagger, tokenizer: Tokenizer) -> None:
        embeddings = model.encoder.get_input_embeddings().weight
        pieces = [tokenizer.id_to_token(index) or "" for index in range(len(embeddings))]
        self._continues = torch.tensor([piece.startswith("##") for piece in pieces])
        self._is_word = torch.tensor([piece.isalpha() for piece in pieces])
        words = self._is_word.nonzero().flatten()
        vectors = functional.normalize(embeddings[words], dim=-1)
        # The word itself, which is the most similar of all, comes first.
        nearest = torch.cat([(part @ vectors.T).topk(1 + SIMILAR_WORDS).indices[:, 1:] for part in vectors.split(1024)])
        self._similar = torch.zeros(len(embeddings), SIMILAR_WORDS, dtype=torch.int64)
        self._similar[words] = words[nearest]

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The batch with words replaced; the arguments are those of `EventTagger.forward`."""
        pieces = inputs["input_ids"]
        chosen = torch.rand(len(pieces)) < REPLACED_WINDOWS
        whole = self._is_word[pieces] & ~self._continues[pieces.roll(-1, dims=1)]
        replaced = whole & chosen[:, None] & (torch.rand(pieces.shape) < REPLACED_WORDS)
        others = self._similar[pieces, torch.randint(SIMILAR_WORDS, pieces.shape)]
        batch = {**inputs, "input_ids": torch.where(replaced, others, pieces)}
        for names, without in ((_LABELS, chosen), (_TRIGGER_LABELS, chosen[inputs["trigger_windows"]])):
            for name in names:
                batch[name] = inputs[name].clone()
                batch[name][without] = IGNORED
        return batch


class ImitationCollator:
    """Makes batches with words replaced, and asks the teacher what it thinks of them.

    It is loaded where it is first asked, so that each process that makes batches has its own.

    Args:
        collator: Pads the windows.
        replacer: Replaces words.
        teacher: A geoevents model by name or directory.
    """

    def __init__(self, collator: EventCollator, replacer: WordReplacer, teacher: str | Path) -> None:
        self._collator = collator
        self._replacer = replacer
        self._teacher = teacher
        self._scorer: Scorer | None = None

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        """The arguments of `EventTagger.forward`, and as "judgment" what `imitation_loss` takes."""
        self._scorer = self._scorer or load_tagger(self._teacher, threads=1).scorer
        batch = self._replacer(self._collator(examples))
        return {**batch, "judgment": judge(self._scorer, batch)}


def judge(teacher: Scorer, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a model says of a batch, named as in `EventTaggerOutput`; word vectors and tags alone without triggers."""
    arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
    said = teacher.words(arrays)
    judgment = {"word_vectors": said.vectors["words"], "trigger_logits": said.trigger_logits}
    if len(arrays["trigger_windows"]):
        triggers = (arrays[name] for name in ("trigger_windows", "trigger_firsts", "trigger_lasts"))
        names = ("code_logits", "status_logits", "role_logits")
        judgment |= zip(names, teacher.events(said.vectors, arrays["word_mask"], *triggers), strict=True)
    # Copied, since of torch's own inference nothing may be kept.
    return {name: torch.as_tensor(scores).clone() for name, scores in judgment.items()}


def imitation_loss(
    output: EventTaggerOutput, judgment: Mapping[str, Tensor], inputs: Mapping[str, Tensor], role_tags: Sequence[int]
) -> Tensor:
    """How far a model is from its teacher: divergence of all scores, and distance of the word vectors.

    Args:
        output: What the model says about a batch.
        judgment: What a teacher with the same label sets and size of vectors says; see `judge`.
        inputs: The batch.
        role_tags: Number of tags of each role group.
    """
    words = inputs["word_mask"]
    assert output.word_vectors is not None
    loss = VECTOR_WEIGHT * functional.mse_loss(output.word_vectors[words], judgment["word_vectors"][words])
    loss = loss + _divergence(output.trigger_logits, judgment["trigger_logits"], words)
    if "code_logits" not in judgment:
        return loss
    for name in ("code_logits", "status_logits"):
        loss = loss + CODE_WEIGHT * _divergence(output[name], judgment[name])
    assert output.role_logits is not None
    in_windows = words[inputs["trigger_windows"]]
    roles = judgment["role_logits"].split(role_tags, -1)
    for own, theirs in zip(output.role_logits.split(role_tags, -1), roles, strict=True):
        loss = loss + ROLE_WEIGHT * _divergence(own, theirs, in_windows)
    return loss


def _divergence(logits: Tensor | None, wanted: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean Kullback-Leibler divergence of the distributions where the mask holds."""
    assert logits is not None
    if mask is not None:
        logits, wanted = logits[mask], wanted[mask]
    return functional.kl_div(logits.log_softmax(-1), wanted.log_softmax(-1), log_target=True, reduction="batchmean")
