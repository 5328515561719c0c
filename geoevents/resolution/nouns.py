"""Classes of common nouns by which mentions and places are told apart, kept in `data/nouns.tsv`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from geoevents.resolution.gazetteer import table


@cache
def noun_classes() -> Mapping[str, frozenset[str]]:
    """The words of each class, read once; the table says what each class is for."""
    return {name: frozenset(words.split()) for name, words, _use in table("nouns")}
