from __future__ import annotations

import csv
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny_encoder import SEEDS, seed_documents  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402
from transformers import AutoConfig, AutoModel, BertModel  # noqa: E402

from geoevents.decoding import Decoder  # noqa: E402
from geoevents.encoding import IGNORED, LabelScheme, TextEncoder, label_window  # noqa: E402
from geoevents.events import STATUSES, Argument, Document, Span  # noqa: E402
from geoevents.markup import parse_record  # noqa: E402
from geoevents.modeling.augmentation import Edit, MentionSwapper, edit_document  # noqa: E402
from geoevents.modeling.building import build_model  # noqa: E402
from geoevents.modeling.calibration import fit_calibration  # noqa: E402
from geoevents.modeling.collator import EventCollator, Example  # noqa: E402
from geoevents.modeling.configuration import EventTaggerConfig  # noqa: E402
from geoevents.modeling.evaluation import evaluate_tagger  # noqa: E402
from geoevents.modeling.model import EventTagger, EventTaggerOutput  # noqa: E402
from geoevents.modeling.training import TrainingOptions, parameter_groups  # noqa: E402
from geoevents.runtime import ModelTagger, WordScores  # noqa: E402

COUNTRIES = SEEDS.parent / "geoevents" / "resolution" / "data" / "countries.tsv"


def document(markup: str, document_id: str = "x") -> Document:
    return parse_record(markup, document_id=document_id)


def new_model(encoder: Path, **model_options: Any) -> tuple[EventTagger, TextEncoder]:
    torch.manual_seed(0)
    built = build_model(encoder, model_options={"head_size": 32} | model_options)
    built.model.train(False)
    return built.model, TextEncoder(built.tokenizer)


def examples(documents: list[Document], model: EventTagger, encoder: TextEncoder) -> list[Example]:
    windows = [window for (window,) in encoder.encode([item.text for item in documents])]
    scheme = model.config.scheme
    return [
        Example(window, label_window(window, item.events, scheme))
        for window, item in zip(windows, documents, strict=True)
    ]


def batch_of(documents: list[Document], model: EventTagger, encoder: TextEncoder) -> dict[str, Any]:
    return EventCollator(0, 3)(examples(documents, model, encoder))


TWO = [
    document("[[Iran|a1]] [[met|040 s=a1]] [[Iraq|a2]] and then [[praised|051 s=a1 t=a2]] it"),
    document("[[Raisi|a1]] [[visited|042 s=a1 t=a2 l=a2]] [[Moscow|a2]]"),
]


def test_collator_pads_windows_and_lists_triggers(tiny_encoder: Path) -> None:
    model, encoder = new_model(tiny_encoder)
    batch = batch_of(TWO, model, encoder)
    pieces = max(len(example.window) for example in examples(TWO, model, encoder))
    assert {name: tuple(tensor.shape) for name, tensor in batch.items()} == {
        "input_ids": (2, pieces),
        "attention_mask": (2, pieces),
        "token_cases": (2, pieces),
        "word_positions": (2, 7),
        "word_mask": (2, 7),
        "trigger_tags": (2, 7),
        "unlinked_tags": (2, 7),
        "trigger_windows": (3,),
        "trigger_firsts": (3,),
        "trigger_lasts": (3,),
        "code_labels": (3,),
        "status_labels": (3,),
        "role_labels": (3, 3, 7),
    }
    assert batch["trigger_windows"].tolist() == [0, 0, 1]
    assert batch["trigger_firsts"].tolist() == [1, 5, 1]
    assert batch["trigger_tags"][1, 3:].tolist() == [IGNORED] * 4
    assert (batch["role_labels"][2, :, 3:] == IGNORED).all()
    assert (batch["role_labels"][:2] != IGNORED).all()
    assert batch["role_labels"][2, 1, :3].tolist() == [0, 0, 1]
    assert [model.config.codes[code] for code in batch["code_labels"]] == ["040", "051", "042"]


