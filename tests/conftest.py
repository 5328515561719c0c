from __future__ import annotations

import pytest
from rule_tagger import RuleTagger
from tiny_encoder import tiny_encoder, tiny_model  # noqa: F401  # fixtures of the whole session

import geoevents
from geoevents import Extractor


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
