"""Loading a model directory and running it on texts, by default on ONNX Runtime, without torch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from geoevents.decoding import Decoder, FloatArray, TaggedSpans
from geoevents.encoding import IntArray, LabelScheme, TextEncoder, Window, pad_windows
from geoevents.errors import MissingExtraError, ModelError
from geoevents.ontology import Ontology
from geoevents.prediction import PredictedArgument, PredictedEvent, Prediction

Backend = Literal["onnx", "torch"]

CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"
WORDS_FILE = "words.onnx"
EVENTS_FILE = "events.onnx"
WEIGHTS_FILE = "model.safetensors"
ONTOLOGY_FILE = "ontology.tsv"
FORMAT_VERSION = 1

# Word pieces, padding included, that go through the network at once: enough to keep a processor busy, few enough for
# what passes between the layers to stay in its cache.
_PIECES_PER_BATCH = 512

_KEYS = ("roots", "codes", "statuses", "role_groups", "calibration", "outside_bias", "max_pieces")


class WordScores(NamedTuple):
    """What the first step of the network says about the words of a batch.

    Attributes:
        trigger_logits: (windows, words, trigger tags).
        unlinked_logits: (windows, words, unlinked tags), or None where the model has no unlinked roles.
        vectors: What the second step takes back, by name; "words" are the word vectors, (windows, words, size).
    """

    trigger_logits: FloatArray
    unlinked_logits: FloatArray | None
    vectors: Mapping[str, Any]


class Scorer(Protocol):
    """A network in two steps, so that decoding can choose the triggers between them."""

    def words(self, batch: Mapping[str, Any]) -> WordScores:
        """Scores and vectors of the words of padded windows."""
        ...

    def events(
        self, words: Mapping[str, Any], word_mask: Any, windows: IntArray, firsts: IntArray, lasts: IntArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Code, status and role logits of triggers given by window, first and last word."""
        ...


@dataclass(frozen=True, repr=False)
class ModelTagger:
    """A loaded model: implements `geoevents.prediction.Tagger`.

    Attributes:
        text_encoder: Texts into windows.
        scorer: The network.
        decoder: Scores into events.
        pad_id: The tokenizer's padding piece.
        threads: Batches that go through the network at the same time, each on a thread of its own.
    """

    text_encoder: TextEncoder
    scorer: Scorer
    decoder: Decoder
    pad_id: int
    threads: int = 1

    def __repr__(self) -> str:
        return f"<ModelTagger: {type(self.scorer).__name__}, {len(self.decoder.scheme.codes)} codes>"

    def predict(self, texts: Sequence[str]) -> list[tuple[Prediction, ...]]:
        """The events of each text; see `geoevents.prediction.Tagger`."""
        encoded = self.text_encoder.encode(texts)
        windows = [window for text_windows in encoded for window in text_windows]
        batches = list(_batches(windows))
        members = [[windows[index] for index in indices] for indices in batches]
        run = self._pool.map if self.threads > 1 and len(batches) > 1 else map
        order = [index for indices in batches for index in indices]
        found = dict(zip(order, self._predictions(list(run(self._scored, members))), strict=True))
        in_order = iter(range(len(windows)))
        return [tuple(item for _ in text_windows for item in found[next(in_order)]) for text_windows in encoded]

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, thread_name_prefix="geoevents")

    def _scored(self, windows: Sequence[Window]) -> _ScoredBatch:
        batch = pad_windows(windows, self.pad_id)
        scores = self.scorer.words(batch)
        word_mask = batch["word_mask"].astype(bool)
        triggers = self.decoder.triggers(scores.trigger_logits, word_mask, windows)
        logits = None
        if len(triggers):
            positions = triggers.rows, triggers.firsts, triggers.lasts
            logits = self.scorer.events(scores.vectors, batch["word_mask"], *positions)
        unlinked: list[list[PredictedArgument]] = [[] for _ in windows]
        if scores.unlinked_logits is not None:
            unlinked = self.decoder.unlinked_arguments(scores.unlinked_logits, word_mask, windows)
        return _ScoredBatch(windows, word_mask, triggers, logits, unlinked)

    def _predictions(self, batches: Sequence[_ScoredBatch]) -> list[list[Prediction]]:
        """The predictions of each window of the batches.

        The events of all batches are read together: it is mostly the steps from word to word that take time, and not
        how many windows take them.
        """
        windows = [window for batch in batches for window in batch.windows]
        unlinked = [arguments for batch in batches for arguments in batch.unlinked]
        events: list[list[PredictedEvent]] = [[] for _ in windows]
        if logits := [batch.event_logits for batch in batches if batch.event_logits is not None]:
            words = max(batch.word_mask.shape[1] for batch in batches)
            word_mask = np.concatenate([_widened(batch.word_mask, words) for batch in batches])
            codes, statuses = (np.concatenate([part[index] for part in logits]) for index in (0, 1))
            roles = np.concatenate([_widened(part[2], words) for part in logits])
            triggers = TaggedSpans.joined([batch.triggers for batch in batches], [len(b.windows) for b in batches])
            events = self.decoder.events(triggers, codes, statuses, roles, word_mask, windows)
        return [[*own, *others] for own, others in zip(events, unlinked, strict=True)]


