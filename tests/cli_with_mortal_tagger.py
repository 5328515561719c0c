"""The command line with a tagger that some texts kill or fault; it notes in the working directory that it has died."""

from __future__ import annotations

from pathlib import Path

from mortal_tagger import MortalTagger

import geoevents.runtime
from geoevents.cli import main

# Worker processes run this file too, under another name.
geoevents.runtime.load_tagger = lambda *_, **__: MortalTagger(Path.cwd())  # type: ignore[assignment, return-value]

if __name__ == "__main__":
    main()
