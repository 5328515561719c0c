"""Export of a trained model to ONNX with int8 weights, for inference without torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from geoevents.errors import MissingExtraError
from geoevents.modeling.model import EventTagger
from geoevents.runtime import EVENTS_FILE, WORDS_FILE

OPSET = 17
WORD_INPUTS = ("input_ids", "attention_mask", "token_cases", "word_positions")
WORD_OUTPUTS = ("trigger_logits", "words", "lower_words")
UNLINKED_OUTPUT = "unlinked_logits"
EVENT_INPUTS = ("words", "lower_words", "word_mask", "windows", "firsts", "lasts")
EVENT_OUTPUTS = ("code_logits", "status_logits", "role_logits")


class WordStep(nn.Module):
    """The first step of inference: windows into trigger logits and word vectors."""

    def __init__(self, model: EventTagger) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Takes `WORD_INPUTS`, gives `WORD_OUTPUTS`, and `UNLINKED_OUTPUT` where the model has unlinked roles."""
        words, lower_words = self.model.word_vectors(*inputs)
        outputs = self.model.trigger_head(words), words, lower_words
        return outputs if self.model.unlinked_head is None else (*outputs, self.model.unlinked_head(words))


def export_onnx(model: EventTagger, directory: str | Path, *, quantize: bool = True) -> None:
    """Write the model's two inference steps as ONNX files into its directory.

    Args:
        model: The model.
        directory: The model directory; the files are `words.onnx` and, where the model has event types, `events.onnx`.
        quantize: Whether to store the weights as int8 (dynamic quantisation) instead of float32.

    Raises:
        MissingExtraError: onnx is not installed.
    """
    try:
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise MissingExtraError("onnx", "train") from error
    directory = Path(directory)
    model.train(False)
    with TemporaryDirectory() as scratch, _plain_attention(model):
        for name, write in ((WORDS_FILE, _export_words), (EVENTS_FILE, _export_events)):
            if name == EVENTS_FILE and model.event_head is None:
                continue
            plain = Path(scratch) / name
            write(model, plain)
            if quantize:
                quantize_dynamic(plain, directory / name, weight_type=QuantType.QInt8, per_channel=True)
            else:
                (directory / name).write_bytes(plain.read_bytes())


@contextmanager
def _plain_attention(model: EventTagger) -> Iterator[None]:
    """Attention as simple operations inside the block.

    Torch's own fused attention comes out with a guard against rows that are masked in full, which no window has and
    which costs a twentieth of the time.
    """
    before = model.encoder.config._attn_implementation
    model.encoder.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.encoder.set_attn_implementation(before)


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
    size = model.config.encoder_config().hidden_size
    words = torch.randn(2, 5, size)
    mask = torch.ones(2, 5, dtype=torch.bool)
    index = torch.tensor([0, 1, 1])
    axes = {name: {0: "windows", 1: "words"} for name in ("words", "lower_words", "word_mask")}
    axes |= {name: {0: "triggers"} for name in ("windows", "firsts", "lasts", "code_logits", "status_logits")}
    axes |= {"role_logits": {0: "triggers", 1: "words"}}
    inputs = (words, words, mask, index, index, index)
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
