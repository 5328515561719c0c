"""A tiny random encoder with a vocabulary of its own, and a geoevents model on it; nothing is downloaded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from geoevents.corpora import read_corpus
from geoevents.events import Document

SEEDS = Path(__file__).parents[1] / "seeds"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = 1500
KNOWN_RECORDS = 12


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
    """A BERT of two layers of 64 units with random weights and without dropout, as a Hugging Face directory."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = word_piece_tokenizer(texts)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(directory)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=256,
        initializer_range=0.1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=0,
    )
    BertModel(config).save_pretrained(directory)
    return directory


def seed_documents(name: str = "train_01_mideast.evt", count: int | None = None) -> list[Document]:
    """The first documents of a seed file."""
    return read_corpus(SEEDS / name)[:count]


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny random encoder."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # the fastest for so small a network
    texts = [document.text for document in seed_documents()]
    return save_encoder(tmp_path_factory.mktemp("encoder"), texts)


@pytest.fixture(scope="session")
def tiny_model(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a model that has learnt `KNOWN_RECORDS` seed records by heart, and knows nothing else."""
    from geoevents.modeling.training import TrainingOptions, train

    documents = seed_documents(count=KNOWN_RECORDS)
    options = TrainingOptions(
        epochs=50, batch_size=3, learning_rate=1e-3, patience=50, swap_probability=0.0, calibration_share=0.0
    )
    model_options = {"head_size": 64, "head_dropout": 0.0, "label_smoothing": 0.0, "trigger_layers": 1}
    directory = tmp_path_factory.mktemp("models") / "tiny"
    train(
        documents, documents, encoder=tiny_encoder, output_dir=directory, options=options, model_options=model_options
    )
    return directory
