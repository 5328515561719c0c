from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny_encoder import KNOWN_RECORDS, seed_documents  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

import geoevents  # noqa: E402
from geoevents.encoding import IGNORED, Case, LabelScheme, TextEncoder, Window, pad_windows  # noqa: E402
from geoevents.errors import CorpusError, ModelError  # noqa: E402
from geoevents.events import Document  # noqa: E402
from geoevents.markup import write_markup  # noqa: E402
from geoevents.modeling import training  # noqa: E402
from geoevents.modeling.building import ROLE_GROUPS, build_model  # noqa: E402
from geoevents.modeling.collator import EventCollator  # noqa: E402
from geoevents.modeling.distillation import WordReplacer, imitation_loss, judge, smaller  # noqa: E402
from geoevents.modeling.evaluation import evaluate_tagger  # noqa: E402
from geoevents.modeling.examples import ExampleDataset  # noqa: E402
from geoevents.modeling.model import EventTagger  # noqa: E402
from geoevents.modeling.scorer import TorchScorer  # noqa: E402
from geoevents.modeling.training import EventTrainer, TrainingOptions, distil, train  # noqa: E402
from geoevents.ontology import Ontology  # noqa: E402
from geoevents.runtime import load_tagger  # noqa: E402

TRAIN = seed_documents(count=40)
DEV = seed_documents("dev.evt", 10)


def train_briefly(encoder: Path, output: Path, *, resume: bool = False, **changes: Any) -> EventTagger:
    """Two quick epochs."""
    options = TrainingOptions(
        **{"epochs": 2, "batch_size": 8, "learning_rate": 3e-3, "calibration_share": 0.1} | changes
    )
    return train(
        TRAIN,
        DEV,
        encoder=encoder,
        output_dir=output,
        options=options,
        model_options={"head_size": 32, "trigger_layers": 1},
        resume=resume,
    )


