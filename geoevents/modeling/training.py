"""Training and fine-tuning of the event tagger on annotated documents."""

from __future__ import annotations

import copy
import logging
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments, set_seed
from transformers.trainer_pt_utils import LengthGroupedSampler
from transformers.trainer_utils import get_last_checkpoint

from geoevents.encoding import ALL_LAYERS, LabelScheme, TextEncoder
from geoevents.errors import CorpusError, ModelError
from geoevents.events import Document, document_id
from geoevents.modeling.augmentation import MentionSwapper
from geoevents.modeling.building import BuiltModel, build_model, cameo, label_sets
from geoevents.modeling.calibration import fit_calibration
from geoevents.modeling.collator import EventCollator
from geoevents.modeling.distillation import ImitationCollator, WordReplacer, imitation_loss, smaller
from geoevents.modeling.evaluation import evaluate_tagger, extract_documents, main_metrics
from geoevents.modeling.examples import ExampleDataset, ExampleStream, learned_layers
from geoevents.modeling.export import export_onnx
from geoevents.modeling.model import EventTagger
from geoevents.modeling.scorer import TorchScorer
from geoevents.ontology import Ontology, is_valid
from geoevents.runtime import ONTOLOGY_FILE, TOKENIZER_FILE, ModelTagger, load_tagger, read_decoder

if TYPE_CHECKING:
    import datasets

logger = logging.getLogger(__name__)

TIE_BREAK = 1e-9
SAMPLE = 384

SMALL_CORPUS = 1000
"""A corpus of fewer documents is trained on in smaller steps and more epochs."""

