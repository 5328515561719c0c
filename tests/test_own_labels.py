"""Fine-tuning on corpora with event types of their own, and on corpora that mark only some of the layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny_encoder import seed_documents  # noqa: E402

import geoevents  # noqa: E402
from geoevents.corpora import read_corpus, stream_corpus, write_corpus  # noqa: E402
from geoevents.encoding import IGNORED, TextEncoder  # noqa: E402
from geoevents.errors import CorpusError, ModelError  # noqa: E402
from geoevents.evaluation import evaluate  # noqa: E402
from geoevents.events import Argument, Document  # noqa: E402
from geoevents.modeling import training  # noqa: E402
from geoevents.modeling.building import build_model  # noqa: E402
from geoevents.modeling.evaluation import evaluate_tagger  # noqa: E402
from geoevents.modeling.examples import ExampleDataset, labelled_windows, learned_layers  # noqa: E402
from geoevents.modeling.training import TrainingOptions, balance, parameter_groups, train  # noqa: E402
from geoevents.ontology import Ontology  # noqa: E402
from geoevents.runtime import load_tagger  # noqa: E402

HEADS = {"head_size": 32, "head_dropout": 0.0, "label_smoothing": 0.0, "trigger_layers": 0}
BY_HEART: dict[str, Any] = {
    "epochs": 40,
    "batch_size": 3,
    "learning_rate": 2e-3,
    "patience": 40,
    "swap_probability": 0.0,
    "calibration_share": 0.0,
}

STRIKES = """
Dockers B-source
in O
Santos B-place
walked B-Strike.Walkout
out I-Strike.Walkout
on B-time
Friday I-time

The O
port B-source
authority I-source
locked B-Lockout
out I-Lockout
the O
crane B-target
drivers I-target

Nurses B-source
struck B-Strike
in O
Leeds B-place

