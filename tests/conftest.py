from __future__ import annotations

import os

import pytest
from rule_tagger import RuleTagger
from tiny_encoder import tiny_encoder, tiny_model  # noqa: F401  # fixtures of the whole session

import geoevents
from geoevents import Extractor

if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    # Torch's threads in processes that share the cores wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))


@pytest.fixture
def tagger() -> RuleTagger:
    return RuleTagger()


@pytest.fixture
def extractor(tagger: RuleTagger) -> Extractor:
    """An extractor whose answers a test can foresee."""
    return Extractor(tagger)


@pytest.fixture(scope="session")
def default_extractor() -> Extractor:
    """The extractor that users get."""
    return geoevents.load()