TINY_CORPUS = 200
"""A corpus of fewer documents is learned whole: the best epoch by a tenth of it would be a matter of chance."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How to train.

    Attributes:
        epochs: Passes over the training documents; with `steps`, the number of evaluations.
        steps: Steps to train for, which a stream of documents needs; None to go by the epochs.
        batch_size: Documents in a step.
        learning_rate: Peak learning rate of the encoder.
        head_factor: The heads' learning rate as a multiple of the encoder's.
        layer_decay: Factor on the learning rate from each encoder layer to the one below, 0 to 1.
        frozen_layers: Layers of the encoder, from the lowest, that stay as they are, with its embeddings; 0 for none.
        weight_decay: Weight decay of AdamW.
        warmup: Share of the steps that warms the learning rate up, 0 to 1.
        patience: Epochs without a better dev score after which training stops.
        balanced: Whether rare event types weigh more in the loss: by the square root of the ratio of the mean
            frequency to theirs.
        swap_probability: Share of the training documents whose mentions are swapped in an epoch, 0 to 1.
        calibration_share: Share of the training documents that is kept aside to calibrate the scores on, together
            with the dev documents; 0 to 1.
        dev_share: Share of the training documents that is kept aside to choose the best epoch by, and to calibrate
            the scores on, where no dev documents are given; 0, to 1. With 0 the last epoch's model is kept.
        mixed_precision: Whether to compute in bfloat16, which pays where the hardware has it; with a processor that
            would emulate it, training warns and computes in float32.
        workers: Processes that make the batches beside the training, and in a distillation ask the teacher; 0 to do so
            in between.
        seed: Seed of everything random.
    """

    epochs: int = 13
    steps: int | None = None
    batch_size: int = 32
    learning_rate: float = 2e-4
    head_factor: float = 5.0
    layer_decay: float = 1.0
    frozen_layers: int = 0
    weight_decay: float = 0.01
    warmup: float = 0.1
    patience: int = 4
    balanced: bool = False
    swap_probability: float = 0.25
    calibration_share: float = 0.03
    dev_share: float = 0.15
    mixed_precision: bool = False
    workers: int = 0
    seed: int = 13

    @classmethod
    def for_corpus(cls, documents: int | None, **changes: Any) -> TrainingOptions:
        """Options that suit a corpus's size.

        Args:
            documents: Number of training documents; None where it is not known, as of a stream.
            changes: Options to set otherwise; None leaves one as it is.
        """
        size = float("inf") if documents is None else documents
        small = dict[str, Any](epochs=30, batch_size=8, patience=10, calibration_share=0.0)
        tiny = dict[str, Any](dev_share=0.0)
        given = {name: value for name, value in changes.items() if value is not None}
        return cls(**(small if size < SMALL_CORPUS else {}) | (tiny if size < TINY_CORPUS else {}) | given)

    @classmethod
    def for_distillation(cls, documents: int, **changes: Any) -> TrainingOptions:
        """Options that suit a small model that imitates another: it gains from many epochs at a high rate.

        Args:
            documents: Number of training documents.
            changes: See `for_corpus`.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        longer: dict[str, Any] = {} if documents < SMALL_CORPUS else {"epochs": 20}
        return cls.for_corpus(documents, **longer | dict(learning_rate=5e-4, head_factor=2.0, patience=10) | given)


class EventTrainer(Trainer):
    """`transformers.Trainer` with length-grouped batches, layer-wise learning rates and evaluation on documents.

    Args:
        built: The model.
        examples: The training data.
        dev_documents: Annotated documents to evaluate on after each epoch.
        tagger: Runs the model in training on texts.
        options: How to train.
        kwargs: Passed to `transformers.Trainer`.
    """

    def __init__(
        self,
        *,
        built: BuiltModel,
        examples: ExampleDataset | ExampleStream,
        dev_documents: Sequence[Document],
        tagger: ModelTagger,
        options: TrainingOptions,
        **kwargs: Any,
    ) -> None:
        self.built = built
        self.examples = examples
        self.dev_documents = dev_documents
        self.tagger = tagger
        self.options = options
        super().__init__(model=built.model, train_dataset=examples, eval_dataset=list(dev_documents), **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler | None:
        if isinstance(self.examples, ExampleStream):
            return None
        return LengthGroupedSampler(self.args.train_batch_size, lengths=self.examples.lengths)

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, *args: Any, **kwargs: Any) -> Any:
        """The model's own loss, and with a teacher's judgment how far the model is from it."""
        judgment = inputs.pop("judgment", None)
        if judgment is None:
            return super().compute_loss(model, inputs, return_outputs, *args, **kwargs)
        output = model(**inputs)
        loss = output.loss + imitation_loss(output, judgment, inputs, self.built.model.config.scheme.role_tags)
        return (loss, output) if return_outputs else loss

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        """AdamW with the learning rates of `parameter_groups`."""
        groups = parameter_groups(self.built.model, self.options)
        self.optimizer = torch.optim.AdamW(groups, lr=self.options.learning_rate, fused=True)
        return self.optimizer

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Extract the events of the dev documents and score them."""
        self.built.model.train(False)
        evaluation = evaluate_tagger(self.dev_documents, self.tagger, self.built.ontology)
        metrics = {f"eval_{name}": value for name, value in main_metrics(evaluation).items()}
        # Of equally good epochs the last: where none finds anything yet, the first is no better than the others.
        metrics["eval_score"] += TIE_BREAK * self.state.global_step
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def parameter_groups(model: EventTagger, options: TrainingOptions) -> list[dict[str, Any]]:
    """Parameters with their learning rates: heads above encoder layers above embeddings; biases without decay.

    Frozen layers are in no group, and take no gradients.
    """
    depth = model.config.encoder_config().num_hidden_layers
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        layer = re.search(r"\.layers?\.(\d+)\.", name)
        if options.frozen_layers and name.startswith(("encoder.", "cases.")):
            parameter.requires_grad = layer is not None and int(layer.group(1)) >= options.frozen_layers
            if not parameter.requires_grad:
                continue
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
    train_documents: Sequence[Document] | datasets.IterableDataset,
    dev_documents: Sequence[Document] | None = None,
    *,
    encoder: str | Path,
    output_dir: str | Path,
    options: TrainingOptions | None = None,
    own_types: Ontology | None = None,
    model_options: Mapping[str, Any] | None = None,
    resume: bool = False,
) -> EventTagger:
    """Train an event tagger, or fine-tune one, and save it.

    A geoevents model learns only the layers that the corpus marks: where no status but "asserted", no place or no
    argument at all is marked, the model goes on to find them as before.

    Example:
        >>> train(read_corpus("strikes.conll"), encoder="default", output_dir="strikes-model")
        >>> geoevents.load("strikes-model")("Dockers in Santos downed tools on Friday.")

    Args:
        train_documents: Annotated documents to learn from, or a stream of them (`geoevents.corpora.stream_corpus`),
            which is read once an epoch; shuffle it with `.shuffle(seed=…, buffer_size=…)`.
        dev_documents: Annotated documents to choose the best epoch by; None to keep `options.dev_share` of the
            training documents aside; where that is 0, the last epoch's model is kept.
        encoder: A Hugging Face encoder by name or path, or a geoevents model by name or directory to fine-tune.
        output_dir: Where the model goes; checkpoints lie in its folder `checkpoints` until training has ended.
        options: How to train; None for `TrainingOptions.for_corpus`.
        own_types: Event types in place of CAMEO's; None to keep the model's if it has all that the corpus uses, else
            to take those of the corpus.
        model_options: Settings of `EventTaggerConfig` beside the label sets, such as `trigger_layers`, for a new model.
        resume: Whether to go on from the last checkpoint in `output_dir`.

    Returns:
        The model of the best epoch, or of the last one without dev documents, in evaluation mode.

    Raises:
        CorpusError: There are no documents, an event's code is none of `own_types`, or a stream comes without dev
            documents.
        ModelError: The encoder cannot be found or loaded, or has no fast tokenizer.
        ValueError: A stream comes without `options.steps`.
    """
    is_stream = not isinstance(train_documents, Sequence)
    options = options or TrainingOptions.for_corpus(None if is_stream else len(train_documents))
    set_seed(options.seed)
    split = split_documents(train_documents, dev_documents, options)
    built = _build(encoder, split.known, own_types, model_options)
    return fit(built, split, options, output_dir=Path(output_dir), resume=resume)


