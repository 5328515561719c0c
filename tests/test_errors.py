"""Errors go from worker processes to the program through a pipe, so all of them must survive being pickled."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from geoevents import errors

LOCATED = ({"path": "a.csv", "line": 3}, {"path": "a.csv"}, {})


def _every_error() -> list[errors.GeoEventsError]:
    """One of each class, those with a place in a file at every kind of place."""
    found: list[errors.GeoEventsError] = []
    for _, kind in inspect.getmembers(errors, inspect.isclass):
        if not issubclass(kind, errors.GeoEventsError):
            continue
        if issubclass(kind, errors.LocatedError):
            found += [kind("a cause", **place) for place in LOCATED]
        elif kind is errors.MissingExtraError:
            found.append(kind("ray", "ray"))
        else:
            found.append(kind("a cause"))
    return found


@pytest.mark.parametrize("error", _every_error(), ids=lambda error: f"{type(error).__name__}-{error}")
@pytest.mark.parametrize("travel", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy])
def test_errors_survive_the_way_between_processes(error: errors.GeoEventsError, travel) -> None:  # type: ignore[no-untyped-def]
    arrived = travel(error)
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    for name in ("cause", "path", "line"):
        assert getattr(arrived, name, None) == getattr(error, name, None)
