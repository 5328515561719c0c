"""Annotated corpora: files to Documents and back, to `datasets.Dataset` and back, and their statistics.

One module a format, each with `read` and, where it can be written, `write`: the inline markup (`evt`), JSON Lines
(`jsonl`, which loses nothing), CoNLL, brat, spaCy, label-studio and doccano. `docs/corpora.md` describes them.
"""

from geoevents.corpora.dataset import from_dataset, stream_corpus, to_dataset
from geoevents.corpora.reading import (
    FORMATS,
    Examination,
    Format,
    check_corpus,
    detect_format,
    examine_corpus,
    iterate_corpus,
    read_corpus,
    write_corpus,
)
from geoevents.corpora.statistics import Statistics, data_card_tables, statistics

__all__ = [
    "FORMATS",
    "Examination",
    "Format",
    "Statistics",
    "check_corpus",
    "data_card_tables",
    "detect_format",
    "examine_corpus",
    "from_dataset",
    "iterate_corpus",
    "read_corpus",
    "statistics",
    "stream_corpus",
    "to_dataset",
    "write_corpus",
]
