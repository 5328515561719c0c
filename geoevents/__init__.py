"""geoevents: CAMEO-coded events from geopolitical news.

Example:
    >>> import geoevents
    >>> geoevents.extract("Iran and Russia signed a treaty in Moscow.")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geoevents.errors import (
        CorpusError,
        DictionaryError,
        GeoEventsError,
        InputError,
        MissingExtraError,
        ModelError,
        OntologyError,
    )
    from geoevents.events import Actor, Argument, Document, Event, Place, Span, Time
    from geoevents.pipeline import Extractor, extract, load
    from geoevents.records import Record
    from geoevents.rendering import render

__version__ = "0.1.0"

# Where each public name lives: it is imported when it is first used, so that `import geoevents` costs next to nothing.
_HOMES = {
    "errors": (
        "CorpusError",
        "DictionaryError",
        "GeoEventsError",
        "InputError",
        "MissingExtraError",
        "ModelError",
        "OntologyError",
    ),
    "events": ("Actor", "Argument", "Document", "Event", "Place", "Span", "Time"),
    "pipeline": ("Extractor", "extract", "load"),
    "records": ("Record",),
    "rendering": ("render",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Actor",
    "Argument",
    "CorpusError",
    "DictionaryError",
    "Document",
    "Event",
    "Extractor",
    "GeoEventsError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "OntologyError",
    "Place",
    "Record",
    "Span",
    "Time",
    "extract",
    "load",
    "render",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'geoevents' has no attribute {name!r}")
    value = getattr(import_module(f"geoevents.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
