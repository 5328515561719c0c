"""A small tagger by rules: a real `Tagger` whose answers a test can foresee."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from geoevents.events import Role
from geoevents.prediction import PredictedArgument, PredictedEvent

CODES = {"met": "040", "signed": "057", "attacked": "190", "clashed": "190", "praised": "051", "bombed": "195"}
TRIGGER = re.compile(r"\b(?:(?P<not>did not|never) |(?P<may>may) )?(?P<verb>" + "|".join(CODES) + r")\b")
NAME = re.compile(r"\b[A-Z][a-z]+\b")


class RuleTagger:
    """Finds the verbs of `CODES`; capitalised words before are sources, those after targets, places ("in X") and times
    ("on X").

    Attributes:
        keep: Whether to keep the batches.
        batches: The batches it was given.
    """

    def __init__(self, *, keep: bool = True) -> None:
        self.keep = keep
        self.batches: list[list[str]] = []

    def __repr__(self) -> str:
        return "<RuleTagger>"

    def predict(self, texts: Sequence[str]) -> list[tuple[PredictedEvent, ...]]:
        assert all("\n" not in text and "\0" not in text for text in texts), "the model's text must be blank of those"
        "".join(texts).encode()  # a real tokenizer cannot read lone surrogates
        if self.keep:
            self.batches.append(list(texts))
        return [tuple(_events(text)) for text in texts]


def _events(text: str) -> Iterator[PredictedEvent]:
    for match in TRIGGER.finditer(text):
        start, end = match.span("verb")
        yield PredictedEvent(
            start=start,
            end=end,
            code=CODES[match["verb"]],
            status="negated" if match["not"] else "hypothetical" if match["may"] else "asserted",
            score=0.5 if match["verb"] == "praised" else 0.9,
            arguments=tuple(_arguments(text, start, end)),
        )


def _arguments(text: str, start: int, end: int) -> Iterator[PredictedArgument]:
    for name in NAME.finditer(text):
        before = text[: name.start()]
        role: Role = "target"
        if name.start() < start:
            role = "source"
        elif before.endswith("in "):
            role = "place"
        elif before.endswith("on "):
            role = "time"
        yield PredictedArgument(role, name.start(), name.end(), 0.9)
