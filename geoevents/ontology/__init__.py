"""The CAMEO 1.1b3 event codes with their names, scales and PLOVER types, own event types, and the parts of actor codes.

Example:
    >>> from geoevents import ontology
    >>> ontology.lookup("1312").name
    'Threaten to boycott, embargo, or sanction'
"""

from geoevents.ontology.actor_codes import countries, split_actor_code
from geoevents.ontology.cameo import ROOTS, Code, children, codes, find_codes, is_valid, lookup, search
from geoevents.ontology.labels import Label, Ontology, describe

__all__ = [
    "ROOTS",
    "Code",
    "Label",
    "Ontology",
    "children",
    "codes",
    "countries",
    "describe",
    "find_codes",
    "is_valid",
    "lookup",
    "search",
    "split_actor_code",
]
