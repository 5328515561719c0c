"""A tagger that dies; workers of Ray import it, which they cannot from a test's own module."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rule_tagger import RuleTagger

from geoevents import Extractor, GeoEventsError
from geoevents.prediction import PredictedEvent


class MortalTagger(RuleTagger):
    """A tagger that some sentences raise on, hang on or kill the process, always or the first time.

    Args:
        directory: Where it notes that it has died.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(keep=False)
        self._died = directory / "died"

    def predict(self, texts: Sequence[str]) -> list[tuple[PredictedEvent, ...]]:
        text = " ".join(texts)
        if "Faulty" in text:
            raise RuntimeError("a fault")
        if "Endless" in text:
            time.sleep(600)
        if "Unlucky" in text and not self._died.exists():
            self._died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "Poison" in text:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(texts)


@dataclass(frozen=True)
class MortalSource:
    """Where workers get an extractor with a `MortalTagger` from."""

    directory: Path

    def load(self) -> Extractor:
        return Extractor(MortalTagger(self.directory))

    def describe(self) -> dict[str, Any]:
        return {"extractor": "mortal"}


@dataclass(frozen=True)
class StillbornSource(MortalSource):
    """Its workers die, or raise, while they load."""

    raises: GeoEventsError | None = None

    def load(self) -> Extractor:
        if self.raises:
            raise self.raises
        os._exit(3)