def test_collator_hides_codes_that_the_model_lacks(tiny_encoder: Path) -> None:
    model, encoder = new_model(tiny_encoder)
    scheme = replace(model.config.scheme, codes=("051",))
    (window,) = encoder.encode([TWO[0].text])[0]
    batch = EventCollator(0, 3)([Example(window, label_window(window, TWO[0].events, scheme))])
    assert batch["code_labels"].tolist() == [IGNORED, 0]


def scores(model: EventTagger, batch: Mapping[str, Any]) -> EventTaggerOutput:
    with torch.inference_mode():
        return model(**batch)


@pytest.mark.parametrize("trigger_layers", [0, 1, 2])
def test_scores_have_the_shapes_of_the_label_sets(tiny_encoder: Path, trigger_layers: int) -> None:
    model, encoder = new_model(tiny_encoder, trigger_layers=trigger_layers)
    output = scores(model, batch_of(TWO, model, encoder))
    assert output.trigger_logits.shape == (2, 7, 41)
    assert output.code_logits.shape == (3, len(model.config.codes))
    assert output.status_logits.shape == (3, 3)
    assert output.role_logits.shape == (3, 7, 11)
    assert output.loss.isfinite()


@pytest.mark.parametrize("trigger_layers", [0, 1])
def test_batch_without_triggers_has_a_loss_that_can_be_learnt_from(tiny_encoder: Path, trigger_layers: int) -> None:
    model, encoder = new_model(tiny_encoder, trigger_layers=trigger_layers)
    model.train()
    output = model(**batch_of([document("It rained in Oslo."), document("Nobody came.")], model, encoder))
    assert output.code_logits.shape == (0, len(model.config.codes))
    output.loss.backward()
    assert output.loss.isfinite()
    gradient = model.trigger_head.layers[1].weight.grad
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0


def test_padding_changes_no_score(tiny_encoder: Path) -> None:
    model, encoder = new_model(tiny_encoder, trigger_layers=1)
    alone, together = (scores(model, batch_of(documents, model, encoder)) for documents in (TWO[1:], TWO))
    torch.testing.assert_close(together.trigger_logits[1:, :3], alone.trigger_logits)
    torch.testing.assert_close(together.code_logits[2:], alone.code_logits)
    torch.testing.assert_close(together.status_logits[2:], alone.status_logits)
    torch.testing.assert_close(together.role_logits[2:, :3], alone.role_logits)


def test_scores_without_labels_have_no_loss(tiny_encoder: Path) -> None:
    model, encoder = new_model(tiny_encoder)
    batch = batch_of(TWO, model, encoder)
    output = scores(model, {name: tensor for name, tensor in batch.items() if not name.endswith(("_labels", "_tags"))})
    assert output.loss is None
    torch.testing.assert_close(output.role_logits, scores(model, batch).role_logits)


def test_new_model_reads_the_encoder_as_it_was(tiny_encoder: Path) -> None:
    model, encoder = new_model(tiny_encoder, trigger_layers=1)
    bert = BertModel.from_pretrained(tiny_encoder)
    batch = batch_of(TWO, model, encoder)
    with torch.inference_mode():
        words, lower = model.word_vectors(
            *(batch[name] for name in ("input_ids", "attention_mask", "token_cases", "word_positions"))
        )
        states = bert(batch["input_ids"], batch["attention_mask"], output_hidden_states=True).hidden_states
    for row, positions in enumerate(batch["word_positions"]):
        torch.testing.assert_close(words[row], states[-1][row, positions])
        torch.testing.assert_close(lower[row], states[-2][row, positions])


@pytest.mark.parametrize("count", [1, 2])
def test_trigger_layers_start_as_copies_of_the_top_layers(tiny_encoder: Path, count: int) -> None:
    model, _ = new_model(tiny_encoder, trigger_layers=count)
    states = torch.randn(3, 5, 64)
    everywhere = torch.ones(3, 5, dtype=torch.bool)
    with torch.inference_mode():
        for own, theirs in zip(model.event_head.trigger_layers, model.encoder.encoder.layer[-count:], strict=True):
            output = theirs(states)
            expected = output[0] if isinstance(output, tuple) else output
            torch.testing.assert_close(own(states, everywhere), expected, atol=1e-4, rtol=1e-4)


