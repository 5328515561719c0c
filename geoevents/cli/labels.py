"""What the labels of a corpus mean: the options --ontology and --role, which several commands have."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from geoevents.events import ROLES
from geoevents.ontology import Ontology


def read_ontology(path: Path | None) -> Ontology | None:
    """The event types of the table that --ontology names, or None for CAMEO's."""
    return Ontology.read(path) if path else None


def parse_roles(pairs: Iterable[str]) -> dict[str, str]:
    """What labels mean, from texts such as "Attacker=source" and "Instrument=".

    Raises:
        typer.BadParameter: A text has no "=", or names a role that there is not.
    """
    roles = {}
    for pair in pairs:
        label, sign, role = pair.partition("=")
        allowed = (*ROLES, "related", "actor", "")
        if not label or not sign or role not in allowed:
            raise typer.BadParameter(f"{pair!r} is not LABEL=ROLE with one of {', '.join(allowed[:-1])}, or nothing")
        roles[label] = role
    return roles
