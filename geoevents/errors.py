"""Every exception that geoevents raises on purpose.

GeoEventsError
├── CorpusError       an annotated corpus cannot be read (file, line, cause)
├── InputError        a user's input record or file cannot be read (file, line, cause)
├── DictionaryError   a user's actor dictionary is malformed (file, line, cause)
├── ModelError        a model directory is incomplete, damaged or of another version
├── OntologyError     a code is not in the ontology
└── MissingExtraError an optional dependency is not installed (names the pip command)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_LONGEST_REPEATED = 100


def repeated(*values: object) -> str:
    """Values as a message repeats them, separated by commas; cut to 100 characters, since users may send any length."""
    try:
        shown = ", ".join(map(repr, values))
    except RecursionError:  # lists in lists, by the hundred
        shown = "nested values"
    return shown if len(shown) <= _LONGEST_REPEATED else f"{shown[: _LONGEST_REPEATED - 1]}…"


class GeoEventsError(Exception):
    """Base class of all errors that geoevents raises on purpose."""


class LocatedError(GeoEventsError):
    """An error at a place in a file.

    Attributes:
        path: The file, or None for text that came from memory.
        line: The line number, counted from 1, or None where the whole file is meant.
        cause: What was found and what is allowed, without the location.
    """

    def __init__(self, cause: str, *, path: str | Path | None = None, line: int | None = None) -> None:
        self.cause = cause
        self.path = None if path is None else Path(path)
        self.line = line
        location = ":".join(str(part) for part in (self.path, line) if part is not None)
        super().__init__(f"{location}: {cause}" if location else cause)


class CorpusError(LocatedError):
    """An annotated corpus cannot be read."""


def first_of(problems: Sequence[CorpusError]) -> CorpusError:
    """The first of some problems, saying how many more there are."""
    first, more = problems[0], len(problems) - 1
    if not more:
        return first
    noun = "problem" if more == 1 else "problems"
    return CorpusError(f"{first.cause} (and {more} more {noun})", path=first.path, line=first.line)


class InputError(LocatedError):
    """A user's input record or file cannot be read."""


class DictionaryError(LocatedError):
    """A user's actor dictionary is malformed."""


class ModelError(GeoEventsError):
    """A model directory is incomplete, damaged, or of a version that this release cannot read."""


class OntologyError(GeoEventsError, ValueError):
    """A code is not in the ontology."""


class MissingExtraError(GeoEventsError, ImportError):
    """An optional dependency is not installed.

    Args:
        package: The package that could not be imported.
        extra: The extra of geoevents that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs the package {package!r}; install it with: pip install 'geoevents[{extra}]'")
        self._given = (package, extra)

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        # The usual way calls the class with the message, which would break the pipe from a worker process.
        return type(self), self._given