def distil(
    train_documents: Sequence[Document],
    dev_documents: Sequence[Document] | None = None,
    *,
    teacher: str | Path = "default",
    layers: Sequence[int] = (),
    inner_size: int | None = None,
    attention_heads: int | None = None,
    head_size: int | None = None,
    start: str | Path | None = None,
    texts: Iterable[str] = (),
    output_dir: str | Path,
    options: TrainingOptions | None = None,
    resume: bool = False,
) -> EventTagger:
    """Train a smaller, faster model that imitates a geoevents model, and save it.

    Example:
        >>> distil(read_corpus("mine.evt"), teacher="my-model", layers=(1, 5), output_dir="my-fast-model")

    Args:
        train_documents: Annotated documents, best those that the teacher learned from.
        dev_documents: See `train`.
        teacher: A geoevents model by name or directory.
        layers: The layers of the teacher's encoder, or of the start's, that the smaller model starts with, from 0.
        inner_size: Width of the layers' inner part; None for what it is.
        attention_heads: Attention heads of a layer; None for what they are.
        head_size: Width of the role scores' layers; None for what it is.
        start: A model by name or directory to start with in place of the teacher; its layers are all kept unless
            `layers` says otherwise.
        texts: Texts without annotation, such as the model will read; the events that the teacher finds in them count
            as annotated.
        output_dir: See `train`.
        options: See `train`; None for `TrainingOptions.for_distillation`.
        resume: See `train`.

    Raises:
        CorpusError: See `train`.
        ModelError: Teacher or start cannot be loaded or are no geoevents models, or the teacher has not these layers
            or a width that so many attention heads cannot divide.
    """
    texts = list(texts)
    options = options or TrainingOptions.for_distillation(len(train_documents) + len(texts))
    set_seed(options.seed)
    split = split_documents(train_documents, dev_documents, options)
    built = build_model(teacher)
    if not built.is_tuned:
        raise ModelError(f"the teacher {str(teacher)!r} is not a geoevents model; train it first")
    large = built if start is None else build_model(start)
    if start is not None and not layers:
        layers = range(large.model.config.encoder_config().num_hidden_layers)
    sizes = dict(inner_size=inner_size, attention_heads=attention_heads, head_size=head_size)
    small = replace(large, model=smaller(large.model, layers=layers, **sizes))
    unread = [Document(document_id(text), text) for text in texts]
    if unread:
        read = extract_documents(unread, load_tagger(teacher), built.ontology)
        split = replace(split, learning=[*split.learning, *read])
    collator = ImitationCollator(_collator(small), WordReplacer(built.model, built.tokenizer), teacher)
    return fit(small, split, options, output_dir=Path(output_dir), collator=collator, resume=resume)


