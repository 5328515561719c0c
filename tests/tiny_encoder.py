"""A tiny random encoder with a vocabulary of its own, and a geoevents model on it; nothing is downloaded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from geoevents.corpora import read_corpus
from geoevents.events import Document

if TYPE_CHECKING:
    from geoevents.modeling.training import TrainingOptions

SEEDS = Path(__file__).parents[1] / "seeds"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = 1500
CODES = ("010", "012", "020", "036", "040", "042", "051", "057", "111", "112", "120", "138", "173", "190", "194")


def word_piece_tokenizer(texts: Sequence[str]) -> Tokenizer:
    """An uncased tokenizer like BERT's: the commonest words whole, all others by characters."""
    counts = Counter(word for text in texts for word in re.findall(r"\w+", text.lower()))
    characters = sorted(set("".join(counts)) | set("abcdefghijklmnopqrstuvwxyz0123456789.,;:!?'\"()-–—“”’$%&"))
    pieces = [*SPECIAL, *characters, *(f"##{character}" for character in characters)]
    pieces += [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:WORDS]]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    frame = [(piece, vocabulary[piece]) for piece in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = processors.BertProcessing(*frame)
    return tokenizer


def save_encoder(directory: Path, texts: Sequence[str]) -> Path:
    """A BERT of two layers of 32 units with random weights, as a Hugging Face directory."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = word_piece_tokenizer(texts)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(directory)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=256,
        pad_token_id=0,
    )
    BertModel(config).save_pretrained(directory)
    return directory


def seed_documents(name: str = "train_01_mideast.evt", count: int | None = None) -> list[Document]:
    """The first documents of a seed file."""
    return read_corpus(SEEDS / name)[:count]


def tiny_options(**changes: float) -> TrainingOptions:
    """Two quick epochs with the learning rate that a random encoder needs."""
    from geoevents.modeling.training import TrainingOptions

    return TrainingOptions(**{"epochs": 2, "batch_size": 8, "learning_rate": 2e-3, "calibration_share": 0.1} | changes)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny random encoder."""
    pytest.importorskip("torch")
    texts = [document.text for document in seed_documents()]
    return save_encoder(tmp_path_factory.mktemp("encoder"), texts)


@pytest.fixture(scope="session")
def tiny_model(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a model that two quick epochs trained; it finds events, mostly wrong ones."""
    from geoevents.modeling.training import train

    directory = tmp_path_factory.mktemp("model") / "tiny"
    train(
        seed_documents(count=40),
        seed_documents("dev.evt", 20),
        encoder=tiny_encoder,
        output_dir=directory,
        options=tiny_options(),
        model_options={"head_size": 32},
    )
    return directory
