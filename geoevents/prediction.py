"""What the model says about one text before documents, codes' names and resolution come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from geoevents.events import Status


@dataclass(frozen=True, slots=True)
class PredictedArgument:
    """An argument of a predicted event, or one of the text without an event.

    Attributes:
        role: Its role: one of `geoevents.events.ROLES` in an event, else any that the model knows.
        start: Offset of its first character in the text given to the model.
        end: Offset behind its last character.
        score: Probability, 0 to 1.
    """

    role: str
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


Prediction = PredictedEvent | PredictedArgument


class Tagger(Protocol):
    """A loaded model: texts in, events out, whatever the backend."""

    def predict(self, texts: Sequence[str]) -> Sequence[tuple[Prediction, ...]]:
        """The events of each text, and the arguments that belong to no event, in the order of the texts.

        Args:
            texts: One batch. A text longer than the model's window is windowed inside, never cut.

        Returns:
            For each text its events in the order of their triggers, and where the model was trained on arguments
            without events also these, in order; offsets count the text's characters.
        """
        ...
