"""Export of a trained model to ONNX in int8, for inference without torch."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from onnxruntime.quantization import CalibrationDataReader
from torch import Tensor, nn
from torch.nn import functional

from geoevents.encoding import Window, pad_windows
from geoevents.errors import MissingExtraError
from geoevents.modeling.model import EventTagger
from geoevents.runtime import EVENTS_FILE, WORDS_FILE

OPSET = 17
CALIBRATION_BATCH = 16
WORD_INPUTS = ("input_ids", "attention_mask", "token_cases", "word_positions")
WORD_OUTPUTS = ("trigger_logits", "words", "argument_words")
WORD_MEANS = "/MatMul"
"""The product that makes words of pieces, where the model reads words. In int8 it cost one model a point of whole
events on dev, and another nothing."""
UNLINKED_OUTPUT = "unlinked_logits"
EVENT_INPUTS = ("words", "argument_words", "word_mask", "windows", "firsts", "lasts")
EVENT_OUTPUTS = ("code_logits", "status_logits", "role_logits")


class WordStep(nn.Module):
    """The first step of inference: windows into trigger logits and word vectors."""

    def __init__(self, model: EventTagger) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Takes `WORD_INPUTS`, gives `WORD_OUTPUTS`, and `UNLINKED_OUTPUT` where the model has unlinked roles."""
        words, argument_words = self.model.word_vectors(*inputs)
        outputs = self.model.trigger_head(words), words, argument_words
        return outputs if self.model.unlinked_head is None else (*outputs, self.model.unlinked_head(words))


def export_onnx(model: EventTagger, directory: str | Path, *, windows: Sequence[Window] | None = None) -> None:
    """Write the model's two inference steps as ONNX files into its directory.

    With windows the first step, which does nearly all of the work, computes in int8. The scales are fixed then: what
    is found in a text does not depend on the texts that share its batch, as it would with scales taken from each
    batch.

    Args:
        model: The model.
        directory: The model directory; the files are `words.onnx` and, where the model has event types, `events.onnx`.
        windows: Some hundred windows of usual texts, whose smallest and largest activations set the scales of int8;
            None to compute in float32.

    Raises:
        MissingExtraError: onnx is not installed.
    """
    if find_spec("onnx") is None:
        raise MissingExtraError("onnx", "train")
    directory = Path(directory)
    model = _simplified(model)
    if model.event_head is not None:
        _export_events(model, directory / EVENTS_FILE)
    with TemporaryDirectory() as scratch:
        plain = Path(scratch) / WORDS_FILE
        _flatten_products(model)
        _export_words(model, plain)
        if windows:
            _quantize(plain, directory / WORDS_FILE, windows, model.config.pad_token_id or 0)
        else:
            shutil.copyfile(plain, directory / WORDS_FILE)


class _Batches(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
    """The windows in padded batches, as ONNX Runtime's calibration reads them."""

    def __init__(self, windows: Sequence[Window], pad_id: int) -> None:
        by_length = sorted(windows, key=len)
        self._batches = (
            pad_windows(by_length[i : i + CALIBRATION_BATCH], pad_id)
            for i in range(0, len(by_length), CALIBRATION_BATCH)
        )

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self._batches, None)
        return None if batch is None else {name: batch[name] for name in WORD_INPUTS}


def _quantize(plain: Path, target: Path, windows: Sequence[Window], pad_id: int) -> None:
    """Int8 for the products with weights, with fixed scales, and for the table of word pieces."""
    from onnxruntime.quantization import QuantType, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared, products = plain.with_name("prepared.onnx"), plain.with_name("products.onnx")
    quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(products),
        _Batches(windows, pad_id),
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        # Seven bits: with eight, pairs of products overflow on processors without VNNI, which then find other events.
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[WORD_MEANS],
        extra_options={"MatMulConstBOnly": True, "OpTypesToExcludeOutputQuantization": ["MatMul", "Gemm"]},
    )
    quantize_dynamic(products, target, op_types_to_quantize=["Gather"], weight_type=QuantType.QInt8)