The O
sea O
was O
calm O
"""

TYPES = """code\tname\troot\tquad_class\tgoldstein\tplover
Strike\tStrike\tStrike\t4\t-6.5\tPROTEST
Strike.Walkout\tWalk out without notice\tStrike\t4\t-7\tPROTEST
Lockout\tLock workers out\tLockout\t4\t-5\tCOERCE
"""


def conll(directory: Path) -> Path:
    path = directory / "strikes.conll"
    path.write_text(STRIKES.strip() + "\n", encoding="utf-8")
    return path


def only_arguments(documents: list[Document]) -> list[Document]:
    """The documents with the arguments of their first event, which they no longer mark."""
    return [
        replace(
            document,
            events=(),
            arguments=tuple(
                Argument(span.text, span.start, span.end, role)
                for event in document.events[:1]
                for role, span in event.arguments()
                if role in ("source", "target")
            ),
        )
        for document in documents
    ]


def only_triggers(documents: list[Document]) -> list[Document]:
    return [
        replace(
            document,
            events=tuple(
                replace(event, status="asserted", sources=(), targets=(), places=(), times=())
                for event in document.events
            ),
        )
        for document in documents
    ]


@pytest.fixture(scope="module")
def strikes(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Document]]]:
    """A model that knows the three types of strikes by heart, and its corpus."""
    directory = tmp_path_factory.mktemp("strikes")
    (directory / "types.tsv").write_text(TYPES, encoding="utf-8")
    types = Ontology.read(directory / "types.tsv")
    documents = read_corpus(conll(directory), ontology=types)
    options = TrainingOptions(**BY_HEART)
    train(
        documents,
        documents,
        encoder=tiny_encoder,
        output_dir=directory / "model",
        options=options,
        own_types=types,
        model_options=HEADS,
    )
    yield directory / "model", documents


def test_own_types_come_out_with_what_the_ontology_says_of_them(strikes: tuple[Path, list[Document]]) -> None:
    model, documents = strikes
    extractor = geoevents.load(model, reciprocal="annotated")
    (event,) = extractor(documents[0].text, date="2024-03-08").events
    assert (event.code, event.root, event.name) == ("Strike.Walkout", "Strike", "Walk out without notice")
    assert (event.quad_class, event.goldstein, event.plover) == (4, -7.0, "PROTEST")
    assert event.trigger.text == "walked out"
    assert [actor.text for actor in event.sources] == ["Dockers"]
    assert event.date == "2024-03-08"
    assert not extractor(documents[3].text).events


def test_own_types_can_be_evaluated_and_written_as_rows(strikes: tuple[Path, list[Document]], tmp_path: Path) -> None:
    model, documents = strikes
    extractor = geoevents.load(model, reciprocal="annotated")
    made = list(extractor.pipe((document.text, {"id": document.id}) for document in documents))
    assert evaluate(documents, made, bootstrap=0).trigger_codes.strict.f1.value == 1.0
    from geoevents.formats import open_writer, row_schema

    for columns in ("geoevents", "gdelt", "polecat"):
        path = tmp_path / f"{columns}.csv"
        with open_writer(path, schema=row_schema(columns)) as writer:
            for document in made:
                writer.write(document)
        assert len(path.read_text(encoding="utf-8").splitlines()) > 3


def test_fine_tuning_takes_the_labels_of_the_corpus(
    tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    documents = read_corpus(conll(tmp_path))
    options = TrainingOptions(**BY_HEART | {"epochs": 15})
    train(documents, documents, encoder=tiny_model, output_dir=tmp_path / "tuned", options=options)
    assert "no event types Lockout, Strike, Strike.Walkout" in caplog.text
    assert [label.code for label in Ontology.read(tmp_path / "tuned" / "ontology.tsv").labels] == [
        "Lockout",
        "Strike",
        "Strike.Walkout",
    ]
    found = {event.code for document in documents for event in geoevents.load(tmp_path / "tuned")(document.text).events}
    assert found
    assert found <= {"Lockout", "Strike", "Strike.Walkout"}
    # A model with types of its own can be fine-tuned again, and keeps them.
    again = build_model(tmp_path / "tuned")
    assert again.ontology is not None
    assert again.model.config.roots == ["Lockout", "Strike", "Strike.Walkout"]


def test_shared_labels_keep_their_weights_and_new_ones_start_as_the_mean(tiny_model: Path) -> None:
    old = build_model(tiny_model).model
    new = build_model(tiny_model, own_types=Ontology.of_codes(["040", "Attack"])).model
    assert new.config.roots == ["04", "Attack"]
    was, now = old.trigger_head.layers[-1].weight, new.trigger_head.layers[-1].weight
    at = old.config.roots.index("04")
    torch.testing.assert_close(now[0], was[0])
    torch.testing.assert_close(now[1:3], was[1 + 2 * at : 3 + 2 * at])
    torch.testing.assert_close(now[3], was[1::2].mean(0))
    torch.testing.assert_close(now[4], was[2::2].mean(0))
    assert new.event_head is not None and old.event_head is not None
    torch.testing.assert_close(
        new.event_head.codes.weight[0], old.event_head.codes.weight[old.config.codes.index("040")]
    )
    torch.testing.assert_close(new.event_head.word_sum.weight, old.event_head.word_sum.weight)


def test_heads_of_a_geoevents_model_cannot_be_resized(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match=r"takes no model_options \(head_size\)"):
        build_model(tiny_model, model_options={"head_size": 64})


def test_preset_without_weights_cannot_be_fine_tuned() -> None:
    with pytest.raises(ModelError, match=r"model\.safetensors is missing"):
        build_model("fast")


def test_other_version_of_a_model_is_named(tiny_model: Path, tmp_path: Path) -> None:
    config = (tiny_model / "config.json").read_text(encoding="utf-8")
    (tmp_path / "config.json").write_text(config.replace('"format_version": 1', '"format_version": 99'))
    with pytest.raises(ModelError, match="format_version is 99"):
        build_model(tmp_path)


def test_corpus_of_arguments_alone_trains_a_model_of_arguments(tiny_encoder: Path, tmp_path: Path) -> None:
    documents = only_arguments(seed_documents(count=10))
    model = train(
        documents,
        documents,
        encoder=tiny_encoder,
        output_dir=tmp_path,
        options=TrainingOptions(**BY_HEART),
        model_options=HEADS,
    )
    assert model.event_head is None
    assert not (tmp_path / "events.onnx").exists()
    for backend in ("onnx", "torch"):
        made = [geoevents.load(tmp_path, backend=backend)(item.text, id=item.id) for item in documents]
        assert not any(document.events for document in made)
        for document in made:
            assert all(document.text[item.start : item.end] == item.text for item in document.arguments)
        unlinked = evaluate(documents, made, bootstrap=0).unlinked
        assert unlinked.overall.strict.f1.value is not None and unlinked.overall.strict.f1.value > 0.8
        assert set(unlinked.by_role) == {"source", "target"}


def test_fine_tuning_on_arguments_leaves_the_triggers(tiny_model: Path, tmp_path: Path) -> None:
    known = seed_documents(count=12)
    documents = only_arguments(known)
    options = TrainingOptions(**BY_HEART | {"epochs": 60, "patience": 60, "frozen_layers": 2})
    tuned = train(documents, documents, encoder=tiny_model, output_dir=tmp_path, options=options)
    assert tuned.config.unlinked_roles == ["source", "target"]
    before, after = (evaluate_tagger(known, load_tagger(path)) for path in (tiny_model, tmp_path))
    assert after.triggers.strict.f1.value == pytest.approx(before.triggers.strict.f1.value, abs=0.05)
    made = [geoevents.load(tmp_path)(document.text, id=document.id) for document in documents]
    assert sum(len(document.arguments) for document in made) > 5
    # A corpus without triggers does not say that those found are wrong.
    assert tuned.config.calibration == pytest.approx(build_model(tiny_model).model.config.calibration)


def test_with_nothing_held_out_the_scores_stay_calibrated(tiny_model: Path, tmp_path: Path) -> None:
    options = TrainingOptions(**BY_HEART | {"epochs": 1, "dev_share": 0.0})
    tuned = train(seed_documents(count=6), encoder=tiny_model, output_dir=tmp_path, options=options)
    known = build_model(tiny_model).model.config.calibration
    assert known != [1.0, 0.0]
    assert tuned.config.calibration == pytest.approx(known)


def test_layers_that_a_corpus_does_not_mark_are_not_learned(tiny_model: Path) -> None:
    built = build_model(tiny_model)
    scheme = built.model.config.scheme
    documents = only_triggers(seed_documents(count=12))
    layers = learned_layers(documents, scheme)
    assert (layers.triggers, layers.statuses, layers.role_groups, layers.unlinked) == (
        True,
        False,
        (False, False, False),
        False,
    )
    for document in documents:
        for example in labelled_windows(document, TextEncoder(built.tokenizer), scheme, layers):
            assert (example.labels.trigger_tags != IGNORED).all()
            assert (example.labels.unlinked_tags == IGNORED).all()
            assert all((trigger.roles == IGNORED).all() for trigger in example.labels.triggers)
            assert all(trigger.status == IGNORED for trigger in example.labels.triggers)


def test_document_of_arguments_among_others_denies_no_trigger(tiny_model: Path) -> None:
    built = build_model(tiny_model, unlinked_roles=["source", "target"])
    scheme, text_encoder = built.model.config.scheme, TextEncoder(built.tokenizer)
    whole = next(document for document in seed_documents(count=12) if document.events)
    documents = [whole, *only_arguments([whole])]
    whole_tags, argument_tags = (
        example.labels.trigger_tags for _, _, example in ExampleDataset(documents, text_encoder, scheme).examples
    )
    assert (whole_tags != IGNORED).all()
    assert (argument_tags == IGNORED).all()


def test_frozen_layers_stay_as_they_were(tiny_model: Path, tmp_path: Path) -> None:
    before = build_model(tiny_model).model.state_dict()
    documents = seed_documents(count=6)
    options = TrainingOptions(**BY_HEART | {"epochs": 1, "frozen_layers": 1})
    after = train(documents, documents, encoder=tiny_model, output_dir=tmp_path, options=options).state_dict()

    def changed(part: str) -> bool:
        names = [name for name in before if part in name]
        assert names
        return any(not torch.equal(before[name], after[name]) for name in names)

    assert not changed("encoder.embeddings.")
    assert not changed("encoder.encoder.layer.0.")
    assert changed("encoder.encoder.layer.1.")
    assert changed("trigger_head.")


def test_frozen_parameters_are_not_optimised(tiny_model: Path) -> None:
    model = build_model(tiny_model).model
    groups = parameter_groups(model, TrainingOptions(frozen_layers=2))
    optimised = {id(parameter) for group in groups for parameter in group["params"]}
    frozen = [parameter for name, parameter in model.named_parameters() if name.startswith("encoder.encoder.layer")]
    assert not optimised & {id(parameter) for parameter in frozen}
    assert not any(parameter.requires_grad for parameter in frozen)


def test_balanced_training_weighs_rare_types_more(tiny_model: Path) -> None:
    built = build_model(tiny_model, own_types=Ontology.of_codes(["040", "051"]))
    (event, *_) = [event for document in seed_documents(count=12) for event in document.events]
    document = Document("x", "t", events=tuple(replace(event, code=code) for code in ["040"] * 9 + ["051"]))
    balance(built.model, [document], built.model.config.scheme)
    # 9 and 1 events, 5 in the mean: sqrt(5 / 9) and sqrt(5)
    expected = torch.tensor([5 / 9, 5.0]).sqrt()
    torch.testing.assert_close(built.model.code_weights, expected)
    torch.testing.assert_close(built.model.tag_weights, torch.cat([torch.ones(1), expected.repeat_interleave(2)]))
    assert "code_weights" not in built.model.state_dict()


def test_equally_good_epochs_do_not_stop_the_training(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return evaluate_tagger(*args, **kwargs)

    monkeypatch.setattr(training, "evaluate_tagger", counted)
    documents = seed_documents(count=6)
    nothing_to_find = [replace(document, events=()) for document in documents]
    options = TrainingOptions(**BY_HEART | {"epochs": 4, "patience": 1})
    train(documents, nothing_to_find, encoder=tiny_model, output_dir=tmp_path, options=options)
    assert len(calls) == 4


def test_without_dev_documents_some_are_kept_aside(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watched(documents: list[Document], *args: Any, **kwargs: Any) -> Any:
        seen.append([document.id for document in documents])
        return evaluate_tagger(documents, *args, **kwargs)

    monkeypatch.setattr(training, "evaluate_tagger", watched)
    documents = seed_documents(count=10)
    train(documents, encoder=tiny_model, output_dir=tmp_path, options=TrainingOptions(epochs=1, dev_share=0.2))
    assert [len(ids) for ids in seen] == [2]
    with pytest.raises(CorpusError, match="no documents are left to train on"):
        train(documents[:1], encoder=tiny_model, output_dir=tmp_path, options=TrainingOptions(dev_share=0.2))


def test_tiny_corpora_are_learned_whole(tiny_model: Path, tmp_path: Path) -> None:
    documents = seed_documents(count=10)
    assert TrainingOptions.for_corpus(len(documents)).dev_share == 0
    assert TrainingOptions.for_corpus(500).dev_share > 0
    options = TrainingOptions.for_corpus(len(documents), **BY_HEART)
    assert not training.split_documents(documents, None, options).dev
    train(documents, encoder=tiny_model, output_dir=tmp_path / "model", options=options)
    known = evaluate_tagger(documents, load_tagger(tmp_path / "model")).triggers.strict.f1.value
    assert known is not None and known > 0.9
    assert not (tmp_path / "model" / "checkpoints").exists()


def test_small_corpora_are_trained_on_in_smaller_steps() -> None:
    small, large = TrainingOptions.for_corpus(60), TrainingOptions.for_corpus(60_000)
    assert 60 / small.batch_size * small.epochs > 200
    assert (large.batch_size, large.epochs) == (32, 13)
    assert TrainingOptions.for_corpus(60, epochs=2).epochs == 2
    assert TrainingOptions.for_corpus(None) == TrainingOptions()


def test_a_stream_is_trained_on_without_being_held(tiny_model: Path, tmp_path: Path) -> None:
    documents = seed_documents(count=30)
    paths = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for path, part in zip(paths, (documents[:15], documents[15:]), strict=True):
        write_corpus(part, path)
    stream = stream_corpus(paths).shuffle(seed=1, buffer_size=10)
    options = TrainingOptions(**BY_HEART | {"steps": 60, "epochs": 2})
    before = evaluate_tagger(documents, load_tagger(tiny_model)).triggers.strict.f1.value
    train(stream, documents[:10], encoder=tiny_model, output_dir=tmp_path / "model", options=options)
    after = evaluate_tagger(documents, load_tagger(tmp_path / "model")).triggers.strict.f1.value
    assert before is not None and after is not None and after > before + 0.05


def test_a_stream_needs_to_be_told_its_length_and_layers(tiny_model: Path, tmp_path: Path) -> None:
    write_corpus(seed_documents(count=3), tmp_path / "some.jsonl")
    stream = stream_corpus(tmp_path / "some.jsonl")
    with pytest.raises(CorpusError, match="needs dev documents"):
        train(stream, encoder=tiny_model, output_dir=tmp_path, options=TrainingOptions(steps=3))
    with pytest.raises(ValueError, match=r"give options\.steps"):
        train(stream, seed_documents(count=2), encoder=tiny_model, output_dir=tmp_path)
