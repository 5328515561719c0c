"""What a corpus holds: counts, and the tables of the data card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from geoevents import ontology
from geoevents.events import ROLES, STATUSES, Document


@dataclass(frozen=True)
class Statistics:
    """What a corpus holds.

    Attributes:
        documents: Number of documents.
        empty: Documents without an event and without an argument.
        words: White-space words.
        events: Number of events.
        arguments: Argument links by role; a span that serves two events counts twice.
        statuses: Events by status.
        roots: Events by root code.
        codes: Events by code.
        unlinked: Arguments without an event by role.
    """

    documents: int
    empty: int
    words: int
    events: int
    arguments: Mapping[str, int]
    statuses: Mapping[str, int]
    roots: Mapping[str, int]
    codes: Mapping[str, int]
    unlinked: Mapping[str, int]

    @property
    def layers(self) -> tuple[str, ...]:
        """What the corpus marks, and so can train: "triggers", "links" (arguments of events), "arguments" (without).

        A layer that occurs nowhere is taken to be unmarked, so that its absence teaches a model nothing.
        """
        marked = {
            "triggers": self.events,
            "links": sum(self.arguments.values()),
            "arguments": sum(self.unlinked.values()),
        }
        return tuple(layer for layer, number in marked.items() if number)

    def to_dict(self) -> dict[str, Any]:
        """The counts as plain JSON types."""
        return asdict(self)


def statistics(documents: Iterable[Document]) -> Statistics:
    """Counts documents, events, arguments and codes.

    Example:
        >>> statistics(read_corpus("seeds/dev.evt")).documents
        300
    """
    documents = list(documents)
    events = [event for document in documents for event in document.events]
    roles = Counter(role for event in events for role, _ in event.arguments())
    return Statistics(
        documents=len(documents),
        empty=sum(not document.events and not document.arguments for document in documents),
        words=sum(len(document.text.split()) for document in documents),
        events=len(events),
        arguments={role: roles[role] for role in ROLES},
        statuses=_tally(STATUSES, (event.status for event in events)),
        roots=_tally((), (event.root for event in events)),
        codes=_tally((), (event.code for event in events)),
        unlinked=_tally((), (argument.role for document in documents for argument in document.arguments)),
    )


def _tally(always: Iterable[str], values: Iterable[str]) -> dict[str, int]:
    """How often each value occurs, in order; those in `always` even if they do not."""
    counts = Counter(values)
    return {key: counts[key] for key in (*always, *sorted(set(counts) - set(always)))}


def data_card_tables(corpora: Mapping[str, Sequence[Document]]) -> str:
    """Markdown tables of several corpora: sizes by name, with the total, then events by root.

    `seeds/README.md` says how its tables are made with this.
    """
    each = {name: statistics(documents) for name, documents in corpora.items()}
    each["total"] = statistics(document for documents in corpora.values() for document in documents)
    sizes = [[name, *_size_cells(counts)] for name, counts in each.items()]
    head = ["file", "documents", "without events", "words", "events", "codes", *(f"{role}s" for role in ROLES)]
    total = each["total"]
    roots = [[root, _root_name(root), total.roots[root], _code_cells(total, root)] for root in total.roots]
    return (
        f"{_table([*head, 'negated', 'hypothetical'], sizes)}\n{_table(['root', 'name', 'events', 'by code'], roots)}"
    )


def _size_cells(counts: Statistics) -> list[int]:
    return [
        counts.documents,
        counts.empty,
        counts.words,
        counts.events,
        len(counts.codes),
        *counts.arguments.values(),
        counts.statuses["negated"],
        counts.statuses["hypothetical"],
    ]


def _root_name(root: str) -> str:
    return ontology.lookup(root).name if ontology.is_valid(root) else ""


def _code_cells(counts: Statistics, root: str) -> str:
    return ", ".join(f"{code}: {number}" for code, number in counts.codes.items() if code.startswith(root))


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