def fit(
    built: BuiltModel,
    split: Split,
    options: TrainingOptions,
    *,
    output_dir: Path,
    collator: ImitationCollator | None = None,
    resume: bool = False,
) -> EventTagger:
    """Train a model that is built, calibrate it and save it; arguments and errors are those of `train`.

    Args:
        built: The model.
        split: What it is trained on.
        options: How.
        output_dir: Where it goes.
        collator: Makes batches with the judgment of a teacher; None to learn from the annotation alone.
        resume: Whether to go on from the last checkpoint.
    """
    checkpoints = output_dir / "checkpoints"
    text_encoder = TextEncoder(built.tokenizer, max_pieces=built.model.config.max_pieces)
    examples = _examples(split, built, text_encoder, options)
    trainer = EventTrainer(
        built=built,
        args=_training_arguments(options, checkpoints, has_dev=bool(split.dev)),
        examples=examples,
        data_collator=collator or _collator(built),
        callbacks=[EarlyStoppingCallback(options.patience)] if split.dev else [],
        dev_documents=split.dev,
        tagger=model_tagger(built.model, text_encoder),
        options=options,
    )
    checkpoint = get_last_checkpoint(checkpoints) if resume and checkpoints.is_dir() else None
    with _threads_beside(options.workers):
        trainer.train(resume_from_checkpoint=checkpoint)
    built.model.train(False)
    held_out = [*split.calibration, *split.dev]
    # Where no trigger is marked, or nothing held out, there is nothing to learn of the scores of triggers.
    if held_out and examples.layers.triggers:
        tagger = model_tagger(built.model, text_encoder)
        built.model.config.calibration = list(fit_calibration(held_out, tagger, built.ontology))
    sample = [document.text for document in split.known]
    save_model(built.model, built.tokenizer, output_dir, sample=sample, own_types=built.ontology)
    shutil.rmtree(checkpoints)
    return built.model


@contextmanager
def _threads_beside(workers: int) -> Iterator[None]:
    """Leave each worker a core: torch's threads wait for each other, and so for the one that shares its core.

    On two cores a distillation with one worker was nearly twice as quick on one thread as on two.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads - workers))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _collator(built: BuiltModel) -> EventCollator:
    config = built.model.config
    return EventCollator(config.pad_token_id or 0, len(config.role_groups))


@dataclass(frozen=True)
class Split:
    """The documents of a training.

    Attributes:
        learning: Documents to learn from, or a stream of them.
        dev: Documents to choose the best epoch by; none to keep the last.
        calibration: Documents to calibrate the scores on, besides those of `dev`.
    """

    learning: Sequence[Document] | datasets.IterableDataset
    dev: Sequence[Document]
    calibration: Sequence[Document]

    @property
    def known(self) -> list[Document]:
        """The documents that can be looked at before the training: all, but for a stream's."""
        return [*(self.learning if isinstance(self.learning, Sequence) else ()), *self.calibration, *self.dev]


