"""Configuration of the event tagger: the encoder, the label sets, the heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import AutoConfig, PretrainedConfig

from geoevents.encoding import LabelScheme
from geoevents.events import Role, Status
from geoevents.runtime import FORMAT_VERSION


class EventTaggerConfig(PretrainedConfig):
    """Everything that `EventTagger` needs to be built.

    Args:
        encoder: Configuration of the Hugging Face encoder, as a dictionary with its `model_type`.
        roots: Event types of the trigger head.
        codes: Full codes of the code head.
        statuses: Event statuses.
        role_groups: Roles by tagging layer; see `LabelScheme.role_groups`.
        unlinked_roles: Roles that are tagged without an event; see `LabelScheme.unlinked_roles`.
        head_size: Width of the heads.
        head_dropout: Dropout inside the heads, 0 to 1.
        reads_words: Whether the encoder reads words, as the means of their pieces' embeddings, in place of the pieces:
            a seventh fewer positions in English news.
        trigger_layers: Transformer layers over the words that each trigger runs again to find its arguments.
        max_distance: Farthest distance from the trigger, in words, that has an embedding of its own.
        label_smoothing: Probability mass that the code loss spreads over the other codes, 0 to 1.
        loss_weights: Weight of each loss: triggers, roles, code, status.
        max_pieces: Longest window, in word pieces.
        outside_bias: See `geoevents.decoding.Decoder`.
        calibration: See `geoevents.decoding.Decoder`.
        format_version: Version of the model directory's format.
    """

    model_type = "geoevents"
    has_no_defaults_at_init = False

    def __init__(
        self,
        encoder: Mapping[str, Any] | None = None,
        roots: Sequence[str] = (),
        codes: Sequence[str] = (),
        statuses: Sequence[Status] = (),
        role_groups: Sequence[Sequence[Role]] = (),
        unlinked_roles: Sequence[str] = (),
        head_size: int = 256,
        head_dropout: float = 0.2,
        reads_words: bool = False,
        trigger_layers: int = 0,
        max_distance: int = 24,
        label_smoothing: float = 0.1,
        loss_weights: Sequence[float] = (1.0, 1.0, 0.3, 0.2),
        max_pieces: int = 256,
        outside_bias: float = 0.0,
        calibration: Sequence[float] = (1.0, 0.0),
        format_version: int = FORMAT_VERSION,
        **kwargs: Any,
    ) -> None:
        self.encoder = dict(encoder or {})
        self.roots = list(roots)
        self.codes = list(codes)
        self.statuses = list(statuses)
        self.role_groups = [list(group) for group in role_groups]
        self.unlinked_roles = list(unlinked_roles)
        self.head_size = head_size
        self.head_dropout = head_dropout
        self.reads_words = reads_words
        self.trigger_layers = trigger_layers
        self.max_distance = max_distance
        self.label_smoothing = label_smoothing
        self.loss_weights = list(loss_weights)
        self.max_pieces = max_pieces
        self.outside_bias = outside_bias
        self.calibration = list(calibration)
        self.format_version = format_version
        super().__init__(**kwargs)

    @property
    def scheme(self) -> LabelScheme:
        """The label sets."""
        return LabelScheme(
            roots=tuple(self.roots),
            codes=tuple(self.codes),
            statuses=tuple(self.statuses),
            role_groups=tuple(map(tuple, self.role_groups)),
            unlinked_roles=tuple(self.unlinked_roles),
        )

    def encoder_config(self) -> PretrainedConfig:
        """The encoder's own configuration."""
        return AutoConfig.for_model(**self.encoder)


AutoConfig.register(EventTaggerConfig.model_type, EventTaggerConfig, exist_ok=True)
