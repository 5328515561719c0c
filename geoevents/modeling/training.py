"""Training and fine-tuning of the event tagger on annotated documents."""

from __future__ import annotations

import copy
import logging
import random
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch.utils.data import Dataset
from transformers import (
    AutoModel,
    AutoTokenizer,
    EarlyStoppingCallback,
    Trainer,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.trainer_utils import get_last_checkpoint

from geoevents import ontology
from geoevents.encoding import LabelScheme, TextEncoder, label_window
from geoevents.errors import CorpusError, ModelError
from geoevents.events import STATUSES, Document, Role
from geoevents.modeling.augmentation import MentionSwapper
from geoevents.modeling.calibration import fit_calibration
from geoevents.modeling.collator import EventCollator, Example
from geoevents.modeling.configuration import EventTaggerConfig
from geoevents.modeling.evaluation import evaluate_tagger, main_metrics
from geoevents.modeling.export import export_onnx
from geoevents.modeling.model import EventTagger, TriggerLayer
from geoevents.modeling.scorer import TorchScorer
from geoevents.runtime import TOKENIZER_FILE, ModelTagger, model_directory, read_config, read_decoder

logger = logging.getLogger(__name__)

ROLE_GROUPS: tuple[tuple[Role, ...], ...] = (("source", "target"), ("place",), ("time",))


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How to train.

    Attributes:
        epochs: Passes over the training documents.
        batch_size: Documents in a step.
        learning_rate: Peak learning rate of the encoder.
        head_factor: The heads' learning rate as a multiple of the encoder's.
        layer_decay: Factor on the learning rate from each encoder layer to the one below, 0 to 1.
        weight_decay: Weight decay of AdamW.
        warmup: Share of the steps that warms the learning rate up, 0 to 1.
        patience: Epochs without a better dev score after which training stops.
        swap_probability: Share of the training documents whose mentions are swapped in an epoch, 0 to 1.
        calibration_share: Share of the training documents that is kept aside to calibrate the scores on, together
            with the dev documents; 0 to 1.
        mixed_precision: Whether to compute in bfloat16; pays where the hardware has it.
        seed: Seed of everything random.
    """

    epochs: int = 13
    batch_size: int = 32
    learning_rate: float = 2e-4
    head_factor: float = 5.0
    layer_decay: float = 1.0
    weight_decay: float = 0.01
    warmup: float = 0.1
    patience: int = 4
    swap_probability: float = 0.25
    calibration_share: float = 0.03
    mixed_precision: bool = False
    seed: int = 13


class ExampleDataset(Dataset[Example]):
    """The labelled windows of annotated documents.

    Args:
        documents: Annotated documents.
        text_encoder: Texts into windows.
        scheme: The label sets.
        swapper: Swaps mentions, or None.
        swap_probability: How often a window comes from a swapped document, 0 to 1.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        text_encoder: TextEncoder,
        scheme: LabelScheme,
        *,
        swapper: MentionSwapper | None = None,
        swap_probability: float = 0.0,
    ) -> None:
        self.text_encoder = text_encoder
        self.scheme = scheme
        self.swapper = swapper
        self.swap_probability = swap_probability
        self.examples = [(document, i, example) for document in documents for i, example in self._examples(document)]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        document, window, example = self.examples[index]
        # Torch's generator is the one that a resumed training restores.
        if self.swapper is None or torch.rand(()).item() >= self.swap_probability:
            return example
        swapped = self.swapper.swap(document, random.Random(int(torch.randint(2**31, ()))))
        return dict(self._examples(swapped)).get(window, example)

    @property
    def lengths(self) -> list[int]:
        """Word pieces of each window."""
        return [len(example.window) for _, _, example in self.examples]

    @property
    def lost(self) -> int:
        """Gold spans that BIO tags cannot express."""
        return sum(example.labels.lost for _, _, example in self.examples)

    def _examples(self, document: Document) -> Iterator[tuple[int, Example]]:
        (windows,) = self.text_encoder.encode([document.text])
        for i, window in enumerate(windows):
            yield i, Example(window, label_window(window, document.events, self.scheme))