def split_documents(
    documents: Sequence[Document] | datasets.IterableDataset,
    dev_documents: Sequence[Document] | None,
    options: TrainingOptions,
) -> Split:
    """What to learn from, choose the best epoch by and calibrate on; arguments and errors are those of `train`."""
    if not isinstance(documents, Sequence):
        if not dev_documents:
            raise CorpusError("a stream of training documents needs dev documents, which tell what it marks")
        if options.steps is None:
            raise ValueError("a stream of training documents has no length; give options.steps")
        return Split(documents, dev_documents, [])
    shuffled = random.Random(options.seed).sample(list(documents), len(documents))
    aside = int(len(shuffled) * options.calibration_share)
    calibration_documents, shuffled = shuffled[:aside], shuffled[aside:]
    if dev_documents is None:
        aside = max(1, round(len(shuffled) * options.dev_share)) if options.dev_share else 0
        dev_documents, shuffled = shuffled[:aside], shuffled[aside:]
    if not shuffled:
        raise CorpusError("no documents are left to train on; give more documents")
    return Split(shuffled, dev_documents, calibration_documents)


def _build(
    encoder: str | Path,
    documents: Sequence[Document],
    own_types: Ontology | None,
    model_options: Mapping[str, Any] | None,
) -> BuiltModel:
    """A model with the label sets that the corpus needs."""
    unlinked_roles = sorted({argument.role for document in documents for argument in document.arguments})
    if own_types is None:
        types = _missing_types(documents, label_sets(encoder))
    else:
        types = own_types
        _check_codes(documents, own_types)
    return build_model(encoder, own_types=types, unlinked_roles=unlinked_roles, model_options=model_options)


def _missing_types(documents: Sequence[Document], known: tuple[list[str], list[str]] | None) -> Ontology | None:
    """The corpus's event types where the model lacks some of them; None where it has them all.

    Args:
        documents: The corpus.
        known: Roots and codes of the geoevents model to start from, None for an encoder, which gets CAMEO's.
    """
    events = [event for document in documents for event in document.events]
    if known is None and not events and any(document.arguments for document in documents):
        return Ontology(())
    roots, codes = known or (cameo().roots, cameo().codes)
    lacking = {event.code for event in events if not _has(event.code, roots, codes)}
    if not lacking:
        return None
    types = Ontology.of(events)
    message = "the model has no event types %s; the new one tells apart those of the corpus: %s"
    logger.warning(message, ", ".join(sorted(lacking)), ", ".join(types.codes))
    return types


def _check_codes(documents: Sequence[Document], types: Ontology) -> None:
    """Make sure before the model is built that the event types are those of the corpus."""
    roots, codes = types.roots, types.codes
    for document in documents:
        for event in document.events:
            if not _has(event.code, roots, codes):
                cause = f"the code {event.code!r} is not among the event types; allowed: {', '.join(codes)}"
                raise CorpusError(f"document {document.id!r}: {cause}")


def _has(code: str, roots: Sequence[str], codes: Sequence[str]) -> bool:
    """Whether a code can be learned; of CAMEO's codes the root is enough, so that roots alone can be annotated."""
    return code in codes or (is_valid(code) and code[:2] in roots)


def _examples(
    split: Split, built: BuiltModel, text_encoder: TextEncoder, options: TrainingOptions
) -> ExampleDataset | ExampleStream:
    scheme, documents = built.model.config.scheme, split.learning
    layers = learned_layers(split.known, scheme) if built.is_tuned else ALL_LAYERS
    if not isinstance(documents, Sequence):
        return ExampleStream(documents, text_encoder, scheme, layers)
    swapper = MentionSwapper(documents) if options.swap_probability else None
    examples = ExampleDataset(
        documents,
        text_encoder,
        scheme,
        layers=layers,
        swapper=swapper,
        swap_probability=options.swap_probability,
    )
    if examples.lost:
        logger.warning("%d annotated spans overlap others of their layer and are not learned", examples.lost)
    if options.balanced:
        balance(built.model, documents, scheme)
    return examples