def test_code_head_starts_near_codes_of_like_names(tiny_encoder: Path) -> None:
    model, _ = new_model(tiny_encoder)
    weights = dict(zip(model.config.codes, model.event_head.codes.weight.detach(), strict=True))
    assert all(weight.norm().item() == pytest.approx(0.5, abs=1e-3) for weight in weights.values())
    # "Appeal for economic aid", "Appeal for military aid"; "Use as human shield"
    assert weights["0231"] @ weights["0232"] > weights["0231"] @ weights["1821"]


def test_reloaded_model_gives_equal_scores(tiny_encoder: Path, tmp_path: Path) -> None:
    model, encoder = new_model(tiny_encoder, trigger_layers=1)
    model.config.calibration = [0.5, -0.25]
    model.save_pretrained(tmp_path)
    reloaded = EventTagger.from_pretrained(tmp_path)
    reloaded.train(False)
    batch = batch_of(TWO, model, encoder)
    before, after = scores(model, batch), scores(reloaded, batch)
    for name in ("loss", "trigger_logits", "code_logits", "status_logits", "role_logits"):
        assert torch.equal(before[name], after[name]), name
    assert reloaded.config.scheme == model.config.scheme
    assert reloaded.config.calibration == [0.5, -0.25]


def test_auto_classes_recognise_a_model_directory(tiny_model: Path) -> None:
    config = AutoConfig.from_pretrained(tiny_model)
    assert isinstance(config, EventTaggerConfig)
    assert config.encoder_config().model_type == "bert"
    assert config.scheme.role_groups == (("source", "target"), ("place",), ("time",))
    assert isinstance(AutoModel.from_pretrained(tiny_model), EventTagger)


def test_learning_rates_rise_from_the_embeddings_to_the_heads(tiny_encoder: Path) -> None:
    model, _ = new_model(tiny_encoder, trigger_layers=1)
    options = TrainingOptions(learning_rate=1.0, head_factor=5.0, layer_decay=0.5, weight_decay=0.01)
    groups = parameter_groups(model, options)
    rates = {id(parameter): (group["lr"], group["weight_decay"]) for group in groups for parameter in group["params"]}
    assert len(rates) == len(list(model.parameters()))
    layers = model.encoder.encoder.layer
    assert rates[id(model.encoder.embeddings.word_embeddings.weight)] == (0.125, 0.01)
    assert rates[id(layers[0].output.dense.weight)] == (0.25, 0.01)
    assert rates[id(layers[1].output.dense.weight)] == (0.5, 0.01)
    assert rates[id(layers[1].output.dense.bias)] == (0.5, 0.0)
    assert rates[id(model.event_head.trigger_layers[0].mixed.weight)] == (1.0, 0.01)
    assert rates[id(model.trigger_head.layers[1].weight)] == (5.0, 0.01)


# Augmentation


def country_rows() -> dict[str, dict[str, str]]:
    """The states and territories of today by name."""
    with COUNTRIES.open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["iso2"] and not row["until"]]
    return {row["name"]: row for row in rows}


@pytest.fixture(scope="module")
def swapper() -> MentionSwapper:
    return MentionSwapper([*seed_documents("train_01_mideast.evt"), *seed_documents("train_16_wire_b.evt")])


def links(item: Document) -> list[list[tuple[str, int]]]:
    """The roles of every event's arguments, each span by the number of its place in the text."""
    spans = sorted({(span.start, span.end) for event in item.events for _, span in event.arguments()})
    return [[(role, spans.index((span.start, span.end))) for role, span in event.arguments()] for event in item.events]


@pytest.mark.parametrize("name", ["train_01_mideast.evt", "train_16_wire_b.evt"])
def test_swapped_documents_keep_their_spans_and_links(swapper: MentionSwapper, name: str) -> None:
    generator = random.Random(3)
    changed = 0
    for before in seed_documents(name):
        after = swapper.swap(before, generator)
        changed += after.text != before.text
        assert links(after) == links(before)
        for old, new in zip(before.events, after.events, strict=True):
            assert (new.id, new.code, new.status) == (old.id, old.code, old.status)
            for span in (new.trigger, *(argument for _, argument in new.arguments())):
                assert after.text[span.start : span.end] == span.text
        for sentence in after.sentences:
            assert after.text[sentence.start : sentence.end] == sentence.text
        assert "|" not in after.text
    assert changed > 0.7 * len(seed_documents(name))


