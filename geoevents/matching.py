"""When a predicted event or span counts as a gold one: the comparisons that `evaluation` scores by."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from geoevents.events import Event, Span

PREPOSITIONS = frozenset(("of", "in", "for", "from", "at", "on", "against", "with", "to", "by"))

_Item = TypeVar("_Item", Event, Span)


def match(
    gold: Sequence[_Item], predicted: Sequence[_Item], fits: Callable[[_Item, _Item], bool]
) -> list[tuple[_Item, _Item]]:
    """One-to-one pairs of items that fit: equal spans first, then in the given order."""
    fitting = [(i, j) for i, one in enumerate(gold) for j, other in enumerate(predicted) if fits(one, other)]
    fitting.sort(key=lambda pair: not same_span(gold[pair[0]], predicted[pair[1]]))
    used_gold: set[int] = set()
    used_predicted: set[int] = set()
    pairs = []
    for i, j in fitting:
        if i not in used_gold and j not in used_predicted:
            used_gold.add(i)
            used_predicted.add(j)
            pairs.append((gold[i], predicted[j]))
    return pairs


def _span(item: Event | Span) -> Span:
    return item.trigger if isinstance(item, Event) else item


def same_span(one: Event | Span, other: Event | Span) -> bool:
    """Whether two spans, or two events' triggers, have equal offsets."""
    one, other = _span(one), _span(other)
    return (one.start, one.end) == (other.start, other.end)


def overlap(one: Event | Span, other: Event | Span) -> bool:
    """Whether two spans, or two events' triggers, share a character."""
    return _span(one).overlaps(_span(other))


def same_root(one: Event, other: Event) -> bool:
    """Whether two events have the same trigger and root."""
    return same_span(one, other) and one.root == other.root


def heads_overlap(one: Span, other: Span) -> bool:
    """Whether the head words of two spans share a character."""
    return head_word(one).overlaps(head_word(other))


def _all_fit(gold: Sequence[Span], predicted: Sequence[Span], fits: Callable[[Span, Span], bool]) -> bool:
    """Whether every item of either side has its own partner on the other."""
    return len(gold) == len(predicted) == len(match(gold, predicted, fits))


def same_event(one: Event, other: Event) -> bool:
    """Whether trigger, root, sources and targets are the same."""
    return (
        same_root(one, other)
        and _all_fit(one.sources, other.sources, same_span)
        and _all_fit(one.targets, other.targets, same_span)
    )


def similar_event(one: Event, other: Event) -> bool:
    """Whether the roots are the same, and triggers and head words of sources and targets overlap."""
    return (
        one.root == other.root
        and overlap(one, other)
        and _all_fit(one.sources, other.sources, heads_overlap)
        and _all_fit(one.targets, other.targets, heads_overlap)
    )


def head_word(span: Span) -> Span:
    """The last word before a span's first preposition, else its last word.

    A preposition that opens the span is passed over. The prepositions are those of `PREPOSITIONS`.

    Example:
        >>> str(head_word(Span("Russian foreign minister in Geneva", 0, 34))), str(head_word(Span("on Monday", 0, 9)))
        ('minister', 'Monday')
    """
    words = list(re.finditer(r"\S+", span.text))
    if not words:
        return span
    stop = next((i for i, word in enumerate(words) if i and word[0].lower() in PREPOSITIONS), len(words))
    head = words[stop - 1]
    return Span(head[0], span.start + head.start(), span.start + head.end())


EVENT_COMPARISONS: dict[str, Callable[[Event, Event], bool]] = {
    "trigger strict": same_span,
    "trigger relaxed": overlap,
    "root strict": same_root,
    "root relaxed": lambda one, other: one.root == other.root and overlap(one, other),
    "code strict": lambda one, other: one.code == other.code and same_span(one, other),
    "code relaxed": lambda one, other: one.code == other.code and overlap(one, other),
    "event strict": same_event,
    "event relaxed": similar_event,
}
