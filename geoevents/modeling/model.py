"""The event tagger: one encoder pass over a window, then light heads for triggers and for each trigger's event."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, PreTrainedModel
from transformers.utils.generic import ModelOutput

from geoevents.encoding import IGNORED, Case
from geoevents.modeling.configuration import EventTaggerConfig


@dataclass
class EventTaggerOutput(ModelOutput):
    """Scores of a batch.

    Attributes:
        loss: Weighted sum of the losses, where labels were given; scalar.
        trigger_logits: (windows, words, 1 + 2 * roots).
        code_logits: (triggers, codes).
        status_logits: (triggers, statuses).
        role_logits: (triggers, words, sum of the role groups' tags).
        unlinked_logits: (windows, words, 1 + 2 * unlinked roles), where the model has such roles.
        word_vectors: What the heads read of each word; (windows, words, size).
    """

    loss: Tensor | None = None
    trigger_logits: Tensor | None = None
    code_logits: Tensor | None = None
    status_logits: Tensor | None = None
    role_logits: Tensor | None = None
    unlinked_logits: Tensor | None = None
    word_vectors: Tensor | None = None


class TriggerLayer(nn.Module):
    """A transformer layer over the words of a window, as one trigger sees them (Vaswani et al. 2017, post-norm)."""

    def __init__(self, size: int, heads: int, inner_size: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(size, 3 * size)
        self.mixed = nn.Linear(size, size)
        self.attention_norm = nn.LayerNorm(size)
        self.inner = nn.Linear(size, inner_size)
        self.outer = nn.Linear(inner_size, size)
        self.output_norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, word_mask: Tensor) -> Tensor:
        """New states of the words.

        Args:
            states: (triggers, words, size).
            word_mask: True at words, False at padding; (triggers, words).
        """
        triggers, words, size = states.shape
        shape = (triggers, words, 3, self.heads, size // self.heads)
        query, key, value = self.query_key_value(states).view(shape).permute(2, 0, 3, 1, 4).unbind(0)
        scores = query @ key.transpose(-1, -2) / (size // self.heads) ** 0.5
        scores = scores.masked_fill(~word_mask[:, None, None, :], torch.finfo(scores.dtype).min)
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).reshape(triggers, words, size)
        states = self.attention_norm(states + self.dropout(self.mixed(mixed)))
        states = states + self.dropout(self.outer(functional.gelu(self.inner(states))))
        normalised: Tensor = self.output_norm(states)
        return normalised


class TagHead(nn.Module):
    """BIO scores of every word."""

    def __init__(self, size: int, tags: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(size, size), nn.GELU(), nn.Linear(size, tags))

    def forward(self, words: Tensor) -> Tensor:
        """Logits (windows, words, tags) of word vectors (windows, words, size)."""
        logits: Tensor = self.layers(words)
        return logits


class EventHead(nn.Module):
    """Code, status and argument scores of each trigger."""

    def __init__(self, config: EventTaggerConfig, size: int, heads: int, inner_size: int) -> None:
        super().__init__()
        width, scheme = config.head_size, config.scheme
        self.max_distance = config.max_distance
        self.distance = nn.Embedding(2 * config.max_distance + 1, size)
        self.trigger_layers = nn.ModuleList(
            TriggerLayer(size, heads, inner_size, config.head_dropout / 2) for _ in range(config.trigger_layers)
        )
        self.word_sum = nn.Linear(size, width)
        self.trigger_sum = nn.Linear(size, width)
        self.word_product = nn.Linear(size, width)
        self.trigger_product = nn.Linear(size, width)
        self.distance_sum = nn.Linear(size, width)
        self.roles = nn.Sequential(
            nn.GELU(),
            nn.Dropout(config.head_dropout),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, sum(scheme.role_tags)),
        )
        self.context_query = nn.Linear(size, size)
        self.event = nn.Sequential(
            nn.Dropout(config.head_dropout), nn.Linear(2 * size, size), nn.GELU(), nn.Dropout(config.head_dropout / 2)
        )
        self.codes = nn.Linear(size, len(scheme.codes))
        self.statuses = nn.Linear(size, len(scheme.statuses))

    def argument_words(self, words: Tensor, lower_words: Tensor) -> Tensor:
        """What the role scores start from, which is the same for all triggers of a window.

        Args:
            words: Word vectors of the last layer; (windows, words, size).
            lower_words: Word vectors of the layer that the trigger layers start from; (windows, words, size).

        Returns:
            The lower word vectors, where there are trigger layers; else both projections of the words,
            (windows, words, 2 * head size).
        """
        return lower_words if len(self.trigger_layers) else self._projected(words)

    def forward(
        self, words: Tensor, argument_words: Tensor, word_mask: Tensor, windows: Tensor, firsts: Tensor, lasts: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of codes (triggers, codes), statuses (triggers, statuses) and role tags (triggers, words, tags).

        Args:
            words: Word vectors of the last layer; (windows, words, size).
            argument_words: See `argument_words()`.
            word_mask: True at words, False at padding; (windows, words).
            windows: The window of each trigger; (triggers,).
            firsts: First word of each trigger; (triggers,).
            lasts: Last word of each trigger; (triggers,).
        """
        word_mask, words = word_mask[windows], words[windows]
        index = torch.arange(words.shape[1], device=words.device)[None]
        inside = (index >= firsts[:, None]) & (index <= lasts[:, None])
        trigger = _mean(words, inside)
        before = (index - firsts[:, None]).clamp(min=-self.max_distance, max=0)
        behind = (index - lasts[:, None]).clamp(min=0, max=self.max_distance)
        distances = before + behind + self.max_distance
        projected = argument_words[windows]
        if len(self.trigger_layers):
            words = projected + self.distance(distances)
            for layer in self.trigger_layers:
                words = layer(words, word_mask)
            trigger = _mean(words, inside)
            projected = self._projected(words)
        word_sums, word_products = projected.chunk(2, dim=-1)
        pairs = (
            word_sums
            + self.trigger_sum(trigger)[:, None]
            + word_products * self.trigger_product(trigger)[:, None]
            + self.distance_sum(self.distance.weight)[distances]
        )
        event = self.event(torch.cat([trigger, self._context(words, word_mask, trigger)], dim=-1))
        codes, statuses, roles = self.codes(event), self.statuses(event), self.roles(pairs)
        return codes, statuses, roles

    def _projected(self, words: Tensor) -> Tensor:
        return torch.cat([self.word_sum(words), self.word_product(words)], dim=-1)

    def _context(self, words: Tensor, word_mask: Tensor, trigger: Tensor) -> Tensor:
        """What the trigger attends to in its window; (triggers, size)."""
        scores = (words @ self.context_query(trigger)[..., None]).squeeze(-1) / words.shape[-1] ** 0.5
        weights = scores.masked_fill(~word_mask, torch.finfo(scores.dtype).min).softmax(-1)
        context: Tensor = (weights[:, None] @ words).squeeze(1)
        return context


class EventTagger(PreTrainedModel):
    """Token classification of event triggers, and of each trigger's code, status and arguments.

    Any Hugging Face encoder that takes `inputs_embeds` serves. The case of a word is added to the embeddings of its
    pieces, since the vocabularies of small encoders are mostly uncased. A model whose label scheme has no roots has no
    event head, one without unlinked roles no head for these.

    Attributes:
        tag_weights: Weights of the trigger tags in the loss, (1 + 2 * roots,), or None for equal ones; not saved.
        code_weights: Weights of the codes in the loss, (codes,), or None for equal ones; not saved.
    """

    config_class = EventTaggerConfig
    base_model_prefix = "encoder"
    config: EventTaggerConfig

    def __init__(self, config: EventTaggerConfig) -> None:
        super().__init__(config)
        encoder_config = config.encoder_config()
        size = encoder_config.hidden_size
        heads = encoder_config.num_attention_heads
        inner_size = getattr(encoder_config, "intermediate_size", 4 * size)
        self.encoder = AutoModel.from_config(encoder_config)
        self.cases = nn.Embedding(len(Case), self.encoder.get_input_embeddings().weight.shape[1])
        scheme = config.scheme
        self.trigger_head = TagHead(size, scheme.trigger_tags, config.head_dropout)
        self.event_head = EventHead(config, size, heads, inner_size) if scheme.roots else None
        self.unlinked_head = TagHead(size, scheme.unlinked_tags, config.head_dropout) if scheme.unlinked_roles else None
        self.tag_weights: Tensor | None
        self.code_weights: Tensor | None
        self.register_buffer("tag_weights", None, persistent=False)
        self.register_buffer("code_weights", None, persistent=False)
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)  # type: ignore[no-untyped-call]
        if module is self.cases:
            nn.init.zeros_(self.cases.weight)

    def word_vectors(
        self, input_ids: Tensor, attention_mask: Tensor, token_cases: Tensor, word_positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The vector of each word, (windows, words, size), and what the role scores start from.

        A word's vector is that at its first piece, in a model that reads pieces.

        The second is that of `EventHead.argument_words`; the vectors again in a model without event head.

        Args:
            input_ids: Word pieces; (windows, pieces).
            attention_mask: 1 at pieces, 0 at padding; (windows, pieces).
            token_cases: `Case` of each piece; (windows, pieces).
            word_positions: First piece of each word; (windows, words).
        """
        embedded = self.encoder.get_input_embeddings()(input_ids) + self.cases(token_cases)
        if self.config.reads_words:
            first = torch.arange(word_positions.shape[1], device=word_positions.device) == 0
            is_word = first | (word_positions > 0)  # padding words are at position 0
            embedded = _word_means(embedded, attention_mask, word_positions, is_word)
            attention_mask = is_word.to(attention_mask.dtype)
        output = self.encoder(inputs_embeds=embedded, attention_mask=attention_mask, output_hidden_states=True)
        states, lower = output.hidden_states[-1], output.hidden_states[-1 - self.config.trigger_layers]
        words, lower_words = states, lower
        if not self.config.reads_words:
            positions = word_positions[..., None].expand(-1, -1, states.shape[-1])
            words, lower_words = states.gather(1, positions), lower.gather(1, positions)
        return words, words if self.event_head is None else self.event_head.argument_words(words, lower_words)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_cases: Tensor,
        word_positions: Tensor,
        word_mask: Tensor,
        trigger_windows: Tensor,
        trigger_firsts: Tensor,
        trigger_lasts: Tensor,
        trigger_tags: Tensor | None = None,
        code_labels: Tensor | None = None,
        status_labels: Tensor | None = None,
        role_labels: Tensor | None = None,
        unlinked_tags: Tensor | None = None,
    ) -> EventTaggerOutput:
        """Scores of the given triggers, and the loss where labels are given; a label of -100 is no label.

        Args:
            input_ids: Word pieces; (windows, pieces).
            attention_mask: 1 at pieces, 0 at padding; (windows, pieces).
            token_cases: `Case` of each piece; (windows, pieces).
            word_positions: First piece of each word; (windows, words).
            word_mask: True at words, False at padding; (windows, words).
            trigger_windows: The window of each trigger; (triggers,).
            trigger_firsts: First word of each trigger; (triggers,).
            trigger_lasts: Last word of each trigger; (triggers,).
            trigger_tags: Gold BIO x root tags; (windows, words).
            code_labels: Gold codes; (triggers,).
            status_labels: Gold statuses; (triggers,).
            role_labels: Gold BIO tags; (triggers, role groups, words).
            unlinked_tags: Gold BIO tags of the unlinked roles; (windows, words).
        """
        words, argument_words = self.word_vectors(input_ids, attention_mask, token_cases, word_positions)
        output = EventTaggerOutput(trigger_logits=self.trigger_head(words), word_vectors=words)
        if self.unlinked_head is not None:
            output.unlinked_logits = self.unlinked_head(words)
        if self.event_head is not None:
            triggers = (trigger_windows, trigger_firsts, trigger_lasts)
            logits = self.event_head(words, argument_words, word_mask, *triggers)
            output.code_logits, output.status_logits, output.role_logits = logits
        if trigger_tags is not None:
            output.loss = self._tag_loss(output, trigger_tags, unlinked_tags)
            if code_labels is not None and status_labels is not None and role_labels is not None:
                output.loss = output.loss + self._event_loss(output, code_labels, status_labels, role_labels)
        return output

    def _tag_loss(self, output: EventTaggerOutput, trigger_tags: Tensor, unlinked_tags: Tensor | None) -> Tensor:
        loss = self.config.loss_weights[0] * _cross_entropy(output.trigger_logits, trigger_tags, self.tag_weights)
        if output.unlinked_logits is not None and unlinked_tags is not None:
            loss = loss + _cross_entropy(output.unlinked_logits, unlinked_tags)
        return loss

    def _event_loss(
        self, output: EventTaggerOutput, code_labels: Tensor, status_labels: Tensor, role_labels: Tensor
    ) -> Tensor | float:
        if output.role_logits is None:
            return 0.0
        role_logits = output.role_logits.split(self.config.scheme.role_tags, dim=-1)
        role_losses = [_cross_entropy(logits, role_labels[:, group]) for group, logits in enumerate(role_logits)]
        losses = (
            torch.stack(role_losses).sum(),
            _cross_entropy(output.code_logits, code_labels, self.code_weights, self.config.label_smoothing),
            _cross_entropy(output.status_logits, status_labels),
        )
        return torch.stack(losses) @ losses[0].new_tensor(self.config.loss_weights[1:])


def _word_means(pieces: Tensor, attention_mask: Tensor, word_positions: Tensor, is_word: Tensor) -> Tensor:
    """The mean vector of each word's pieces; (windows, words, size), 0 at padding.

    Args:
        pieces: Vectors of the pieces; (windows, pieces, size).
        attention_mask: 1 at pieces, 0 at padding; (windows, pieces).
        word_positions: First piece of each word; (windows, words).
        is_word: True at words, False at padding; (windows, words).
    """
    # A word ends where the next begins, the last one before the piece that closes the window.
    next_positions = torch.cat([word_positions[:, 1:], torch.zeros_like(word_positions[:, :1])], dim=1)
    ends = torch.where(next_positions > 0, next_positions, attention_mask.sum(1, keepdim=True) - 1)
    index = torch.arange(pieces.shape[1], device=pieces.device)
    inside = (index >= word_positions[..., None]) & (index < ends[..., None]) & is_word[..., None]
    weights = inside.to(pieces.dtype)
    means: Tensor = (weights / weights.sum(-1, keepdim=True).clamp(min=1)) @ pieces
    return means


def _mean(words: Tensor, inside: Tensor) -> Tensor:
    """Mean vector of the words inside; (triggers, size)."""
    weights = inside.to(words.dtype)
    return (weights[:, None] @ words).squeeze(1) / weights.sum(-1, keepdim=True)


def _cross_entropy(
    logits: Tensor | None, labels: Tensor, weights: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """Mean cross entropy over the labels that are not ignored; 0 where there is none."""
    assert logits is not None
    count = (labels != IGNORED).sum().clamp(min=1)
    total = functional.cross_entropy(
        logits.float().flatten(0, -2),
        labels.flatten(),
        weight=weights,
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=label_smoothing,
    )
    return total / count


AutoModel.register(EventTaggerConfig, EventTagger, exist_ok=True)
