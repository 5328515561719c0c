"""What the model says about one text before documents, codes' names and resolution come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from geoevents.events import Role, Status


@dataclass(frozen=True, slots=True)
class PredictedArgument:
    """An argument of a predicted event.

    Attributes:
        role: Its role in the event.
        start: Offset of its first character in the text given to the model.
        end: Offset behind its last character.
        score: Probability, 0 to 1.
    """

    role: Role
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class PredictedEvent:
    """An event as decoded from the model's output.

    Attributes:
        start: Offset of the trigger's first character in the text given to the model.
        end: Offset behind the trigger's last character.
        code: CAMEO code.
        status: Status of the event.
        score: Calibrated probability that trigger and root are right, 0 to 1.
        arguments: Its arguments, by role and position.
    """

    start: int
    end: int
    code: str
    status: Status
    score: float
    arguments: tuple[PredictedArgument, ...] = ()


class Tagger(Protocol):
    """A loaded model: texts in, events out, whatever the backend."""

    def predict(self, texts: Sequence[str]) -> list[tuple[PredictedEvent, ...]]:
        """The events of each text, in the order of the texts.

        Args:
            texts: One batch. A text longer than the model's window is windowed inside, never cut.

        Returns:
            For each text its events in the order of their triggers; offsets count the text's characters.
        """
        ...
