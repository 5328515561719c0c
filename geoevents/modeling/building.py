"""A model to train: new heads on an encoder, or a geoevents model, with the label sets of the corpus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from geoevents import ontology
from geoevents.errors import ModelError
from geoevents.events import STATUSES, Role
from geoevents.modeling.configuration import EventTaggerConfig
from geoevents.modeling.model import EventTagger, TagHead, TriggerLayer
from geoevents.ontology import Ontology
from geoevents.runtime import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE, model_directory, read_config, read_ontology

ROLE_GROUPS: tuple[tuple[Role, ...], ...] = (("source", "target"), ("place",), ("time",))


@dataclass(frozen=True)
class BuiltModel:
    """A model that can be trained.

    Attributes:
        model: The model.
        tokenizer: Its tokenizer.
        ontology: Its event types where they are its own, None where they are CAMEO's.
        is_tuned: Whether it was a geoevents model before, and so has something to lose.
    """

    model: EventTagger
    tokenizer: Tokenizer
    ontology: Ontology | None
    is_tuned: bool


def build_model(
    encoder: str | Path,
    *,
    own_types: Ontology | None = None,
    unlinked_roles: Sequence[str] = (),
    model_options: Mapping[str, Any] | None = None,
) -> BuiltModel:
    """A model with the label sets that are wanted.

    A geoevents model keeps what it knows: with other event types, its heads find triggers from the first step and
    have to learn only which type each is of.

    Args:
        encoder: A Hugging Face encoder by name or path, or a geoevents model by name or directory.
        own_types: Event types in place of the model's; None for those of the geoevents model, and for CAMEO on an
            encoder. One without labels makes a model that finds no events.
        unlinked_roles: Roles to tag without events, besides those that the model has.
        model_options: Settings of `EventTaggerConfig` beside the label sets, for a new model on an encoder.

    Raises:
        ModelError: The encoder or model cannot be found or loaded, the encoder has no fast tokenizer, or there are
            `model_options` for a geoevents model, whose layers are as they are.
    """
    directory = _geoevents_directory(encoder)
    if directory is None:
        return _new_model(encoder, own_types, unlinked_roles, model_options or {})
    if model_options:
        raise ModelError(f"{directory} is a geoevents model, which takes no model_options ({', '.join(model_options)})")
    if not (directory / WEIGHTS_FILE).is_file():
        raise ModelError(f"{directory}: {WEIGHTS_FILE} is missing, without which a model can run but not be trained")
    tokenizer = Tokenizer.from_file(str(directory / TOKENIZER_FILE))
    model = EventTagger.from_pretrained(directory, dtype=torch.float32)
    if own_types is not None or set(unlinked_roles) - set(model.config.unlinked_roles):
        model = relabelled(model, own_types, unlinked_roles)
    known = read_ontology(directory)
    return BuiltModel(model, tokenizer, known if own_types is None else own_types, is_tuned=True)


def label_sets(encoder: str | Path) -> tuple[list[str], list[str]] | None:
    """Roots and codes of a geoevents model, without loading it; None where the encoder is another model.

    Raises:
        ModelError: Another version wrote the model, or its configuration is damaged.
    """
    directory = _geoevents_directory(encoder)
    if directory is None:
        return None
    config = read_config(directory)
    return config["roots"], config["codes"]


def _geoevents_directory(encoder: str | Path) -> Path | None:
    """The directory of a geoevents model, shipped or the user's; None where the encoder is another model."""
    try:
        directory = model_directory(encoder)
    except ModelError:
        return None
    try:
        config = json.loads((directory / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(config, dict) or config.get("model_type") != EventTaggerConfig.model_type:
        return None
    read_config(directory)
    return directory


def _new_model(
    encoder: str | Path, own_types: Ontology | None, unlinked_roles: Sequence[str], model_options: Mapping[str, Any]
) -> BuiltModel:
    try:
        fast_tokenizer = AutoTokenizer.from_pretrained(encoder)
        pretrained = AutoModel.from_pretrained(encoder, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise ModelError(f"the encoder {str(encoder)!r} cannot be loaded by its name or path: {error}") from error
    if not fast_tokenizer.is_fast:
        raise ModelError(f"the encoder {str(encoder)!r} has no fast tokenizer, which word offsets need")
    types = own_types if own_types is not None else cameo()
    encoder_settings = pretrained.config.to_dict()
    encoder_settings.pop("_name_or_path", None)  # where it lies on this machine
    config = EventTaggerConfig(
        encoder=encoder_settings,
        roots=types.roots,
        codes=types.codes,
        statuses=STATUSES,
        role_groups=ROLE_GROUPS,
        unlinked_roles=unlinked_roles,
        pad_token_id=fast_tokenizer.pad_token_id,
        **model_options,
    )
    model = EventTagger(config)
    model.encoder.load_state_dict(pretrained.state_dict())
    initialise_trigger_layers(model)
    tokenizer = fast_tokenizer.backend_tokenizer
    initialise_codes(model, tokenizer, [label.name for label in types.labels])
    return BuiltModel(model, tokenizer, own_types, is_tuned=False)


def cameo() -> Ontology:
    """The codes that an event can have in CAMEO: all but the roots."""
    return Ontology.of_codes(code.code for code in ontology.codes() if len(code.code) > 2)


def relabelled(model: EventTagger, own_types: Ontology | None, unlinked_roles: Sequence[str]) -> EventTagger:
    """The model with other event types, or with further unlinked roles.

    What both label sets share keeps its weights. A new event type starts as the mean of the old ones: all triggers
    look alike to it, and none of the old ones is lost.

    Args:
        model: The model.
        own_types: The new event types, or None to keep the model's.
        unlinked_roles: Roles to tag without events, besides those that the model has.
    """
    settings = model.config.to_dict()
    settings["unlinked_roles"] = list(dict.fromkeys([*model.config.unlinked_roles, *unlinked_roles]))
    if own_types is not None:
        # The scores of other types are other scores.
        settings |= {"calibration": (1.0, 0.0), "outside_bias": 0.0}
        settings |= {"roots": own_types.roots, "codes": own_types.codes}
    new = EventTagger(EventTaggerConfig.from_dict(settings))
    weights = new.state_dict()
    weights |= {name: tensor for name, tensor in model.state_dict().items() if _fits(tensor, weights.get(name))}
    new.load_state_dict(weights)
    _carry_triggers(model, new)
    _carry_codes(model, new)
    return new


def _fits(tensor: Tensor, other: Tensor | None) -> bool:
    return other is not None and other.shape == tensor.shape


@torch.no_grad()
def _carry_triggers(old: EventTagger, new: EventTagger) -> None:
    """Copy the rows of the trigger tags O, B and I of the roots that both models have; new roots get the mean."""
    old_layer, new_layer = _last_layer(old.trigger_head), _last_layer(new.trigger_head)
    known = old.config.scheme.root_index
    for values, old_values in ((new_layer.weight, old_layer.weight), (new_layer.bias, old_layer.bias)):
        values[0] = old_values[0]
        for i, root in enumerate(new.config.roots):
            for first in (1, 2):
                at = known.get(root)
                values[2 * i + first] = old_values[first::2].mean(0) if at is None else old_values[2 * at + first]


@torch.no_grad()
def _carry_codes(old: EventTagger, new: EventTagger) -> None:
    if old.event_head is None or new.event_head is None:
        return
    known = old.config.scheme.code_index
    for values, old_values in (
        (new.event_head.codes.weight, old.event_head.codes.weight),
        (new.event_head.codes.bias, old.event_head.codes.bias),
    ):
        for i, code in enumerate(new.config.codes):
            values[i] = old_values[known[code]] if code in known else old_values.mean(0)


def _last_layer(head: TagHead) -> nn.Linear:
    layer = head.layers[-1]
    assert isinstance(layer, nn.Linear)
    return layer


def initialise_trigger_layers(model: EventTagger) -> None:
    """Start the trigger layers from the encoder's top layers, where it has the layers of BERT (Devlin et al. 2019)."""
    count = model.config.trigger_layers
    layers = getattr(getattr(model.encoder, "encoder", None), "layer", None)
    if not count or model.event_head is None or layers is None or not _is_of_bert(layers[-1]):
        return
    for own, theirs in zip(model.event_head.trigger_layers, layers[-count:], strict=True):
        assert isinstance(own, TriggerLayer)
        attention = theirs.attention.self
        parts = (attention.query, attention.key, attention.value)
        own.query_key_value.weight.data = torch.cat([part.weight.data for part in parts])
        own.query_key_value.bias.data = torch.cat([part.bias.data for part in parts])
        own.mixed.load_state_dict(theirs.attention.output.dense.state_dict())
        own.attention_norm.load_state_dict(theirs.attention.output.LayerNorm.state_dict())
        own.inner.load_state_dict(theirs.intermediate.dense.state_dict())
        own.outer.load_state_dict(theirs.output.dense.state_dict())
        own.output_norm.load_state_dict(theirs.output.LayerNorm.state_dict())


def _is_of_bert(layer: nn.Module) -> bool:
    """Whether an encoder layer has the parts of BERT's, by the same names; those of MPNet have other names."""
    return hasattr(layer, "intermediate") and hasattr(getattr(layer, "attention", None), "self")


@torch.inference_mode()
def initialise_codes(model: EventTagger, tokenizer: Tokenizer, names: Sequence[str]) -> None:
    """Start the code head from what the encoder makes of the codes' names, so that rare codes lie near their kin.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        names: The codes' names, in the order of the model's codes.
    """
    if model.event_head is None:
        return
    encodings = tokenizer.encode_batch(list(names))
    ids = [torch.tensor([encoding.ids]) for encoding in encodings]
    vectors = torch.cat([model.encoder(input_ids=row).last_hidden_state.mean(1) for row in ids])
    centred = vectors - vectors.mean(0)
    weights = model.event_head.codes.weight
    weights.copy_(centred * (0.5 / centred.norm(dim=-1, keepdim=True).clamp(min=1e-6)))
