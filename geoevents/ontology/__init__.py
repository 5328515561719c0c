"""The CAMEO 1.1b3 event codes with their names, scales and PLOVER types.

Example:
    >>> from geoevents import ontology
    >>> ontology.lookup("1312").name
    'Threaten to boycott, embargo, or sanction'
"""

from geoevents.ontology.cameo import ROOTS, Code, children, codes, is_valid, lookup, search

__all__ = ["ROOTS", "Code", "children", "codes", "is_valid", "lookup", "search"]