class EventTrainer(Trainer):
    """`transformers.Trainer` with length-grouped batches, layer-wise learning rates and evaluation on documents.

    Args:
        model: The model.
        examples: The training data.
        dev_documents: Annotated documents to evaluate on after each epoch.
        tagger: Runs the model in training on texts.
        options: How to train.
        kwargs: Passed to `transformers.Trainer`.
    """

    def __init__(
        self,
        *,
        model: EventTagger,
        examples: ExampleDataset,
        dev_documents: Sequence[Document],
        tagger: ModelTagger,
        options: TrainingOptions,
        **kwargs: Any,
    ) -> None:
        self.tagger_model = model
        self.examples = examples
        self.dev_documents = dev_documents
        self.tagger = tagger
        self.options = options
        super().__init__(model=model, train_dataset=examples, eval_dataset=list(dev_documents), **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:
        return LengthGroupedSampler(self.args.train_batch_size, lengths=self.examples.lengths)

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """AdamW with the learning rates of `parameter_groups`."""
        groups = parameter_groups(self.tagger_model, self.options)
        self.optimizer = torch.optim.AdamW(groups, lr=self.options.learning_rate)
        return self.optimizer

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Extract the events of the dev documents and score them."""
        self.tagger_model.train(False)
        evaluation = evaluate_tagger(self.dev_documents, self.tagger)
        metrics = {f"eval_{name}": value for name, value in main_metrics(evaluation).items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def parameter_groups(model: EventTagger, options: TrainingOptions) -> list[dict[str, Any]]:
    """Parameters with their learning rates: heads above encoder layers above embeddings; biases without decay."""
    depth = model.config.encoder_config().num_hidden_layers
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        layer = re.search(r"\.layers?\.(\d+)\.", name)
        if name.startswith("event_head.trigger_layers"):
            rate = options.learning_rate
        elif not name.startswith("encoder."):
            rate = options.learning_rate * options.head_factor
        else:
            rate = options.learning_rate * options.layer_decay ** (depth - int(layer.group(1)) if layer else depth + 1)
        decay = 0.0 if parameter.ndim < 2 else options.weight_decay
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": parameters, "lr": rate, "weight_decay": decay} for (rate, decay), parameters in groups.items()]


def train(
    train_documents: Sequence[Document],
    dev_documents: Sequence[Document],
    *,
    encoder: str | Path,
    output_dir: str | Path,
    options: TrainingOptions | None = None,
    codes: Sequence[str] | None = None,
    model_options: Mapping[str, Any] | None = None,
    resume: bool = False,
) -> EventTagger:
    """Train an event tagger and save it.

    Args:
        train_documents: Annotated documents to learn from.
        dev_documents: Annotated documents to choose the best epoch by.
        encoder: A Hugging Face encoder by name or path, or the directory of a geoevents model to fine-tune.
        output_dir: Where the model goes; checkpoints lie in its folder `checkpoints` until training has ended.
        options: How to train.
        codes: Codes that the model tells apart; by default all CAMEO codes.
        model_options: Settings of `EventTaggerConfig` beside the label sets, such as `trigger_layers`.
        resume: Whether to go on from the last checkpoint in `output_dir`.

    Returns:
        The model of the best epoch, in evaluation mode.

    Raises:
        CorpusError: An event's code belongs to none of the model's event types.
        ModelError: The encoder cannot be found or loaded, or has no fast tokenizer.
    """
    options = options or TrainingOptions()
    set_seed(options.seed)
    output_dir = Path(output_dir)
    checkpoints = output_dir / "checkpoints"
    train_documents, calibration_documents = _split(train_documents, options)
    model, tokenizer = build_model(encoder, codes=codes, model_options=model_options or {})
    text_encoder = TextEncoder(tokenizer, max_pieces=model.config.max_pieces)
    swapper = MentionSwapper(train_documents) if options.swap_probability else None
    scheme = model.config.scheme
    _check_codes([*train_documents, *dev_documents], scheme)
    examples = ExampleDataset(
        train_documents, text_encoder, scheme, swapper=swapper, swap_probability=options.swap_probability
    )
    if examples.lost:
        logger.warning("%d annotated spans overlap others of their layer and are not learned", examples.lost)
    trainer = EventTrainer(
        model=model,
        args=_training_arguments(options, checkpoints),
        examples=examples,
        data_collator=EventCollator(model.config.pad_token_id or 0, len(scheme.role_groups)),
        callbacks=[EarlyStoppingCallback(options.patience)],
        dev_documents=dev_documents,
        tagger=model_tagger(model, text_encoder),
        options=options,
    )
    trainer.train(resume_from_checkpoint=get_last_checkpoint(checkpoints) if resume and checkpoints.is_dir() else None)
    model.train(False)
    tagger = model_tagger(model, text_encoder)
    model.config.calibration = list(fit_calibration([*calibration_documents, *dev_documents], tagger))
    save_model(model, tokenizer, output_dir)
    shutil.rmtree(checkpoints)
    return model


def _check_codes(documents: Sequence[Document], scheme: LabelScheme) -> None:
    """Make sure before the first step that the model has a root for every event."""
    for document in documents:
        for event in document.events:
            if not event.code.startswith(scheme.roots):
                raise CorpusError(
                    f"document {document.id!r}: the model has no event type for the code {event.code!r}; its types are "
                    f"{', '.join(scheme.roots)}: start from an encoder and name your codes with codes="
                )


def _split(documents: Sequence[Document], options: TrainingOptions) -> tuple[list[Document], list[Document]]:
    """Documents to learn from, and documents to calibrate on."""
    shuffled = random.Random(options.seed).sample(list(documents), len(documents))
    aside = int(len(shuffled) * options.calibration_share)
    return shuffled[aside:], shuffled[:aside]


def build_model(
    encoder: str | Path, *, codes: Sequence[str] | None = None, model_options: Mapping[str, Any] | None = None
) -> tuple[EventTagger, Tokenizer]:
    """A model with its tokenizer: a geoevents model as it is, or new heads on an encoder.

    Args:
        encoder: A Hugging Face encoder by name or path, or the directory of a geoevents model.
        codes: Codes of a new model; by default all CAMEO codes.
        model_options: Settings of a new model's `EventTaggerConfig` beside the label sets.

    Raises:
        ModelError: The encoder cannot be found or loaded, or has no fast tokenizer.
    """
    directory = _geoevents_directory(encoder)
    if directory is not None:
        tokenizer = Tokenizer.from_file(str(directory / TOKENIZER_FILE))
        return EventTagger.from_pretrained(directory, dtype=torch.float32), tokenizer
    try:
        fast_tokenizer = AutoTokenizer.from_pretrained(encoder)
        pretrained = AutoModel.from_pretrained(encoder, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise ModelError(f"the encoder {str(encoder)!r} cannot be loaded by its name or path: {error}") from error
    if not fast_tokenizer.is_fast:
        raise ModelError(f"the encoder {str(encoder)!r} has no fast tokenizer, which word offsets need")
    names = {code.code: code.name for code in ontology.codes() if len(code.code) > 2}
    codes = list(names) if codes is None else list(codes)
    config = EventTaggerConfig(
        encoder=pretrained.config.to_dict(),
        roots=sorted({ontology.lookup(code).root for code in codes}),
        codes=codes,
        statuses=STATUSES,
        role_groups=ROLE_GROUPS,
        pad_token_id=fast_tokenizer.pad_token_id,
        **(model_options or {}),
    )
    model = EventTagger(config)
    model.encoder.load_state_dict(pretrained.state_dict())
    initialise_trigger_layers(model)
    tokenizer = fast_tokenizer.backend_tokenizer
    initialise_codes(model, tokenizer, [names.get(code, code) for code in codes])
    return model, tokenizer


def _geoevents_directory(encoder: str | Path) -> Path | None:
    """The directory of a geoevents model, shipped or the user's; None where the encoder is another model."""
    try:
        directory = model_directory(encoder)
        read_config(directory)
    except ModelError:
        return None
    return directory


def initialise_trigger_layers(model: EventTagger) -> None:
    """Start the trigger layers from the encoder's top layers, where it has the layers of BERT (Devlin et al. 2019)."""
    count = model.config.trigger_layers
    layers = getattr(getattr(model.encoder, "encoder", None), "layer", None)
    if not count or layers is None or not hasattr(layers[-1], "intermediate"):
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


@torch.inference_mode()
def initialise_codes(model: EventTagger, tokenizer: Tokenizer, names: Sequence[str]) -> None:
    """Start the code head from what the encoder makes of the codes' names, so that rare codes lie near their kin.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        names: The codes' names, in the order of the model's codes.
    """
    encodings = tokenizer.encode_batch(list(names))
    ids = [torch.tensor([encoding.ids]) for encoding in encodings]
    vectors = torch.cat([model.encoder(input_ids=row).last_hidden_state.mean(1) for row in ids])
    centred = vectors - vectors.mean(0)
    weights = model.event_head.codes.weight
    weights.copy_(centred * (0.5 / centred.norm(dim=-1, keepdim=True)))


def model_tagger(model: EventTagger, text_encoder: TextEncoder) -> ModelTagger:
    """A tagger that runs the model with its present weights."""
    decoder = read_decoder(model.config.to_dict())
    return ModelTagger(text_encoder, TorchScorer(model), decoder, model.config.pad_token_id or 0)


def save_model(model: EventTagger, tokenizer: Tokenizer, directory: Path) -> None:
    """Write a model directory: weights (float16), configuration, tokenizer, and the ONNX files of inference."""
    directory.mkdir(parents=True, exist_ok=True)
    export_onnx(model, directory)
    half = copy.deepcopy(model).half()  # type: ignore[no-untyped-call]
    half.save_pretrained(directory)
    tokenizer.save(str(directory / TOKENIZER_FILE))


def _training_arguments(options: TrainingOptions, directory: Path) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(directory),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_steps=options.warmup,
        lr_scheduler_type="linear",
        bf16=options.mixed_precision,
        use_cpu=not torch.accelerator.is_available(),
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="score",
        greater_is_better=True,
        logging_steps=50,
        remove_unused_columns=False,
        report_to=[],
        seed=options.seed,
    )
