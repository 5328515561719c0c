"""Scores any coder's Documents against gold Documents, without a model.

Items match one to one, equal spans first, then in the order of the text. By default:

- A trigger is right (strict) with equal offsets, or (relaxed) with an overlap. "Trigger + root" and "trigger + code"
  also want the root, the full code. Accuracies of code and status are taken where span and root are right.
- An argument, end to end, is right when span and root of its event are right and an argument of the same role has
  equal offsets (strict) or an overlapping head word (relaxed). `argument_scores` leaves the root out.
- A whole event is right when root, trigger, and every source and every target are right, with none too many: equal
  offsets (strict), or overlapping triggers and overlapping head words (relaxed).
- Actor codes and place countries are scored on gold spans that carry one and that the prediction marks with equal
  offsets, whatever the event.
- Scores are calibrated when an event of score 0.8 has span and root right in 80 of 100 cases.

The gold convention for reciprocal acts names joint parties as sources, without a target ("Iran and Russia signed");
compare predictions in the same form, which the pipeline leaves with `reciprocal="annotated"`, and without collapsing
duplicate mentions. Intervals are 95% percentile bootstraps over documents.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from geoevents import ontology
from geoevents.errors import InputError, MissingExtraError
from geoevents.events import ROLES, Actor, Argument, Document, Event, Place, Role, Span
from geoevents.matching import EVENT_COMPARISONS, heads_overlap, match, overlap, same_root, same_span
from geoevents.scores import Accuracy, Bootstrap, Counts, Measure, Pair

NO_EVENT = "none"
"""The row of spurious triggers and the column of missed ones in `Evaluation.confusion`."""

_BINS = 10


@dataclass(frozen=True, slots=True)
class ArgumentScores:
    """Arguments, together and by role."""

    overall: Pair
    by_role: Mapping[str, Pair]


@dataclass(frozen=True, slots=True)
class CodingScores:
    """How gold values were met: the value is right, another one, or left empty.

    Attributes:
        right: Equal to gold.
        wrong: Another value. `wrong.right` counts these.
        empty: No value. `empty.right` counts these.
    """

    right: Accuracy
    wrong: Accuracy
    empty: Accuracy


@dataclass(frozen=True, slots=True)
class ActorScores:
    """Actor coding on the gold spans that were found.

    Attributes:
        countries: Countries of the actors whose gold code has one.
        codes: Full codes.
        codes_by_role: Right full codes by the first role of the gold code, "" for a bare country.
    """

    countries: CodingScores
    codes: CodingScores
    codes_by_role: Mapping[str, Accuracy]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predicted events of neighbouring scores.

    Attributes:
        events: Number of events.
        score: Their mean score.
        accuracy: Share of them with span and root right.
    """

    events: int
    score: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well scores say how often a trigger and its root are right.

    Attributes:
        error: Expected calibration error over bins of equal mass, 0 (best) to 1; None without predictions.
        bins: The bins, by score.
    """

    error: float | None
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class RootScores:
    """One root's triggers; `strict.support` is the number of gold events."""

    name: str
    strict: Counts
    relaxed: Counts

    def to_dict(self) -> dict[str, Any]:
        """Name, support and both counts with their scores as plain JSON types."""
        return {
            "name": self.name,
            "support": self.strict.support,
            "strict": self.strict.to_dict(),
            "relaxed": self.relaxed.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `evaluate` returns.

    Attributes:
        documents: Number of documents.
        triggers: Trigger spans.
        trigger_roots: Trigger spans with their roots.
        trigger_codes: Trigger spans with their full codes.
        code_accuracy: Full code, where span and root are right.
        status_accuracy: Status, where span and root are right.
        arguments: Arguments, end to end.
        unlinked: Arguments that belong to no event.
        events: Whole events.
        actors: Actor codes.
        places: Countries of places.
        calibration: Calibration of the scores.
        roots: Trigger + root for every root that occurs.
        confusion: Gold root, predicted root, number of overlapping triggers; `NO_EVENT` for missed and spurious ones.
    """

    documents: int
    triggers: Pair
    trigger_roots: Pair
    trigger_codes: Pair
    code_accuracy: Accuracy
    status_accuracy: Accuracy
    arguments: ArgumentScores
    unlinked: ArgumentScores
    events: Pair
    actors: ActorScores
    places: CodingScores
    calibration: Calibration
    roots: Mapping[str, RootScores]
    confusion: Mapping[str, Mapping[str, int]]

    def __repr__(self) -> str:
        value = self.trigger_roots.strict.f1.value
        return (
            f"<Evaluation of {self.documents} documents: trigger + root F1 {'-' if value is None else f'{value:.3f}'}>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        data = asdict(self)
        data["calibration"]["bins"] = list(data["calibration"]["bins"])
        data["roots"] = {root: scores.to_dict() for root, scores in self.roots.items()}
        return data

    def summary_rows(self) -> list[tuple[str, float | None, float | None, float | None, int]]:
        """The main scores as rows: metric, value, lower and upper bound, number of gold items or decisions."""
        pairs = {
            "trigger": self.triggers,
            "trigger + root": self.trigger_roots,
            "trigger + code": self.trigger_codes,
            "arguments": self.arguments.overall,
            **{f"arguments: {role}": pair for role, pair in self.arguments.by_role.items()},
            "whole events": self.events,
        }
        if self.unlinked.overall.strict.counts.support:
            pairs["arguments without an event"] = self.unlinked.overall
        accuracies = {
            "code, given trigger + root": self.code_accuracy,
            "status, given trigger + root": self.status_accuracy,
            "actor country right": self.actors.countries.right,
            "actor country wrong": self.actors.countries.wrong,
            "actor code right": self.actors.codes.right,
            "actor code wrong": self.actors.codes.wrong,
            "place country right": self.places.right,
        }
        rows = [row for name, pair in pairs.items() for row in _pair_rows(name, pair)]
        rows += [_row(name, accuracy.rate, accuracy.total) for name, accuracy in accuracies.items()]
        scored = sum(reliability.events for reliability in self.calibration.bins)
        return [*rows, ("calibration error", self.calibration.error, None, None, scored)]


def evaluate(
    gold: Sequence[Document], predicted: Sequence[Document], *, bootstrap: int = 1000, seed: int = 0
) -> Evaluation:
    """Scores predicted documents against gold ones with the same ids and texts, in any order.

    Example:
        >>> from geoevents.corpora import read_corpus
        >>> gold = read_corpus("seeds/dev.evt")
        >>> evaluate(gold, gold)
        <Evaluation of 300 documents: trigger + root F1 1.000>

    Args:
        gold: The annotated documents.
        predicted: What a coder made of the same texts.
        bootstrap: Number of samples for the intervals; 0 for none.
        seed: Seed of the sampling.

    Raises:
        InputError: A gold document has no prediction, a prediction no gold, an id occurs twice, or texts differ.
    """
    pairs = _aligned(gold, predicted)
    sums = Bootstrap([_compare(*pair) for pair in pairs], samples=bootstrap, seed=seed)
    return Evaluation(
        documents=len(pairs),
        triggers=sums.pair("trigger"),
        trigger_roots=sums.pair("root"),
        trigger_codes=sums.pair("code"),
        code_accuracy=sums.accuracy("code given root"),
        status_accuracy=sums.accuracy("status given root"),
        arguments=_argument_scores(sums),
        unlinked=_unlinked_scores(sums),
        events=sums.pair("event"),
        actors=_actor_scores(sums),
        places=_coding(sums, "place country"),
        calibration=_calibration(pairs),
        roots=_root_scores(sums),
        confusion=_confusion(pairs),
    )


def argument_scores(
    gold: Sequence[Document], predicted: Sequence[Document], *, bootstrap: int = 1000, seed: int = 0
) -> ArgumentScores:
    """Scores arguments by role where the trigger's span is right, whatever its code.

    With predictions made for the gold triggers this is the quality of argument spans and roles alone.

    Raises:
        InputError: As for `evaluate`.
    """
    pairs = _aligned(gold, predicted)
    rows = [_argument_counts(gold.events, made.events, same_span) for gold, made in pairs]
    return _argument_scores(Bootstrap(rows, samples=bootstrap, seed=seed))


def seqeval_report(gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, dict[str, float]]:
    """The report of seqeval on BIO tags of the roots over words, by root and averaged.

    Words are runs of letters and digits, and single other characters. A trigger that covers part of a word takes the
    whole word; of triggers that share a word the first takes it.

    Returns:
        For each root, "micro avg", "macro avg" and "weighted avg": precision, recall, f1-score and support. Empty
        where neither side has an event.

    Raises:
        InputError: As for `evaluate`.
        MissingExtraError: The package seqeval is not installed.
    """
    try:
        from seqeval.metrics import classification_report
        from seqeval.scheme import IOB2
    except ImportError:
        raise MissingExtraError("seqeval", "train") from None
    pairs = _aligned(gold, predicted)
    if not any(document.events for pair in pairs for document in pair):
        return {}
    truth, made = ([_bio_tags(pair[side]) for pair in pairs] for side in (0, 1))
    report = classification_report(truth, made, mode="strict", scheme=IOB2, output_dict=True, zero_division=0)
    return {label: {key: float(value) for key, value in scores.items()} for label, scores in report.items()}


def _bio_tags(document: Document) -> list[str]:
    """One tag a word: "B-04", "I-04" or "O"."""
    words = [(word.start(), word.end()) for word in re.finditer(r"\w+|[^\w\s]", document.text)]
    tags = ["O"] * len(words)
    for event in document.events:
        first = True
        for i, (start, end) in enumerate(words):
            if start < event.trigger.end and event.trigger.start < end and tags[i] == "O":
                tags[i] = f"{'B' if first else 'I'}-{event.root}"
                first = False
    return tags


def _aligned(gold: Sequence[Document], predicted: Sequence[Document]) -> list[tuple[Document, Document]]:
    """Gold documents with their predictions."""
    made = {document.id: document for document in predicted}
    known = {document.id: document for document in gold}
    if len(made) < len(predicted) or len(known) < len(gold):
        raise InputError("two documents share an id; ids must differ for gold and predictions to be compared")
    for lacking, what in ((known.keys() - made.keys(), "prediction"), (made.keys() - known.keys(), "gold document")):
        if lacking:
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            raise InputError(f"no {what} for document {min(lacking)!r}{more}; both sides must hold the same documents")
    for document in gold:
        if made[document.id].text != document.text:
            raise InputError(f"gold and prediction have different texts for document {document.id!r}")
    return [(document, made[document.id]) for document in gold]


def _compare(gold: Document, predicted: Document) -> dict[str, Counts]:
    """One document's counts by name; accuracies count right decisions as tp and wrong ones as fp."""
    counts = {name: _matched(gold.events, predicted.events, fits) for name, fits in EVENT_COMPARISONS.items()}
    for root in {event.root for event in (*gold.events, *predicted.events)}:
        known, made = ([event for event in side.events if event.root == root] for side in (gold, predicted))
        counts[f"root {root} strict"] = _matched(known, made, same_span)
        counts[f"root {root} relaxed"] = _matched(known, made, overlap)
    pairs = match(gold.events, predicted.events, same_root)
    counts["code given root"] = _decided(one.code == other.code for one, other in pairs)
    counts["status given root"] = _decided(one.status == other.status for one, other in pairs)
    counts |= _argument_counts(gold.events, predicted.events, same_root)
    counts |= _unlinked_counts(gold.arguments, predicted.arguments)
    return counts | _actor_counts(gold, predicted) | _place_counts(gold, predicted)


def _decided(decisions: Iterable[bool]) -> Counts:
    tally = Counter(decisions)
    return Counts(tp=tally[True], fp=tally[False])


def _matched(gold: Sequence[Event], predicted: Sequence[Event], fits: Callable[[Event, Event], bool]) -> Counts:
    return Counts.of(len(match(gold, predicted, fits)), gold=len(gold), predicted=len(predicted))


def _argument_counts(
    gold: Sequence[Event], predicted: Sequence[Event], fits: Callable[[Event, Event], bool]
) -> dict[str, Counts]:
    """Arguments by role, and together, of the events that fit; those of other events are missed or spurious."""
    pairs = match(gold, predicted, fits)
    counts: dict[str, Counts] = {}
    for degree, alike in (("strict", same_span), ("relaxed", heads_overlap)):
        total = Counts()
        for role in ROLES:
            matched = sum(len(match(_of_role(one, role), _of_role(other, role), alike)) for one, other in pairs)
            sizes = [sum(len(_of_role(event, role)) for event in side) for side in (gold, predicted)]
            counts[f"argument {role} {degree}"] = Counts.of(matched, gold=sizes[0], predicted=sizes[1])
            total += counts[f"argument {role} {degree}"]
        counts[f"argument {degree}"] = total
    return counts


def _unlinked_counts(gold: Sequence[Argument], predicted: Sequence[Argument]) -> dict[str, Counts]:
    """Arguments without an event, by role and together."""
    counts: dict[str, Counts] = {}
    for degree, alike in (("strict", same_span), ("relaxed", heads_overlap)):
        total = Counts()
        for role in sorted({argument.role for argument in (*gold, *predicted)}):
            sides = [[argument for argument in side if argument.role == role] for side in (gold, predicted)]
            matched = len(match(sides[0], sides[1], alike))
            counts[f"unlinked role {role} {degree}"] = Counts.of(matched, gold=len(sides[0]), predicted=len(sides[1]))
            total += counts[f"unlinked role {role} {degree}"]
        counts[f"unlinked {degree}"] = total
    return counts


def _of_role(event: Event, role: Role) -> list[Span]:
    return [span for name, span in event.arguments() if name == role]


def _argument_scores(sums: Bootstrap) -> ArgumentScores:
    return ArgumentScores(sums.pair("argument"), {role: sums.pair(f"argument {role}") for role in ROLES})


def _unlinked_scores(sums: Bootstrap) -> ArgumentScores:
    roles = _named(sums, "unlinked role ", " strict")
    return ArgumentScores(sums.pair("unlinked"), {role: sums.pair(f"unlinked role {role}") for role in roles})


def _actor_counts(gold: Document, predicted: Document) -> dict[str, Counts]:
    """How the codes of the gold actors were met, by span."""
    made: dict[tuple[int, int], Actor] = {}
    for actor in _actors(predicted):
        offsets = actor.start, actor.end
        if offsets not in made or made[offsets].code is None:
            made[offsets] = actor
    known = {(actor.start, actor.end): actor for actor in _actors(gold) if actor.code}
    counts: defaultdict[str, Counts] = defaultdict(Counts)
    for actor, other in ((known[span], made[span]) for span in known.keys() & made.keys()):
        _count_coding(counts, "actor code", actor.code, other.code)
        _count_coding(counts, f"role {actor.roles[0] if actor.roles else ''}", actor.code, other.code)
        if actor.country:
            _count_coding(counts, "actor country", actor.country, other.country)
    return counts


def _place_counts(gold: Document, predicted: Document) -> dict[str, Counts]:
    """How the countries of the gold places were met, by span."""
    made = {(place.start, place.end): place for place in _places(predicted)}
    known = {(place.start, place.end): place for place in _places(gold) if place.country}
    counts: defaultdict[str, Counts] = defaultdict(Counts)
    for span in known.keys() & made.keys():
        _count_coding(counts, "place country", known[span].country, made[span].country)
    return counts


def _actors(document: Document) -> Iterator[Actor]:
    for event in document.events:
        yield from (*event.sources, *event.targets)


def _places(document: Document) -> Iterator[Place]:
    for event in document.events:
        yield from event.places


def _count_coding(counts: dict[str, Counts], name: str, gold: str | None, made: str | None) -> None:
    """Counts one decision as right, wrong or empty."""
    outcome = "empty" if made is None else "right" if made == gold else "wrong"
    for each in ("right", "wrong", "empty"):
        counts[f"{name} {each}"] += Counts(tp=int(each == outcome), fp=int(each != outcome))


def _coding(sums: Bootstrap, name: str) -> CodingScores:
    return CodingScores(*(sums.accuracy(f"{name} {outcome}") for outcome in ("right", "wrong", "empty")))


def _actor_scores(sums: Bootstrap) -> ActorScores:
    roles = _named(sums, "role ", " right")
    return ActorScores(
        countries=_coding(sums, "actor country"),
        codes=_coding(sums, "actor code"),
        codes_by_role={role: sums.accuracy(f"role {role} right") for role in roles},
    )


def _root_scores(sums: Bootstrap) -> dict[str, RootScores]:
    return {
        root: RootScores(
            ontology.lookup(root).name if ontology.is_valid(root) else root,
            sums.counts(f"root {root} strict"),
            sums.counts(f"root {root} relaxed"),
        )
        for root in _named(sums, "root ", " strict")
    }


def _named(sums: Bootstrap, start: str, end: str) -> list[str]:
    """What stands between `start` and `end` in the names of counts, in order."""
    found = [name for name in sums.names if name.startswith(start) and name.endswith(end)]
    return sorted(name[len(start) : -len(end)] for name in found if len(name) >= len(start) + len(end))


def _calibration(pairs: Sequence[tuple[Document, Document]]) -> Calibration:
    """The expected calibration error over bins of equal mass (Guo et al. 2017, Nguyen and O'Connor 2015)."""
    decisions = []
    for gold, predicted in pairs:
        hits = {id(other) for _, other in match(gold.events, predicted.events, same_root)}
        decisions += [(event.score, id(event) in hits) for event in predicted.events]
    if not decisions:
        return Calibration(None, ())
    scores, right = np.array(decisions, dtype=np.float64).T
    # Cut at quantiles rather than by rank: equal scores share a bin, so that their order cannot matter.
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, _BINS + 1)[1:-1]))
    place = np.searchsorted(edges, scores, side="right")
    parts = [place == number for number in np.unique(place)]
    bins = tuple(ReliabilityBin(int(p.sum()), float(scores[p].mean()), float(right[p].mean())) for p in parts)
    return Calibration(sum(b.events * abs(b.score - b.accuracy) for b in bins) / len(scores), bins)