@pytest.fixture(scope="module")
def trained(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[EventTagger, Path]:
    directory = tmp_path_factory.mktemp("trained") / "new" / "model"
    return train_briefly(tiny_encoder, directory), directory


def loss_of(model: EventTagger, directory: Path, documents: list[Document]) -> float:
    text_encoder = TextEncoder(Tokenizer.from_file(str(directory / "tokenizer.json")))
    dataset = ExampleDataset(documents, text_encoder, model.config.scheme)
    model.train(False)
    with torch.inference_mode():
        return model(**EventCollator(0, 3)([example for _, _, example in dataset.examples])).loss.item()


def weights_of(model: EventTagger) -> dict[str, Any]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_equal_weights(first: EventTagger, second: EventTagger) -> None:
    others = second.state_dict()
    different = [name for name, tensor in first.state_dict().items() if not torch.equal(tensor, others[name])]
    assert not different


def test_training_writes_a_complete_model_directory(trained: tuple[EventTagger, Path]) -> None:
    model, directory = trained
    names = ["config.json", "events.onnx", "model.safetensors", "tokenizer.json", "words.onnx"]
    assert sorted(path.name for path in directory.iterdir()) == names
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    assert config["model_type"] == "geoevents"
    assert config["roots"] == [f"{number:02d}" for number in range(1, 21)]
    assert config["calibration"] == model.config.calibration
    assert not model.training


def test_loss_falls(trained: tuple[EventTagger, Path], tiny_encoder: Path) -> None:
    model, directory = trained
    torch.manual_seed(0)
    untrained = build_model(tiny_encoder, model_options={"head_size": 32, "trigger_layers": 1}).model
    assert loss_of(model, directory, TRAIN) < 0.8 * loss_of(untrained, directory, TRAIN)


def test_learnt_events_are_found_again(tiny_model: Path) -> None:
    evaluation = evaluate_tagger(seed_documents(count=KNOWN_RECORDS), load_tagger(tiny_model, backend="torch"))
    assert evaluation.triggers.strict.f1.value > 0.8
    assert evaluation.trigger_roots.strict.f1.value > 0.7
    assert evaluation.arguments.overall.strict.f1.value > 0.7


def test_trained_model_loads_like_the_shipped_one(tiny_model: Path) -> None:
    (first, *_) = [document for document in seed_documents(count=KNOWN_RECORDS) if document.events]
    events = geoevents.extract(first.text, model=tiny_model)
    assert {event.trigger.text for event in events} & {event.trigger.text for event in first.events}
    assert all(first.text[event.trigger.start : event.trigger.end] == event.trigger.text for event in events)


@pytest.mark.slow
def test_same_seed_gives_the_same_weights(
    trained: tuple[EventTagger, Path], tiny_encoder: Path, tmp_path: Path
) -> None:
    again = train_briefly(tiny_encoder, tmp_path / "again")
    assert_equal_weights(again, trained[0])
    assert again.config.calibration == trained[0].config.calibration
    other = train_briefly(tiny_encoder, tmp_path / "other", seed=14)
    assert not torch.equal(other.event_head.codes.weight, again.event_head.codes.weight)


def interrupt_in_epoch(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Break the training off, as Ctrl-C would, when it evaluates behind that epoch, before it has saved it."""
    calls = []

    def evaluate_or_stop(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) == epoch:
            raise KeyboardInterrupt
        return evaluate_tagger(*args, **kwargs)

    monkeypatch.setattr(training, "evaluate_tagger", evaluate_or_stop)


@pytest.mark.slow
def test_resumed_training_ends_where_an_uninterrupted_one_does(
    trained: tuple[EventTagger, Path], tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as interrupted:
        interrupt_in_epoch(interrupted, 2)
        with pytest.raises(KeyboardInterrupt):
            train_briefly(tiny_encoder, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1
    resumed = train_briefly(tiny_encoder, tmp_path, resume=True)
    assert_equal_weights(resumed, trained[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in trained[1].iterdir())


@pytest.mark.slow
def test_batches_are_made_in_a_process_of_their_own(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers = tmp_path / "makers"
    make = EventCollator.__call__

    def noted(self: EventCollator, examples: Any) -> dict[str, Any]:
        with makers.open("a") as file:
            print(os.getpid(), file=file)
        return make(self, examples)

    monkeypatch.setattr(EventCollator, "__call__", noted)
    train_briefly(tiny_encoder, tmp_path / "model", epochs=1, workers=1)
    assert makers.read_text() and str(os.getpid()) not in makers.read_text().split()


@pytest.mark.slow
def test_processes_that_make_batches_have_cores_of_their_own(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()
    step = EventTrainer.compute_loss

    def noted(self: EventTrainer, *args: Any, **kwargs: Any) -> Any:
        threads.add(torch.get_num_threads())
        return step(self, *args, **kwargs)

    monkeypatch.setattr(EventTrainer, "compute_loss", noted)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        train_briefly(tiny_encoder, tmp_path / "model", epochs=1, workers=1)
        assert (threads, torch.get_num_threads()) == ({2}, 3)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("capability", "computes"), [({"amx_bf16": True}, True), ({"avx512_f": True}, False)])
def test_bfloat16_is_not_emulated(
    capability: dict[str, bool],
    computes: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"architecture": "x86_64", **capability}, raising=False)
    options = TrainingOptions(mixed_precision=True)
    assert training._training_arguments(options, tmp_path, has_dev=False).bf16 is computes
    assert ("float32" in caplog.text) is not computes


@pytest.mark.slow
def test_fine_tuning_starts_from_a_model_directory(tiny_model: Path, tmp_path: Path) -> None:
    known = load_tagger(tiny_model, backend="torch").scorer.model
    options = TrainingOptions(epochs=1, batch_size=8, learning_rate=1e-9, calibration_share=0.0, swap_probability=0.0)
    tuned = train(TRAIN[:8], DEV[:2], encoder=tiny_model, output_dir=tmp_path / "tuned", options=options)
    assert tuned.config.codes == known.config.codes
    assert tuned.config.trigger_layers == 1
    assert tuned.dtype == torch.float32
    for name, tensor in tuned.state_dict().items():
        torch.testing.assert_close(tensor, known.state_dict()[name], atol=1e-5, rtol=0)
    assert load_tagger(tmp_path / "tuned").predict([TRAIN[0].text])


def test_new_model_of_own_codes_has_their_roots(tiny_encoder: Path) -> None:
    types = Ontology.of_codes(["040", "0841", "042"])
    model = build_model(tiny_encoder, own_types=types, model_options={"head_size": 32}).model
    assert model.config.roots == ["04", "08"]
    assert model.config.codes == ["040", "0841", "042"]
    assert model.event_head.codes.weight.shape == (3, 64)


def test_dataset_counts_the_spans_that_tags_cannot_express(tiny_encoder: Path) -> None:
    tokenizer = build_model(tiny_encoder, model_options={"head_size": 32}).tokenizer
    scheme = LabelScheme(roots=("04",), codes=("040",), statuses=geoevents.events.STATUSES, role_groups=ROLE_GROUPS)
    from geoevents.markup import parse_record

    documents = [
        parse_record("[[Iran|a1]] [[met|040 s=a1 t=a1]] nobody", document_id="x"),
        parse_record("[[Iran|a1]] [[met|040 s=a1]] nobody", document_id="y"),
    ]
    dataset = ExampleDataset(documents, TextEncoder(tokenizer), scheme)
    assert len(dataset) == 2
    assert dataset.lost == 1


@pytest.mark.slow
def test_resuming_without_a_checkpoint_trains_from_the_start(
    trained: tuple[EventTagger, Path], tiny_encoder: Path, tmp_path: Path
) -> None:
    assert_equal_weights(train_briefly(tiny_encoder, tmp_path, resume=True), trained[0])


def test_unknown_encoder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="no-such-encoder' cannot be loaded by its name or path"):
        build_model(tmp_path / "no-such-encoder")


def test_shipped_model_is_fine_tuned_by_its_name(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_model.parent)
    model = build_model("tiny").model
    assert model.config.trigger_layers == 1
    shipped = Path(geoevents.__file__).parent / "models" / "default"
    if shipped.is_dir():
        monkeypatch.chdir(shipped.parent.parent)
        model = build_model("default").model
        assert model.config.calibration == json.loads((shipped / "config.json").read_bytes())["calibration"]


def test_a_code_that_the_model_lacks_is_named_before_training(tiny_encoder: Path, tmp_path: Path) -> None:
    document = next(document for document in TRAIN if document.events)
    strange = replace(document, events=(replace(document.events[0], code="Attack"),))
    with pytest.raises(CorpusError, match=f"{document.id}.*'Attack'.*allowed: 040, 051"):
        train([strange], DEV, encoder=tiny_encoder, output_dir=tmp_path, own_types=Ontology.of_codes(["040", "051"]))


def test_smaller_model_keeps_the_chosen_layers(tiny_model: Path) -> None:
    large = build_model(tiny_model).model
    small = smaller(large, layers=(1,), inner_size=16, attention_heads=2, head_size=8)
    assert small.config.trigger_layers == 0
    assert len(small.encoder.encoder.layer) == 1
    kept, whole = small.encoder.encoder.layer[0], large.encoder.encoder.layer[1]
    torch.testing.assert_close(kept.attention.self.query.weight, whole.attention.self.query.weight)
    assert kept.intermediate.dense.weight.shape == (16, 64)
    rows = {tuple(row) for row in whole.intermediate.dense.weight.tolist()}
    assert all(tuple(row) in rows for row in kept.intermediate.dense.weight.tolist())
    torch.testing.assert_close(small.trigger_head.layers[-1].weight, large.trigger_head.layers[-1].weight)
    assert small.encoder.encoder.layer[0].attention.self.num_attention_heads == 2
    rows = {tuple(row) for row in large.event_head.word_sum.weight.tolist()}
    assert small.event_head.word_sum.weight.shape[0] == 8
    assert all(tuple(row) in rows for row in small.event_head.word_sum.weight.tolist())


def test_smaller_model_of_equal_width_scores_roles_as_before(tiny_model: Path) -> None:
    large = build_model(tiny_model).model
    small = smaller(large, layers=(0, 1))
    for name, tensor in small.event_head.state_dict().items():
        torch.testing.assert_close(tensor, large.event_head.state_dict()[name])


def test_attention_heads_that_do_not_divide_the_width_are_named(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="attention_heads=7: give a divisor of 64"):
        smaller(build_model(tiny_model).model, layers=(0,), attention_heads=7)


def test_model_that_reads_words_sees_the_mean_of_a_word_s_pieces(tiny_model: Path) -> None:
    small = smaller(build_model(tiny_model).model, layers=(0,)).train(False)
    text_encoder = TextEncoder(Tokenizer.from_file(str(tiny_model / "tokenizer.json")))
    ((short,), (long,)) = text_encoder.encode(["Zqx met", "Zqx met Zqx in Zqxzqx, Zqx said."])
    assert len(short.token_ids) > len(short.word_starts) + 2  # "Zqx" is several pieces
    with torch.inference_mode():
        alone, beside = (words_of_model(small, windows)[0, :2] for windows in ([short], [short, long]))
        torch.testing.assert_close(alone, beside)
        pieces = torch.from_numpy(short.token_ids[1 : short.word_positions[1]])
        vectors = small.encoder.get_input_embeddings()(pieces) + small.cases(torch.tensor(int(Case.CAPITALISED)))
        met = small.encoder.get_input_embeddings()(torch.from_numpy(short.token_ids[[short.word_positions[1]]]))
        met = met + small.cases(torch.tensor(int(Case.LOWER)))
        wanted = small.encoder(inputs_embeds=torch.cat([vectors.mean(0, keepdim=True), met])[None])[0][0]
    torch.testing.assert_close(alone, wanted)


def words_of_model(model: Any, windows: Sequence[Window]) -> torch.Tensor:
    """The word vectors of windows in one batch; (windows, words, size)."""
    batch = pad_windows(windows, 0)
    names = ("input_ids", "attention_mask", "token_cases", "word_positions")
    return model.word_vectors(*(torch.from_numpy(batch[name]) for name in names))[0]


def test_word_replacer_replaces_words_and_drops_the_labels_of_their_windows(tiny_model: Path) -> None:
    built = build_model(tiny_model)
    dataset = ExampleDataset(TRAIN, TextEncoder(built.tokenizer), built.model.config.scheme)
    batch = EventCollator(0, 3)([example for _, _, example in dataset.examples])
    torch.manual_seed(13)
    changed = WordReplacer(built.model, built.tokenizer)(batch)
    differs = changed["input_ids"] != batch["input_ids"]
    pieces = [built.tokenizer.id_to_token(piece) for piece in changed["input_ids"][differs].tolist()]
    assert pieces and all(piece.isalpha() for piece in pieces)
    without_labels = (changed["trigger_tags"] == IGNORED).all(1)
    assert 0.3 < without_labels.float().mean() < 0.7
    assert without_labels[differs.any(1)].all()
    labelled = ~without_labels
    assert torch.equal(changed["trigger_tags"][labelled], batch["trigger_tags"][labelled])
    assert ((changed["code_labels"] == IGNORED) | ~without_labels[batch["trigger_windows"]]).all()


def test_layers_that_an_encoder_lacks_cannot_be_kept(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match=r"layers=\[2\]: the encoder has the layers 0 to 1"):
        smaller(build_model(tiny_model).model, layers=(2,))


def test_imitation_is_perfect_of_oneself_and_worse_of_another(tiny_model: Path, trained: tuple[Any, Path]) -> None:
    teacher, other = build_model(tiny_model).model, smaller(build_model(tiny_model).model, layers=(0,))
    text_encoder = TextEncoder(Tokenizer.from_file(str(tiny_model / "tokenizer.json")))
    dataset = ExampleDataset(TRAIN[:4], text_encoder, teacher.config.scheme)
    batch = EventCollator(0, 3)([example for _, _, example in dataset.examples])
    teacher.train(False)
    other.train(False)
    with torch.inference_mode():
        judgment, role_tags = judge(TorchScorer(teacher), batch), teacher.config.scheme.role_tags
        assert imitation_loss(teacher(**batch), judgment, batch, role_tags).item() == pytest.approx(0.0, abs=1e-5)
        assert imitation_loss(other(**batch), judgment, batch, role_tags).item() > 0.1


def test_distilled_model_finds_what_its_teacher_finds_also_in_texts_without_annotation(
    tiny_model: Path, tmp_path: Path
) -> None:
    documents = seed_documents(count=KNOWN_RECORDS)
    options = TrainingOptions(
        epochs=40, batch_size=3, learning_rate=2e-3, patience=40, swap_probability=0.0, calibration_share=0.0, workers=1
    )
    annotated, texts = documents[::2], [document.text for document in documents[1::2]]
    distil(annotated, documents, texts=texts, teacher=tiny_model, layers=(1,), output_dir=tmp_path, options=options)
    evaluation = evaluate_tagger(documents, load_tagger(tmp_path))
    assert evaluation.trigger_roots.strict.f1.value > 0.7
    assert (tmp_path / "words.onnx").stat().st_size < (tiny_model / "words.onnx").stat().st_size


def test_command_line_distils_from_texts_without_annotation(tiny_model: Path, tmp_path: Path) -> None:
    texts, corpus, output = tmp_path / "texts.txt", tmp_path / "mine.evt", tmp_path / "small"
    texts.write_text("\n".join(document.text for document in TRAIN[2:12]), encoding="utf-8")
    write_markup(TRAIN[:2], corpus)
    command = [sys.executable, "-m", "geoevents", "distil", corpus, "--dev", corpus, "--teacher", tiny_model]
    command += ["--layers", "0", "--epochs", "1", "--batch-size", "4", "--workers", "1", "--output", output, "--texts"]
    missing = subprocess.run([*command, tmp_path / "none.txt"], capture_output=True, text=True)
    assert missing.returncode == 1 and "none.txt" in missing.stderr and not output.exists()
    done = subprocess.run([*command, texts, "--lines"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\b3/3\b", done.stderr), "12 documents are three steps"
    assert geoevents.load(output)(TRAIN[0].text).sentences