@dataclass(frozen=True)
class _ScoredBatch:
    """What the network says about a batch of windows.

    Attributes:
        windows: The windows.
        word_mask: True at words, False at padding; (windows, words).
        triggers: The triggers in them.
        event_logits: Code, status and role logits of the triggers, or None where there are none.
        unlinked: The arguments without an event of each window.
    """

    windows: Sequence[Window]
    word_mask: NDArray[np.bool_]
    triggers: TaggedSpans
    event_logits: tuple[FloatArray, FloatArray, FloatArray] | None
    unlinked: Sequence[Sequence[PredictedArgument]]


def _widened(rows: NDArray[Any], words: int) -> NDArray[Any]:
    """Rows with zeros behind their words; (rows, words, …)."""
    wider = np.zeros((len(rows), words, *rows.shape[2:]), dtype=rows.dtype)
    wider[:, : rows.shape[1]] = rows
    return wider


def _batches(windows: Sequence[Window]) -> Iterator[list[int]]:
    """Indices of windows of nearly the same length, which need little padding, a batch at a time."""
    batch: list[int] = []
    for index in sorted(range(len(windows)), key=lambda i: len(windows[i])):
        if batch and (len(batch) + 1) * len(windows[index]) > _PIECES_PER_BATCH:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


class OnnxScorer:
    """The network on ONNX Runtime, which reads a batch on the thread that asks; several threads may ask at once.

    Args:
        directory: A model directory with `words.onnx` and, where the model has event types, `events.onnx`.
    """

    def __init__(self, directory: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # Threads that share a batch wait for each other at every layer; batches side by side wait for nothing.
        options.intra_op_num_threads = 1
        options.log_severity_level = 3

        def session(name: str) -> Any:
            return onnxruntime.InferenceSession(
                str(directory / name),
                options,
                providers=["CPUExecutionProvider"],
                # The fused sum and norm takes seven times as long on processors as the two apart.
                disabled_optimizers=["SkipLayerNormFusion"],
            )

        self._words = session(WORDS_FILE)
        self._outputs = [node.name for node in self._words.get_outputs()]
        self._events = session(EVENTS_FILE) if (directory / EVENTS_FILE).is_file() else None

    def words(self, batch: Mapping[str, Any]) -> WordScores:
        """See `Scorer.words`."""
        names = ("input_ids", "attention_mask", "token_cases", "word_positions")
        outputs = dict(zip(self._outputs, self._words.run(None, {name: batch[name] for name in names}), strict=True))
        return WordScores(outputs.pop("trigger_logits"), outputs.pop("unlinked_logits", None), outputs)

    def events(
        self, words: Mapping[str, Any], word_mask: Any, windows: IntArray, firsts: IntArray, lasts: IntArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See `Scorer.events`."""
        assert self._events is not None, "a model without event types finds no triggers"
        inputs = {**words, "word_mask": word_mask, "windows": windows, "firsts": firsts, "lasts": lasts}
        # The graph has no inputs but those that its layers use.
        wanted = {node.name: inputs[node.name] for node in self._events.get_inputs()}
        codes, statuses, roles = self._events.run(["code_logits", "status_logits", "role_logits"], wanted)
        return codes, statuses, roles


def load_tagger(
    name_or_path: str | Path = "default", *, backend: Backend = "onnx", threads: int | None = None
) -> ModelTagger:
    """Load a model.

    Args:
        name_or_path: The name of a shipped model ("default") or a model directory.
        backend: "onnx" (fast, needs no torch) or "torch" (needs the extra `train`).
        threads: Threads that the network may use, or None for one on each core. On ONNX Runtime a batch takes one, so
            that a single short text is read on one thread, which is the fastest way.

    Raises:
        ModelError: There is no such model, a file is missing or damaged, or another version wrote it.
        MissingExtraError: The backend is "torch" and torch is not installed.
    """
    directory = model_directory(name_or_path)
    config = read_config(directory)
    return ModelTagger(
        text_encoder=TextEncoder(_read_tokenizer(directory), max_pieces=config["max_pieces"]),
        scorer=_load_scorer(directory, backend, threads, has_events=bool(config["roots"])),
        decoder=read_decoder(config),
        pad_id=config.get("pad_token_id") or 0,
        threads=1 if backend == "torch" else threads or _cores(),  # torch shares each batch among its threads itself
    )


def _cores() -> int:
    """Cores that the process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def model_directory(name_or_path: str | Path) -> Path:
    """The directory of a shipped model or of the user's own.

    Raises:
        ModelError: There is no such directory.
    """
    shipped = Path(str(files("geoevents") / "models" / str(name_or_path)))
    for directory in (Path(name_or_path), shipped):
        if (directory / CONFIG_FILE).is_file() or directory.is_dir():
            return directory
    raise ModelError(f"no model {str(name_or_path)!r}: give 'default' or the path of a model directory")


def read_config(directory: Path) -> dict[str, Any]:
    """The model's configuration.

    Raises:
        ModelError: The file is missing or damaged, or another version wrote it.
    """
    path = _require(directory, CONFIG_FILE)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path}: not valid JSON ({error}); save the model again") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path}: not a JSON object; save the model again")
    if config.get("model_type") != "geoevents":
        raise ModelError(f"{path}: model_type is {config.get('model_type')!r}, not 'geoevents'; fine-tune it first")
    if config.get("format_version") != FORMAT_VERSION:
        raise ModelError(
            f"{path}: format_version is {config.get('format_version')!r}, this release reads {FORMAT_VERSION}; "
            "train the model again or install the release that wrote it"
        )
    for key in _KEYS:
        if key not in config:
            raise ModelError(f"{path}: {key!r} is missing; save the model again")
    return config


