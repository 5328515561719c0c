"""The anatomy of CAMEO actor codes: a country, where there is one, and roles, three letters each.

`country_codes.tsv` holds the ISO 3166 alpha-3 codes with a name each, and those of states that have ceased to exist
(CSK, DDR, SUN, YUG …), XKX for Kosovo and BUR, RHO, VDR, ZAR for older names, since CAMEO codes news from 1979 on.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType


@cache
def countries() -> Mapping[str, str]:
    """The country codes with the countries' names."""
    lines = Path(__file__).with_name("country_codes.tsv").read_text(encoding="utf-8").splitlines()
    return MappingProxyType(dict(line.split("\t") for line in lines[1:]))


def split_actor_code(code: str) -> tuple[str | None, tuple[str, ...]]:
    """The country and the role codes that make up an actor code.

    Example:
        >>> split_actor_code("IRNGOV"), split_actor_code("IGOWSTNAT")
        (('IRN', ('GOV',)), (None, ('IGO', 'WST', 'NAT')))

    Returns:
        The country, None where the code does not start with one, and the rest by threes.

    Raises:
        ValueError: The code's length is not a multiple of three.
    """
    parts = [code[start : start + 3] for start in range(0, len(code), 3)]
    if not parts or len(parts[-1]) < 3:
        raise ValueError(f"{code!r} is not an actor code: it must be groups of three letters, such as IRNGOV")
    return (parts[0], tuple(parts[1:])) if parts[0] in countries() else (None, tuple(parts))
