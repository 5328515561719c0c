"""Consistent swaps of countries and names, so that the model learns acts and roles rather than who tends to do what.

In a swapped document every mention of a country (name, adjective, people, capital) becomes the same kind of mention
of another country, and rare capitalised words inside actors, which are mostly names of persons, become others.
"""

from __future__ import annotations

import csv
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import accumulate

from geoevents.encoding import WORD
from geoevents.events import Document, Span, SpanT

RARE = 3


@dataclass(frozen=True)
class Edit:
    """A replacement of the characters from `start` to `end` by `text`."""

    start: int
    end: int
    text: str


class MentionSwapper:
    """Makes swapped copies of documents.

    Args:
        documents: The training documents, which tell which words are rare.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self._countries = _country_forms()
        self._replacements = [country for country, forms in self._countries.items() if "people" in forms]
        self._kinds = {
            form: (country, kind) for country, forms in self._countries.items() for kind, form in forms.items()
        }
        longest_first = sorted(self._kinds, key=len, reverse=True)
        self._mention = re.compile(r"\b(?:" + "|".join(map(re.escape, longest_first)) + r")\b")
        counts = Counter(word for document in documents for word in set(WORD.findall(document.text)))
        self._names = sorted(
            {
                word
                for document in documents
                for word in _capitalised_words(document)
                if counts[word] < RARE and not self._mention.search(word)
            }
        )
        self._is_name = set(self._names)

    def swap(self, document: Document, generator: random.Random) -> Document:
        """A copy of the document with other countries and names; spans and links stay the same."""
        edits = self._country_edits(document, generator)
        taken = [Span(edit.text, edit.start, edit.end) for edit in edits]
        new_names: dict[str, str] = {}
        for match in WORD.finditer(document.text):
            word = Span(match.group(), match.start(), match.end())
            if word.text in self._is_name and not any(word.overlaps(other) for other in taken):
                name = new_names.setdefault(word.text, generator.choice(self._names))
                edits.append(Edit(word.start, word.end, name))
        return edit_document(document, edits)

    def _country_edits(self, document: Document, generator: random.Random) -> list[Edit]:
        spans = list(_spans(document))
        new_countries: dict[str, str] = {}
        edits = []
        for match in self._mention.finditer(document.text):
            country, kind = self._kinds[match.group()]
            if country not in new_countries:
                new_countries[country] = generator.choice(self._replacements)
            form = self._countries[new_countries[country]][kind]
            mention = Span(match.group(), match.start(), match.end())
            if not any(_crosses(mention, span) for span in spans):
                edits.append(Edit(mention.start, mention.end, form))
        return edits


def edit_document(document: Document, edits: Iterable[Edit]) -> Document:
    """The document with its text changed and all spans moved along.

    Args:
        document: The document.
        edits: Replacements that do not overlap each other and cross no span's border.
    """
    edits = sorted(edits, key=lambda edit: edit.start)
    pieces, position = [], 0
    for edit in edits:
        pieces += [document.text[position : edit.start], edit.text]
        position = edit.end
    text = "".join([*pieces, document.text[position:]])
    shifts = [0, *accumulate(len(edit.text) - (edit.end - edit.start) for edit in edits)]

    def moved(span: SpanT) -> SpanT:
        start = span.start + shifts[sum(edit.end <= span.start for edit in edits)]
        end = span.end + shifts[sum(edit.end <= span.end for edit in edits)]
        return replace(span, text=text[start:end], start=start, end=end)

    events = tuple(
        replace(
            event,
            trigger=moved(event.trigger),
            sources=tuple(map(moved, event.sources)),
            targets=tuple(map(moved, event.targets)),
            places=tuple(map(moved, event.places)),
            times=tuple(map(moved, event.times)),
        )
        for event in document.events
    )
    sentences, arguments = tuple(map(moved, document.sentences)), tuple(map(moved, document.arguments))
    return replace(document, text=text, sentences=sentences, events=events, arguments=arguments)


def _country_forms() -> dict[str, dict[str, str]]:
    """Per country its name, adjective, people and capital, for countries whose name stands without an article."""
    forms: dict[str, dict[str, str]] = defaultdict(dict)
    table = files("geoevents.resolution") / "data" / "countries.tsv"
    with table.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            demonyms, capital = row["demonyms"].split("|"), row["capital"].split("|")[0]
            # A row without a two-letter code is a region of the country.
            if row["until"] or not row["iso2"] or not demonyms[0] or not capital:
                continue
            forms[row["iso3"]] = {"name": row["name"], "capital": capital, "adjective": demonyms[0]}
            if len(demonyms) > 1:
                forms[row["iso3"]]["people"] = demonyms[1]
    return dict(forms)


def _capitalised_words(document: Document) -> Iterator[str]:
    """Capitalised words inside the actors of a document."""
    for event in document.events:
        for actor in (*event.sources, *event.targets):
            yield from (word for word in WORD.findall(actor.text) if word[0].isupper() and len(word) > 1)


def _spans(document: Document) -> Iterator[Span]:
    for event in document.events:
        yield event.trigger
        yield from (span for _, span in event.arguments())
    yield from document.arguments


def _crosses(mention: Span, span: Span) -> bool:
    """Whether the mention overlaps the span without lying inside it."""
    return mention.overlaps(span) and not (span.start <= mention.start and mention.end <= span.end)
