"""The small corpus with event types of its own, on which fine-tuning is shown."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from geoevents.corpora import examine_corpus, read_corpus, write_corpus
from geoevents.events import Document
from geoevents.ontology import Ontology

SEEDS = Path(__file__).parents[1] / "seeds"
MARITIME = SEEDS / "maritime"
TYPES = Ontology.read(MARITIME / "types.tsv")


def corpus(part: str) -> list[Document]:
    return read_corpus(MARITIME / f"{part}.conll", ontology=TYPES)


def words(document: Document) -> set[str]:
    return set(re.findall(r"\w{4,}", document.text.lower()))


def test_it_is_clean_and_has_every_type_often_enough() -> None:
    assert not examine_corpus([MARITIME / "train.conll", MARITIME / "test.conll"], ontology=TYPES).problems
    for part, least in (("train", 8), ("test", 5)):
        counts = Counter(event.code for document in corpus(part) for event in document.events)
        assert counts.keys() == {label.code for label in TYPES.labels}
        assert min(counts.values()) >= least


def test_the_data_card_says_what_it_holds() -> None:
    card = " ".join((SEEDS / "README.md").read_text(encoding="utf-8").split())
    learning, test = corpus("train"), corpus("test")
    learned, tested = (sum(len(document.events) for document in part) for part in (learning, test))
    assert f"`train.conll` with {len(learning)} documents ({learned} events)" in card
    assert f"`test.conll` with {len(test)} ({tested} events)" in card
    without = sum(not document.events for document in learning + test)
    assert 1 / 7.5 < without / len(learning + test) < 1 / 6.5


def test_no_test_document_resembles_one_for_training() -> None:
    learning = [words(document) for document in corpus("train")]
    for document in corpus("test"):
        own = words(document)
        assert max(len(own & other) / len(own | other) for other in learning) < 0.3


def test_it_is_in_the_form_that_we_write(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_corpus(corpus(part), tmp_path / "again.conll")
        assert (tmp_path / "again.conll").read_bytes() == (MARITIME / f"{part}.conll").read_bytes()
