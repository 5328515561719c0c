"""`geoevents codes`: the CAMEO codes, listed or searched."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

import typer

from geoevents import ontology
from geoevents.cli import options


def codes(prefix: options.Prefix = "", search: options.Search = None, as_json: options.AsJson = False) -> None:
    """List the CAMEO 1.1b3 event codes with quad class, Goldstein value and PLOVER type.

    \b
    Examples:
      geoevents codes 04
      geoevents codes --search "arms"
      geoevents codes --json > cameo.json
    """
    found = ontology.find_codes(prefix, search)
    typer.echo(json.dumps([asdict(code) for code in found], ensure_ascii=False) if as_json else as_table(found))


def as_table(codes: Iterable[ontology.Code]) -> str:
    """The codes as lines of text, the more specific ones further in."""
    lines = [f"{'code':<7}{'quad':<6}{'goldstein':<11}{'PLOVER':<11}name"]
    for code in codes:
        name = "  " * (len(code.code) - 2) + code.name
        lines.append(f"{code.code:<7}{code.quad_class:<6}{code.goldstein:<11}{code.plover or '-':<11}{name}")
    return "\n".join(lines)