def test_all_mentions_of_a_country_become_one_other_country(swapper: MentionSwapper) -> None:
    before = document("[[Russia|a1]] [[warned|130 s=a1]] that Russian troops leave Moscow and Russians stay")
    rows = country_rows()
    names = set()
    for seed in range(40):
        after = swapper.swap(before, random.Random(seed))
        name, rest = after.text.split(" warned that ")
        assert after.events[0].sources[0].text == name
        adjective, rest = rest.split(" troops leave ")
        capital, people = rest.removesuffix(" stay").split(" and ")
        demonyms = rows[name]["demonyms"].split("|")
        assert [adjective, people] == demonyms[:2]
        assert capital in rows[name]["capital"].split("|")
        names.add(name)
    assert len(names) > 20


@pytest.mark.parametrize("country", ["Iran", "Russia", "China", "Ukraine", "Syria", "France", "India", "Sudan", "Mali"])
def test_countries_with_known_regions_are_swapped_too(swapper: MentionSwapper, country: str) -> None:
    before = document(f"[[{country}|a1]] [[left|040 s=a1]]")
    swapped = {swapper.swap(before, random.Random(seed)).text.removesuffix(" left") for seed in range(20)}
    assert len(swapped) > 10
    assert swapped <= set(country_rows())


def test_rare_names_inside_actors_are_swapped_alike_everywhere(swapper: MentionSwapper) -> None:
    before = document("[[Otaibi|a1]] [[met|040 s=a1]] nobody, and then Otaibi [[left|040 s=a1]]")
    assert len([item for item in seed_documents() if "Otaibi" in item.text]) in (1, 2), "no longer a rare name"
    swapped = {swapper.swap(before, random.Random(seed)).text for seed in range(10)}
    assert len(swapped) > 5
    for text in swapped:
        assert text.split(" met")[0] == text.removesuffix(" left").split("then ")[1]


def test_mention_across_a_spans_border_is_left_alone(swapper: MentionSwapper) -> None:
    text = "South Sudan left"
    event = document("[[South|a1]] Sudan [[left|040 s=a1]]").events[0]
    after = swapper.swap(Document("x", text, events=(event,)), random.Random(1))
    assert after.text == text