def read_ontology(directory: Path) -> Ontology | None:
    """The event types of a model that has its own; None where they are CAMEO's.

    Raises:
        CorpusError: The table of event types is damaged.
    """
    path = directory / ONTOLOGY_FILE
    return Ontology.read(path) if path.is_file() else None


def read_decoder(config: Mapping[str, Any]) -> Decoder:
    """The decoder that a model's configuration describes."""
    scheme = LabelScheme(
        roots=tuple(config["roots"]),
        codes=tuple(config["codes"]),
        statuses=tuple(config["statuses"]),
        role_groups=tuple(tuple(group) for group in config["role_groups"]),
        unlinked_roles=tuple(config.get("unlinked_roles", ())),
    )
    slope, offset = config["calibration"]
    return Decoder(scheme, outside_bias=config["outside_bias"], calibration=(slope, offset))


def _load_scorer(directory: Path, backend: Backend, threads: int | None, *, has_events: bool) -> Scorer:
    if backend == "torch":
        try:
            from geoevents.modeling.scorer import load_torch_scorer
        except ModuleNotFoundError as error:
            raise MissingExtraError(error.name or "torch", "train") from error
        _require(directory, WEIGHTS_FILE)
        scorer: Scorer = load_torch_scorer(directory, threads=threads)
        return scorer
    if backend != "onnx":
        raise ModelError(f"backend {backend!r} is unknown; use 'onnx' or 'torch'")
    for name in (WORDS_FILE, EVENTS_FILE) if has_events else (WORDS_FILE,):
        _require(directory, name)
    try:
        return OnnxScorer(directory)
    except Exception as error:  # ONNX Runtime's exceptions share no public base class
        raise ModelError(f"{directory}: the ONNX files cannot be loaded ({error}); export the model again") from error


def _read_tokenizer(directory: Path) -> Tokenizer:
    path = _require(directory, TOKENIZER_FILE)
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise ModelError(f"{path}: not a tokenizer file ({error}); save the model again") from error


def _require(directory: Path, name: str) -> Path:
    path = directory / name
    if not path.is_file():
        raise ModelError(
            f"{directory}: {name} is missing; a model directory holds {CONFIG_FILE}, {TOKENIZER_FILE}, "
            f"{WORDS_FILE} and {EVENTS_FILE} (or {WEIGHTS_FILE} for the torch backend)"
        )
    return path