def _confusion(pairs: Sequence[tuple[Document, Document]]) -> dict[str, dict[str, int]]:
    """How often a gold root was predicted as which root, by overlapping triggers."""
    counts: Counter[tuple[str, str]] = Counter()
    for gold, predicted in pairs:
        met = match(gold.events, predicted.events, overlap)
        counts.update((one.root, other.root) for one, other in met)
        counts.update((root, NO_EVENT) for root in _unmet(gold.events, [one for one, _ in met]))
        counts.update((NO_EVENT, root) for root in _unmet(predicted.events, [other for _, other in met]))
    table: dict[str, dict[str, int]] = {}
    for (root, made), number in sorted(counts.items()):
        table.setdefault(root, {})[made] = number
    return table


def _unmet(events: Sequence[Event], met: Sequence[Event]) -> Iterator[str]:
    """The roots of the events that are not among those met."""
    found = {id(event) for event in met}
    return (event.root for event in events if id(event) not in found)


def _pair_rows(name: str, pair: Pair) -> Iterator[tuple[str, float | None, float | None, float | None, int]]:
    for degree, score in (("strict", pair.strict), ("relaxed", pair.relaxed)):
        for kind in ("precision", "recall", "f1"):
            yield _row(f"{name}, {degree}, {kind}", getattr(score, kind), score.counts.support)


def _row(name: str, measure: Measure, support: int) -> tuple[str, float | None, float | None, float | None, int]:
    return name, measure.value, measure.low, measure.high, support
