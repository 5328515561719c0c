"""What the labels of other people's corpora mean: event types, roles, or nothing of interest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from geoevents.events import ROLES, STATUSES, Status
from geoevents.ontology import Label, Ontology, describe

LEFT_OUT = ""
"""The role of labels that are to be skipped."""

_ROLE_OF_LABEL: dict[str, str] = {
    "s": "source",
    "t": "target",
    "l": "place",
    "p": "place",
    "loc": "place",
    "location": "place",
    "d": "time",
    "date": "time",
    "r": "related",
    "related": "related",
    "actor": "actor",
    **{str(role): str(role) for role in ROLES},
}
_STATUS_OF_LABEL: dict[str, Status] = {
    "neg": "negated",
    "negation": "negated",
    "hyp": "hypothetical",
    "speculation": "hypothetical",
    **{status: status for status in STATUSES},
}


@dataclass(frozen=True)
class LabelMap:
    """How to read labels.

    Attributes:
        ontology: The event types; without it every label that is no role is one, CAMEO's codes with their names.
        roles: Further role labels, such as {"Attacker": "source"}; `LEFT_OUT` skips a label.
    """

    ontology: Ontology | None = None
    roles: Mapping[str, str] = field(default_factory=dict)

    def role_of(self, label: str) -> str | None:
        """The role that a label names, `LEFT_OUT` for one to skip, or None for an event type.

        Case does not matter for the usual names and letters (s, t, p or l, d, r for related actors).
        """
        if label in self.roles:
            return self.roles[label]
        if self.ontology is not None and label in self.ontology:
            return None
        return _ROLE_OF_LABEL.get(label.casefold())

    def event_type(self, label: str) -> Label:
        """The event type that a label names.

        Raises:
            OntologyError: The ontology lacks it.
        """
        return describe(label, self.ontology)


def status_of(label: str) -> Status | None:
    """The status that a label names ("negated", "Negation", "hyp" …), or None."""
    return _STATUS_OF_LABEL.get(label.casefold())