def balance(model: EventTagger, documents: Sequence[Document], scheme: LabelScheme) -> None:
    """Weigh rare event types more in the model's loss; see `TrainingOptions.balanced`.

    Args:
        model: The model.
        documents: The training documents.
        scheme: Its label sets.
    """
    events = [event for document in documents for event in document.events]
    roots = Counter(scheme.root_of(event.code) for event in events)
    codes = Counter(event.code for event in events)

    def weights(counts: Counter[str], labels: Sequence[str]) -> torch.Tensor:
        numbers = torch.tensor([float(counts[label]) for label in labels]).clamp(min=1)
        return (numbers.mean() / numbers).sqrt()

    model.tag_weights = torch.cat([torch.ones(1), weights(roots, scheme.roots).repeat_interleave(2)])
    model.code_weights = weights(codes, scheme.codes)


def model_tagger(model: EventTagger, text_encoder: TextEncoder) -> ModelTagger:
    """A tagger that runs the model with its present weights."""
    decoder = read_decoder(model.config.to_dict())
    return ModelTagger(text_encoder, TorchScorer(model), decoder, model.config.pad_token_id or 0)


def save_model(
    model: EventTagger,
    tokenizer: Tokenizer,
    directory: Path,
    *,
    sample: Sequence[str],
    own_types: Ontology | None = None,
) -> None:
    """Write a model directory: weights (float16), configuration, tokenizer, and the ONNX files of inference.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        directory: The directory.
        sample: Texts such as the model will read, which set the scales of int8; of more than `SAMPLE` the first.
        own_types: Its event types where they are not CAMEO's.
    """
    directory.mkdir(parents=True, exist_ok=True)
    encoded = TextEncoder(tokenizer, max_pieces=model.config.max_pieces).encode(sample[:SAMPLE])
    export_onnx(model, directory, windows=[window for windows in encoded for window in windows])
    half = copy.deepcopy(model).half()  # type: ignore[no-untyped-call]
    half.save_pretrained(directory)
    tokenizer.save(str(directory / TOKENIZER_FILE))
    if own_types is not None and own_types.labels:
        own_types.write(directory / ONTOLOGY_FILE)


def _training_arguments(options: TrainingOptions, directory: Path, *, has_dev: bool) -> TrainingArguments:
    interval = "epoch" if options.steps is None else "steps"
    return TrainingArguments(
        output_dir=str(directory),
        num_train_epochs=options.epochs,
        max_steps=options.steps or -1,
        eval_steps=None if options.steps is None else max(1, options.steps // options.epochs),
        save_steps=500 if options.steps is None else max(1, options.steps // options.epochs),
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_steps=options.warmup,
        lr_scheduler_type="linear",
        bf16=options.mixed_precision and _has_bfloat16(),
        use_cpu=not torch.accelerator.is_available(),
        eval_strategy=interval if has_dev else "no",
        save_strategy=interval,
        save_total_limit=2,
        load_best_model_at_end=has_dev,
        metric_for_best_model="score",
        greater_is_better=True,
        logging_steps=50,
        dataloader_num_workers=options.workers,
        remove_unused_columns=False,
        report_to=[],
        seed=options.seed,
    )


def _has_bfloat16() -> bool:
    """Whether the hardware computes in bfloat16; taken for granted where torch cannot tell."""
    if torch.accelerator.is_available() or not hasattr(torch.cpu, "get_capabilities"):
        return True
    processor = torch.cpu.get_capabilities()
    if processor.get("architecture") != "x86_64" or processor.get("avx512_bf16") or processor.get("amx_bf16"):
        return True
    logger.warning("this processor would emulate bfloat16, which takes ten times as long; training in float32")
    return False
