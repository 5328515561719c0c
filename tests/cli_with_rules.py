"""The command line with the rule tagger in place of a trained model, so that whole outputs can be foreseen."""

from __future__ import annotations

from rule_tagger import RuleTagger

import geoevents.runtime
from geoevents.cli import main

# Worker processes run this file too, under another name.
geoevents.runtime.load_tagger = lambda *_, **__: RuleTagger(keep=False)  # type: ignore[assignment, return-value]

if __name__ == "__main__":
    main()