def test_swapping_is_a_function_of_the_generator(swapper: MentionSwapper) -> None:
    documents = seed_documents(count=20)
    first, second, other = ([swapper.swap(item, random.Random(seed)).text for item in documents] for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_edits_move_every_span_behind_them() -> None:
    before = replace(
        document("[[Iran|a1]] [[met|040 s=a1 t=a2 d=d1]] [[Xi|a2]] [[today|d1]]"),
        arguments=(Argument("today", 12, 17, "time"),),
    )
    after = edit_document(before, [Edit(9, 11, "Xi Jinping"), Edit(0, 4, "Burkina Faso")])
    assert after.text == "Burkina Faso met Xi Jinping today"
    (event,) = after.events
    assert event.trigger == Span("met", 13, 16)
    assert [(span.text, span.start, span.end) for _, span in event.arguments()] == [
        ("Burkina Faso", 0, 12),
        ("Xi Jinping", 17, 27),
        ("today", 28, 33),
    ]
    assert after.arguments == (Argument("today", 28, 33, "time"),)
    assert after.sentences == (Span(after.text, 0, 33),)


# Calibration


class KnownProbabilities:
    """A network that gives the first word of a window, such as "p80", as a trigger with the probability it names."""

    def __init__(self, tokenizer: Tokenizer, tags: int) -> None:
        self.probabilities = {
            index: int(word[1:]) / 100 for word, index in tokenizer.get_vocab().items() if word.startswith("p")
        }
        self.tags = tags

    def words(self, batch: Mapping[str, Any]) -> WordScores:
        logits = np.full((*batch["word_mask"].shape, self.tags), -50.0)
        logits[..., 0] = 0.0
        for row, pieces in zip(logits, batch["input_ids"], strict=True):
            probability = self.probabilities[int(pieces[0])]
            row[0, 0], row[0, 1] = np.log(1 - probability), np.log(probability)
        return WordScores(logits, None, None)

    def events(self, words: None, word_mask: Any, windows: Any, firsts: Any, lasts: Any) -> tuple[np.ndarray, ...]:
        count, length = len(windows), word_mask.shape[1]
        return np.zeros((count, 1)), np.zeros((count, 3)), np.zeros((count, length, 3))


PROBABILITIES = range(52, 100, 3)


def known_tagger() -> ModelTagger:
    """Finds an event of code 036 in each text "p80 .", with the score that the text names."""
    vocabulary = {word: index for index, word in enumerate([".", *(f"p{value}" for value in PROBABILITIES)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="."))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    scheme = LabelScheme(roots=("03",), codes=("036",), statuses=STATUSES, role_groups=(("time",),))
    return ModelTagger(TextEncoder(tokenizer), KnownProbabilities(tokenizer, 3), Decoder(scheme), 0)


def known_documents(rates: Mapping[int, float], each: int) -> list[Document]:
    """For each score in hundredths so many documents, of which the given share holds an event."""
    return [
        document(f"[[p{score}|036]] ." if i < round(rate * each) else f"p{score} .", f"{score}-{i}")
        for score, rate in rates.items()
        for i in range(each)
    ]


def calibrated(score: float, slope: float, offset: float) -> float:
    return 1 / (1 + np.exp(-(slope * np.log(score / (1 - score)) + offset)))


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.5, -0.4), (2.0, -1.5)])
def test_calibration_recovers_a_known_distortion(slope: float, offset: float) -> None:
    rates = {value: calibrated(value / 100, slope, offset) for value in PROBABILITIES}
    fitted = fit_calibration(known_documents(rates, 200), known_tagger())
    assert fitted == pytest.approx((slope, offset), abs=0.06)


def test_calibration_does_not_depend_on_the_present_one() -> None:
    documents = known_documents({55: 0.3, 70: 0.5, 97: 0.8}, 10)
    tagger = known_tagger()
    distorted = replace(tagger, decoder=replace(tagger.decoder, calibration=(3.0, 2.0)))
    assert fit_calibration(documents, distorted) == fit_calibration(documents, tagger)


def test_calibrated_scores_say_how_often_they_are_right() -> None:
    rates = {value: calibrated(value / 100, 0.5, -0.4) for value in PROBABILITIES}
    documents, tagger = known_documents(rates, 100), known_tagger()
    before = evaluate_tagger(documents, tagger).calibration.error
    fitted = replace(tagger, decoder=replace(tagger.decoder, calibration=fit_calibration(documents, tagger)))
    after = evaluate_tagger(documents, fitted).calibration.error
    assert before > 0.15
    assert after < 0.02


@pytest.mark.parametrize(
    "rates",
    [
        pytest.param({97: 0.0}, id="one score, all wrong"),
        pytest.param({55: 0.0, 97: 0.0}, id="all wrong"),
        pytest.param({55: 1.0, 97: 1.0}, id="all right"),
        pytest.param({55: 1.0, 97: 0.0}, id="the surest wrong"),
        pytest.param({55: 0.0, 97: 1.0}, id="split by the score"),
    ],
)
def test_calibration_on_odd_samples_keeps_the_order_of_the_scores(rates: dict[int, float]) -> None:
    slope, offset = fit_calibration(known_documents(rates, 5), known_tagger())
    assert 0 < slope < 100
    assert abs(offset) < 100
    mean = sum(rates.values()) / len(rates)
    assert np.mean([calibrated(value / 100, slope, offset) for value in rates]) == pytest.approx(mean, abs=0.02)


def test_calibration_without_predictions_leaves_the_scores() -> None:
    tagger = known_tagger()
    blind = replace(tagger, decoder=replace(tagger.decoder, outside_bias=100.0))
    assert fit_calibration(known_documents({55: 1.0}, 3), blind) == (1.0, 0.0)