def _simplified(model: EventTagger) -> EventTagger:
    """A copy of the model, in evaluation mode, that computes the same in fewer steps."""
    model = copy.deepcopy(model).train(False)
    # Torch's own fused attention comes out with a guard against rows that are masked in full, which no window has and
    # which costs a twentieth of the time.
    model.encoder.set_attn_implementation("eager")
    with torch.no_grad():
        _fold_token_type(getattr(model.encoder, "embeddings", None))
        for module in model.encoder.modules():
            _fold_scaling(module)
    return model


def _fold_token_type(embeddings: Any) -> None:
    """Add the embedding of the only token type that a window has to those of the positions, as in BERT."""
    positions, types = (getattr(embeddings, name, None) for name in ("position_embeddings", "token_type_embeddings"))
    if isinstance(positions, nn.Embedding) and isinstance(types, nn.Embedding):
        positions.weight += types.weight[0]
        embeddings.token_type_embeddings = _Nothing()


def _fold_scaling(attention: Any) -> None:
    """Let the queries of BERT's attention come out scaled."""
    if isinstance(getattr(attention, "scaling", None), float) and isinstance(
        getattr(attention, "query", None), nn.Linear
    ):
        attention.query.weight *= attention.scaling
        attention.query.bias *= attention.scaling
        attention.scaling = 1.0


class _Nothing(nn.Module):
    """Adds nothing; ONNX Runtime leaves such sums out."""

    def forward(self, _: Tensor) -> Tensor:
        return torch.zeros(())


def _flatten_products(model: nn.Module) -> None:
    """Let every linear layer read a matrix: then product, bias and rounding to int8 are one operation (`Gemm`)."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.forward = partial(_flat_linear, module)  # type: ignore[method-assign]


def _flat_linear(linear: nn.Linear, vectors: Tensor) -> Tensor:
    rows = functional.linear(vectors.flatten(0, -2), linear.weight, linear.bias)
    return rows.view(*vectors.shape[:-1], linear.out_features)


def _export_words(model: EventTagger, path: Path) -> None:
    pieces = torch.ones(2, 7, dtype=torch.int64)
    positions = torch.ones(2, 5, dtype=torch.int64)
    axes = {name: {0: "windows", 1: "pieces"} for name in WORD_INPUTS}
    outputs = WORD_OUTPUTS if model.unlinked_head is None else (*WORD_OUTPUTS, UNLINKED_OUTPUT)
    axes |= {name: {0: "windows", 1: "words"} for name in ("word_positions", *outputs)}
    step = WordStep(model).train(False)  # torch gives it back, and all inside, in the mode in which it came
    _export(step, (pieces, pieces, pieces, positions), path, (WORD_INPUTS, outputs), axes)


def _export_events(model: EventTagger, path: Path) -> None:
    assert model.event_head is not None
    words = torch.randn(2, 5, model.config.encoder_config().hidden_size)
    argument_words = model.event_head.argument_words(words, words)
    mask = torch.ones(2, 5, dtype=torch.bool)
    index = torch.tensor([0, 1, 1])
    axes = {name: {0: "windows", 1: "words"} for name in ("words", "argument_words", "word_mask")}
    axes |= {name: {0: "triggers"} for name in ("windows", "firsts", "lasts", "code_logits", "status_logits")}
    axes |= {"role_logits": {0: "triggers", 1: "words"}}
    inputs = (words, argument_words, mask, index, index, index)
    _export(model.event_head, inputs, path, (EVENT_INPUTS, EVENT_OUTPUTS), axes)


def _export(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    axes: dict[str, dict[int, str]],
) -> None:
    with torch.inference_mode():
        torch.onnx.export(
            module,
            inputs,
            str(path),
            input_names=list(names[0]),
            output_names=list(names[1]),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
