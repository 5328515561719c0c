"""How well actors and places are coded from gold spans.

Run `PYTHONPATH=. python tests/resolution_scores.py` to see the table, with `odd` also the errors in every other record.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from geoevents.events import Actor, Document, Event, Place, Span
from geoevents.markup import parse_record, read_markup
from geoevents.ontology.actor_codes import split_actor_code
from geoevents.resolution import Resolver, load_resolver
from geoevents.sentences import split_sentences

SEEDS = Path(__file__).parents[1] / "seeds"


@dataclass
class Score:
    """Counts of gold codes and what was found for them."""

    gold: int = 0
    countries: int = 0
    country_right: int = 0
    country_wrong: int = 0
    code_right: int = 0
    wrong: int = 0
    empty: int = 0
    errors: list[str] = field(default_factory=list)

    def add(self, gold: str, found: str | None, country: str | None, note: str) -> None:
        own, _ = split_actor_code(gold)
        self.gold += 1
        self.countries += own is not None
        self.country_right += own is not None and country == own
        self.country_wrong += own is not None and found is not None and country != own
        self.code_right += found == gold
        self.empty += found is None
        self.wrong += found is not None and found != gold
        if found != gold:
            self.errors.append(f"{note}: gold {gold}, found {found}")

    def __str__(self) -> str:
        def share(part: int, whole: int) -> str:
            return f"{part}/{whole} = {100 * part / whole:.1f}%" if whole else "none"

        country = f"country right {share(self.country_right, self.countries)} (wrong {self.country_wrong})"
        code = f"code right {share(self.code_right, self.gold)}"
        return f"{country}, {code}, wrong {share(self.wrong, self.gold)}, empty {share(self.empty, self.gold)}"


def gold_documents(name: str) -> list[Document]:
    """The documents of a file of the seeds with real sentences instead of one a record."""
    return [replace(document, sentences=split_sentences(document.text)) for document in read_markup(SEEDS / name)]


def marked(markup: str, *, date: str | None = None) -> Document:
    """The document that a record in the inline markup stands for, with real sentences and without codes."""
    document = parse_record(markup, document_id="marked")
    return bare(replace(document, sentences=split_sentences(document.text), date=date))


def seed_article() -> Document:
    """The seed article's records as one document."""
    text, events = "", []
    for record in read_markup(SEEDS / "seed_article.evt"):
        events += [_moved(event, len(text)) for event in record.events]
        text += record.text + "\n\n"
    return Document("seed", text, "2022-01-25", split_sentences(text), tuple(events))


def _moved(event: Event, by: int) -> Event:
    def move(span: Span) -> Span:
        return replace(span, start=span.start + by, end=span.end + by)

    sides = {name: tuple(map(move, getattr(event, name))) for name in ("sources", "targets", "places", "times")}
    return replace(event, id=f"{event.id}+{by}", trigger=move(event.trigger), **sides)


def bare(document: Document) -> Document:
    """The document as the model would give it: spans without codes."""

    def actors(spans: Sequence[Actor]) -> tuple[Actor, ...]:
        return tuple(Actor(span.text, span.start, span.end) for span in spans)

    events = [
        replace(
            event,
            sources=actors(event.sources),
            targets=actors(event.targets),
            places=tuple(Place(place.text, place.start, place.end) for place in event.places),
        )
        for event in document.events
    ]
    return replace(document, events=tuple(events))


def score_actors(documents: Sequence[Document], resolver: Resolver) -> dict[str, Score]:
    """Scores of the actors: all, and by the gold code's role ("GOV", "COP", "country alone", "pronouns" …)."""
    scores: dict[str, Score] = {}
    for gold in documents:
        found = {span: actors for span, actors in _actors(resolver.resolve(bare(gold)))}
        for span, (actor, *_) in _actors(gold):
            if actor.code is None:
                continue
            got = found[span][0] if len(found[span]) == 1 else Actor(*span)
            pronoun = actor.text.lower() in ("he", "she", "it", "they", "him", "her", "them", "his")
            for group in ("all", _role(actor.code), *(["pronouns"] if pronoun else [])):
                note = f"{gold.id} {actor.text!r}" + (f" from {got.resolved_from}" if got.resolved_from else "")
                scores.setdefault(group, Score()).add(actor.code, got.code, got.country, note)
    return scores


def score_places(documents: Sequence[Document], resolver: Resolver) -> Score:
    """Scores of the places' countries."""
    score = Score()
    for gold in documents:
        found = {(p.start, p.end): p for event in resolver.resolve(bare(gold)).events for p in event.places}
        for place in {(p.start, p.end): p for event in gold.events for p in event.places if p.country}.values():
            got = found[place.start, place.end]
            score.add(place.country or "", got.country, got.country, f"{gold.id} {place.text!r}")
    return score


def _role(code: str) -> str:
    _, roles = split_actor_code(code)
    return roles[0] if roles else "country alone"


def _actors(document: Document) -> Iterator[tuple[tuple[str, int, int], list[Actor]]]:
    found: dict[tuple[str, int, int], list[Actor]] = {}
    for event in document.events:
        for side in (event.sources, event.targets):
            ends = {(actor.text, actor.start, actor.end): [] for actor in side}
            for actor in side:
                ends[actor.text, actor.start, actor.end].append(actor)
            found.update(ends)
    yield from found.items()


def main(*, errors: bool) -> None:
    """Writes the scores, and on demand the errors in every other record, to standard output."""
    resolver = load_resolver(duplicates=False)
    documents, article = gold_documents("dev.evt"), [seed_article()]
    scores = score_actors(documents, resolver)
    lines = [f"{name:14} {score}" for name, score in sorted(scores.items(), key=lambda item: -item[1].gold)]
    for name, half in (("odd records", documents[::2]), ("even records", documents[1::2])):
        lines.append(f"{name:14} {score_actors(half, resolver)['all']}")
    lines.append(f"places         {score_places(documents, resolver)}")
    lines.append(f"seed article   {score_actors(article, resolver)['all']}")
    if errors:
        half = documents[::2]
        lines += [*score_actors(half, resolver)["all"].errors, *score_places(half, resolver).errors]
        lines += score_actors(article, resolver)["all"].errors
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(errors="odd" in sys.argv)
