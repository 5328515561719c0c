"""Acts that the parties do to each other: "Iran and Russia signed", "Indian and Chinese troops clashed".

In the corpus and in the model's answers such an act has all its parties as sources and no target. CAMEO's own coders
write one event for each direction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import Literal

from geoevents.events import Document, Event, event_id

Reciprocal = Literal["joint", "expand", "annotated"]

RECIPROCAL_MODES: tuple[Reciprocal, ...] = ("joint", "expand", "annotated")

RECIPROCAL_CODES: frozenset[str] = frozenset(
    [
        "019",  # agree with each other's view
        "030",  # intend to cooperate, in general and by kind
        "031",
        "0311",
        "0312",
        "0313",
        "0314",
        "032",
        "0356",  # promise a ceasefire
        "036",  # intend to meet or negotiate
        "037",  # intend to settle a dispute
        "040",  # meet, talk by telephone, meet in a third country, negotiate
        "041",
        "044",
        "046",
        "050",  # cooperate diplomatically, establish or restore ties, sign an agreement
        "054",
        "057",
        "060",  # cooperate materially: trade, military, courts, intelligence
        "061",
        "062",
        "063",
        "064",
        "087",  # de-escalate, cease fire
        "0871",
    ]
)
"""CAMEO codes whose acts are mutual if their subject is joint. Chosen by the 7,292 training passages: with two or more
sources and no target, an act of these codes is mutual in nearly all of them."""

_MUTUAL_TRIGGER = re.compile(
    r"\b(?:battl|brawl|clash|dogfight|duel|exchang|fight|firefight|fought|gun ?battle|gunfight|shoot-?out|skirmish|swap"
    r"|trad(?:e|ed|ing)\b|traded)",
    re.IGNORECASE,
)


def is_joint(event: Event) -> bool:
    """Whether the parties of an event do its act to each other.

    That is so for two or more sources without a target, if the code is one of `RECIPROCAL_CODES` or the trigger says
    it ("clashed", "exchanged", "swapped").
    """
    if len(event.sources) < 2 or event.targets:
        return False
    return event.code in RECIPROCAL_CODES or _MUTUAL_TRIGGER.search(event.trigger.text) is not None


def direct(document: Document, mode: Reciprocal) -> Document:
    """The document with its joint events in the given form.

    Args:
        document: A document whose events are as annotated.
        mode: "joint": all parties on both sides; "expand": one event for each ordered pair of parties, with
            identifiers of their own; "annotated": left as they are.
    """
    if mode == "annotated" or not any(map(is_joint, document.events)):
        return document
    return replace(document, events=tuple(directed for event in document.events for directed in _direct(event, mode)))


def _direct(event: Event, mode: Reciprocal) -> Iterator[Event]:
    if not is_joint(event):
        yield event
    elif mode == "joint":
        yield replace(event, targets=event.sources)
    else:
        for (i, source), (j, target) in permutations(enumerate(event.sources), 2):
            pair = event_id(event.document, event.trigger, f"{event.code}:{i}:{j}")
            yield replace(event, id=pair, sources=(source,), targets=(target,))
