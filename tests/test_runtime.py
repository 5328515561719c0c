from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tiny_encoder import KNOWN_RECORDS, seed_documents

import geoevents
from geoevents.errors import ModelError
from geoevents.prediction import PredictedEvent
from geoevents.runtime import Backend, ModelTagger, WordScores, load_tagger, model_directory

if TYPE_CHECKING:
    from geoevents.modeling.building import BuiltModel

TEXTS = [document.text for document in seed_documents("dev.evt", 50)]
KNOWN_TEXTS = [document.text for document in seed_documents(count=KNOWN_RECORDS)]


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A model directory that a test may damage."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.fixture(scope="module")
def unquantized(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with ONNX files in float32, as its torch weights are read."""
    from geoevents.modeling.export import export_onnx

    directory = Path(shutil.copytree(tiny_model, tmp_path_factory.mktemp("plain") / "model"))
    export_onnx(load_tagger(directory, backend="torch").scorer.model, directory)
    return directory


def eager(tagger: ModelTagger) -> ModelTagger:
    """The tagger made to find many more events, most of them wrong."""
    return replace(tagger, decoder=replace(tagger.decoder, outside_bias=-3.0, calibration=(0.2, 0.0)))


def spans(event: PredictedEvent) -> tuple[Any, ...]:
    arguments = [(argument.role, argument.start, argument.end) for argument in event.arguments]
    return event.start, event.end, event.code, event.status, arguments


def assert_same_events(first: list[tuple[PredictedEvent, ...]], second: list[tuple[PredictedEvent, ...]]) -> None:
    """Equal events, with scores that differ by a thousandth at most."""
    assert [list(map(spans, events)) for events in first] == [list(map(spans, events)) for events in second]

    def scores(predicted: list[tuple[PredictedEvent, ...]]) -> list[float]:
        events = [event for text in predicted for event in text]
        return [score for event in events for score in (event.score, *(item.score for item in event.arguments))]

    np.testing.assert_allclose(scores(first), scores(second), atol=1e-3)


def test_onnx_finds_what_torch_finds(unquantized: Path) -> None:
    onnx, torch = (eager(load_tagger(unquantized, backend=backend, threads=1)) for backend in ("onnx", "torch"))
    found = onnx.predict(TEXTS)
    assert sum(map(len, found)) > 20
    assert sum(len(event.arguments) for events in found for event in events) > 20
    assert_same_events(found, torch.predict(TEXTS))


def both_backends(built: BuiltModel, directory: Path) -> tuple[ModelTagger, ModelTagger]:
    """An untrained model on ONNX Runtime and on torch, with heads to which words differ, as they do to trained ones."""
    import torch

    from geoevents.modeling.export import export_onnx

    for name, parameter in built.model.named_parameters():
        if parameter.ndim > 1 and not name.startswith("encoder."):
            torch.nn.init.normal_(parameter, std=0.3)
    built.model.save_pretrained(directory)
    built.tokenizer.save(str(directory / "tokenizer.json"))
    export_onnx(built.model, directory)
    return load_tagger(directory, backend="onnx", threads=1), load_tagger(directory, backend="torch", threads=1)


def test_onnx_of_a_model_without_trigger_layers_finds_what_torch_finds(tiny_encoder: Path, tmp_path: Path) -> None:
    import torch

    from geoevents.modeling.building import build_model

    torch.manual_seed(1)
    onnx, by_torch = both_backends(build_model(tiny_encoder, model_options={"head_size": 32}), tmp_path)
    found = onnx.predict(TEXTS[:10])
    assert sum(map(len, found)) > 20
    assert sum(len(event.arguments) for events in found for event in events) > 500
    assert_same_events(found, by_torch.predict(TEXTS[:10]))


def test_export_leaves_the_model_as_it_is(tiny_encoder: Path, tmp_path: Path) -> None:
    import torch

    from geoevents.encoding import TextEncoder
    from geoevents.modeling.building import build_model
    from geoevents.modeling.export import export_onnx

    built = build_model(tiny_encoder)
    network = built.model.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    windows = [window for found in TextEncoder(built.tokenizer).encode(TEXTS[:5]) for window in found]
    export_onnx(network, tmp_path, windows=windows)
    after = network.state_dict()
    assert network.training
    assert list(after) == list(before)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("kind", ["distilbert", "electra", "roberta", "mpnet"])
def test_onnx_of_another_encoder_finds_what_torch_finds(kind: str, tiny_encoder: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    from geoevents.modeling.building import build_model

    torch.manual_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    if kind == "distilbert":
        sizes = {"dim": 64, "n_layers": 2, "n_heads": 2, "hidden_dim": 128}
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), max_position_embeddings=300, pad_token_id=0, **sizes)
    AutoModel.from_config(config).save_pretrained(tmp_path / "encoder")
    tokenizer.save_pretrained(tmp_path / "encoder")
    built = build_model(tmp_path / "encoder", model_options={"head_size": 32, "trigger_layers": 1})
    onnx, by_torch = both_backends(built, tmp_path)
    found = onnx.predict(TEXTS[:5])
    assert sum(map(len, found)) > 10
    assert_same_events(found, by_torch.predict(TEXTS[:5]))


def test_int8_products_cannot_overflow_on_processors_that_add_pairs_in_16_bits(tiny_model: Path) -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(tiny_model / "words.onnx").graph
    arrays = map(onnx.numpy_helper.to_array, graph.initializer)
    weights = [array for array in arrays if array.dtype == "int8" and array.ndim == 2]
    assert len(weights) > 10
    assert 2 * 255 * max(abs(array.astype(int)).max() for array in weights) < 2**15


def test_int8_weights_find_nearly_what_float_weights_find(tiny_model: Path, unquantized: Path) -> None:
    (int8, plain) = (
        [list(map(spans, events)) for events in load_tagger(path).predict(KNOWN_TEXTS)]
        for path in (tiny_model, unquantized)
    )
    triggers = [[[event[:2] for event in events] for events in found] for found in (int8, plain)]
    assert sum(map(len, triggers[1])) > 8
    assert sum(a == b for a, b in zip(*triggers, strict=True)) > 0.7 * KNOWN_RECORDS
    size = (tiny_model / "words.onnx").stat().st_size, (unquantized / "words.onnx").stat().st_size
    assert size[0] < 0.5 * size[1]


@pytest.mark.parametrize("name", ["unquantized", "tiny_model"])
def test_prediction_does_not_depend_on_the_batch(name: str, request: pytest.FixtureRequest) -> None:
    tagger = eager(load_tagger(request.getfixturevalue(name), threads=1))
    together = tagger.predict(TEXTS[:12])
    assert_same_events(together, [tagger.predict([text])[0] for text in TEXTS[:12]])


def test_any_number_of_threads_finds_the_same(tiny_model: Path) -> None:
    texts = [text for text in TEXTS for _ in range(8)]
    alone, together = (load_tagger(tiny_model, threads=threads).predict(texts) for threads in (1, 3))
    assert sum(map(len, alone)) > 20
    assert together == alone


def test_windows_go_through_the_network_with_their_like(tiny_model: Path) -> None:
    tagger = load_tagger(tiny_model, threads=1)
    shapes = []

    class Recording:
        events = tagger.scorer.events

        def words(self, batch: Mapping[str, Any]) -> WordScores:
            shapes.append((batch["attention_mask"].size, int(batch["attention_mask"].sum())))
            return tagger.scorer.words(batch)

    texts = [" ".join(TEXTS[n % 7 : n % 7 + 1 + n % 3]) for n in range(100)]
    assert replace(tagger, scorer=Recording()).predict(texts) == tagger.predict(texts)
    sizes, pieces = zip(*shapes, strict=True)
    assert max(sizes) <= 512
    assert sum(pieces) > 0.9 * sum(sizes)


def test_long_text_is_read_to_its_end(unquantized: Path) -> None:
    tagger = load_tagger(unquantized, threads=1)
    everywhere = replace(tagger, decoder=replace(tagger.decoder, outside_bias=-50.0))
    text = " ".join(TEXTS)
    assert len(tagger.text_encoder.encode([text])[0]) > 5
    (events,) = everywhere.predict([text])
    starts = [event.start for event in events]
    assert starts == sorted(set(starts))
    assert events[-1].end == len(text)
    assert {start // 500 for start in starts} == set(range(len(text) // 500 + 1))


def test_texts_without_words_have_no_events(tiny_model: Path) -> None:
    tagger = load_tagger(tiny_model)
    assert tagger.predict([]) == []
    assert tagger.predict(["", " \n "]) == [(), ()]
    empty, full = tagger.predict(["", KNOWN_TEXTS[0]])
    assert empty == ()
    assert full == tagger.predict([KNOWN_TEXTS[0]])[0]


def test_calibration_and_bias_come_from_the_configuration(model: Path) -> None:
    change_config(model, calibration=[0.5, -1.0], outside_bias=-2.0)
    tagger = load_tagger(model)
    assert tagger.decoder.calibration == (0.5, -1.0)
    assert tagger.decoder.outside_bias == -2.0


def test_window_length_comes_from_the_configuration(model: Path) -> None:
    change_config(model, max_pieces=100)
    assert load_tagger(model).text_encoder.max_pieces == 100


def test_tagger_names_its_backend_and_codes(tiny_model: Path) -> None:
    codes = len(json.loads((tiny_model / "config.json").read_bytes())["codes"])
    assert repr(load_tagger(tiny_model)) == f"<ModelTagger: OnnxScorer, {codes} codes>"
    assert repr(load_tagger(tiny_model, backend="torch")) == f"<ModelTagger: TorchScorer, {codes} codes>"


def test_path_may_be_a_string_or_a_path(tiny_model: Path) -> None:
    assert model_directory(tiny_model) == model_directory(str(tiny_model)) == tiny_model


def change_config(directory: Path, **changes: Any) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes), encoding="utf-8")


def drop_from_config(directory: Path, key: str) -> None:
    path = directory / "config.json"
    config = json.loads(path.read_bytes())
    del config[key]
    path.write_text(json.dumps(config), encoding="utf-8")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


Damage = Callable[[Path], Any]
DAMAGES: dict[str, tuple[Damage, str, Backend]] = {
    **{
        f"no {name}": (lambda path, name=name: (path / name).unlink(), f": {name} is missing; a model dir", "onnx")
        for name in ("config.json", "tokenizer.json", "words.onnx", "events.onnx")
    },
    "no weights": (lambda path: (path / "model.safetensors").unlink(), ": model.safetensors is missing; a", "torch"),
    "config cut short": (lambda path: cut(path / "config.json"), "/config.json: not valid JSON (", "onnx"),
    "config is a list": (
        lambda path: (path / "config.json").write_text("[]"),
        "/config.json: not a JSON object",
        "onnx",
    ),
    "config in another encoding": (
        lambda path: (path / "config.json").write_bytes(b'{"name": "\xe9"}'),
        "/config.json: not valid JSON (",
        "onnx",
    ),
    "config of BERT": (
        lambda path: change_config(path, model_type="bert"),
        "/config.json: model_type is 'bert', not 'geoevents'",
        "onnx",
    ),
    "config of a later release": (
        lambda path: change_config(path, format_version=99),
        "/config.json: format_version is 99, this release reads 1",
        "onnx",
    ),
    "config without roots": (lambda path: drop_from_config(path, "roots"), "/config.json: 'roots' is missing", "onnx"),
    "config without window": (
        lambda path: drop_from_config(path, "max_pieces"),
        "/config.json: 'max_pieces' is missing",
        "onnx",
    ),
    "tokenizer cut short": (
        lambda path: cut(path / "tokenizer.json"),
        "/tokenizer.json: not a tokenizer file (",
        "onnx",
    ),
    "words cut short": (lambda path: cut(path / "words.onnx"), ": the ONNX files cannot be loaded (", "onnx"),
    "events empty": (
        lambda path: (path / "events.onnx").write_bytes(b""),
        ": the ONNX files cannot be loaded (",
        "onnx",
    ),
    "weights cut short": (lambda path: cut(path / "model.safetensors"), ": the weights cannot be loaded (", "torch"),
    "weights are text": (
        lambda path: (path / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1"),
        ": the weights cannot be loaded (",
        "torch",
    ),
    "weights of other codes": (
        lambda path: change_config(path, codes=["040", "051"]),
        ": the weights cannot be loaded (",
        "torch",
    ),
}


@pytest.mark.parametrize(("damage", "says", "backend"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_model_is_one_line_that_names_the_path(
    model: Path, damage: Damage, says: str, backend: Backend
) -> None:
    damage(model)
    with pytest.raises(ModelError) as raised:
        load_tagger(model, backend=backend)
    message = str(raised.value)
    assert message.startswith(f"{model}{says}")
    assert "\n" not in message


def test_unknown_backend_is_an_error(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match=r"^backend 'jax' is unknown; use 'onnx' or 'torch'$"):
        load_tagger(tiny_model, backend="jax")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["defualt", "/no/such/directory", __file__])
def test_unknown_model_is_an_error(name: str) -> None:
    with pytest.raises(ModelError, match=f"^no model '{re.escape(name)}': give 'default' or the path of a model dir"):
        load_tagger(name)


def run_without(packages: tuple[str, ...], code: str) -> str:
    """What a fresh interpreter that lacks the packages prints."""
    blocked = "".join(f"sys.modules[{package!r}] = None; " for package in packages)
    command = [sys.executable, "-W", "error", "-c", f"import sys; {blocked}{code}"]
    root = str(Path(geoevents.__file__).parents[1])
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout


TRAINING_PACKAGES = ("torch", "transformers", "datasets", "accelerate", "onnx", "safetensors")


def test_onnx_backend_needs_no_training_package(tiny_model: Path) -> None:
    code = (
        f"import geoevents; extractor = geoevents.load({str(tiny_model)!r}, resolver=None); "
        f"print(len(extractor({KNOWN_TEXTS[0]!r}).events))"
    )
    expected = geoevents.load(tiny_model, resolver=None)(KNOWN_TEXTS[0]).events
    assert int(run_without(TRAINING_PACKAGES, code)) == len(expected)


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_torch_backend_without_torch_names_the_pip_command(tiny_model: Path, missing: str) -> None:
    code = (
        f"import geoevents\ntry: geoevents.load({str(tiny_model)!r}, backend='torch')\n"
        "except geoevents.MissingExtraError as error: print(error)"
    )
    assert run_without((missing,), f"\n{code}").strip() == (
        f"this needs the package {missing!r}; install it with: pip install 'geoevents[train]'"
    )
