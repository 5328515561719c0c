"""Reader of the code tables that lie beside this module.

- `cameo_codes.tsv`: every code of CAMEO 1.1b3 (Schrodt 2012, "CAMEO: Conflict and Mediation Event Observations
  Event and Actor Codebook") with its name.
- `goldstein.tsv`: the Goldstein scale as GDELT publishes it. It has no value for seven of the codes (1213, 1214,
  155, 176, 1834, 1951, 1952); these take their parent's, and `Code.goldstein_inherited` says so.
- `plover_crosswalk.tsv`: PLOVER type, mode and context of the CAMEO codes by the Open Event Data Alliance's table
  of 2021. It starts at 030 and lacks five codes (155, 176, 1834, 1951, 1952); these take their parent's row, and a
  root takes that of its "not specified below" code, and `Code.plover_inherited` says so. Newer PLOVER reads
  02 (appeal) as REQUEST; 01 (statement) has no PLOVER type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from geoevents.errors import OntologyError, repeated

ROOTS: tuple[str, ...] = tuple(f"{number:02d}" for number in range(1, 21))

# The names of the four classes are those of GDELT's QuadClass field (GDELT Event Database Codebook 2.0); the last root
# of each class follows the division that GDELT's data users rely on (for example the py-gdelt client).
_LAST_ROOT_OF_QUAD_CLASS = {1: "05", 2: "08", 3: "13", 4: "20"}

_DATA = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Code:
    """One CAMEO code.

    Attributes:
        code: Two digits (a root), three or four.
        name: Its name in the codebook.
        root: The root code, "01" to "20".
        quad_class: 1 verbal cooperation (roots 01-05), 2 material cooperation (06-08), 3 verbal conflict (09-13),
            4 material conflict (14-20).
        goldstein: Value on the Goldstein scale, -10 (conflict) to 10 (cooperation).
        goldstein_inherited: Whether the value is the parent's, for want of its own.
        plover: PLOVER event type such as "CONSULT", or None.
        plover_mode: PLOVER mode such as "visit", or None.
        plover_context: PLOVER contexts such as ("legal", "military").
        plover_inherited: Whether the PLOVER fields come from another code's row, for want of their own.
    """

    code: str
    name: str
    root: str
    quad_class: int
    goldstein: float
    goldstein_inherited: bool
    plover: str | None
    plover_mode: str | None
    plover_context: tuple[str, ...]
    plover_inherited: bool

    @property
    def parent(self) -> str | None:
        """The code one level up, or None for a root."""
        return self.code[:-1] if len(self.code) > 2 else None


def lookup(code: str) -> Code:
    """The entry of a code.

    Example:
        >>> lookup("040").plover
        'CONSULT'

    Raises:
        OntologyError: CAMEO has no such code; the message names near ones.
    """
    try:
        return _table()[code]
    except (KeyError, TypeError):
        raise OntologyError(_unknown(code)) from None


def is_valid(code: str) -> bool:
    """Whether CAMEO has this code (roots included)."""
    return isinstance(code, str) and code in _table()


def codes(prefix: str = "") -> list[Code]:
    """The codes that start with `prefix` in the codebook's order; all 318 without one."""
    return [entry for entry in _table().values() if entry.code.startswith(prefix)]


def children(code: str) -> list[Code]:
    """The codes one level below `code`; none below a leaf.

    Raises:
        OntologyError: CAMEO has no such code.
    """
    parent = lookup(code).code
    return [entry for entry in _table().values() if entry.parent == parent]


def search(words: str) -> list[Code]:
    """The codes that a few words describe, in the codebook's order.

    Every word must be the beginning of a word of the code's name or of its PLOVER type, mode or contexts; case does
    not matter, and a plural also matches its singular.

    Example:
        >>> [entry.code for entry in search("military aid")]
        ['0232', '0332', '072', '074', '1032', '1222']
    """
    wanted = re.findall(r"[\w-]+", words.lower())
    if not wanted:
        return []
    candidates = [_matching(word) for word in wanted]
    return [entry for entry in _table().values() if all(entry.code in found for found in candidates)]


def find_codes(prefix: str = "", words: str | None = None) -> list[Code]:
    """The codes that begin with a prefix and, if there are words, are described by them.

    Raises:
        OntologyError: There are none.
    """
    found = codes(prefix)
    if not found:
        lookup(prefix)
    if words is not None:
        found = [code for code in search(words) if code.code.startswith(prefix)]
        if not found:
            raise OntologyError(f"no code is described by {repeated(words)}; try fewer or other words")
    return found


def _matching(word: str) -> set[str]:
    """The codes described by a word that starts with `word` or is its singular."""
    singular = word.removesuffix("s")
    return {
        code
        for code, described in _described().items()
        if any(item.startswith(word) or item == singular for item in described)
    }


@cache
def _described() -> dict[str, tuple[str, ...]]:
    """Each code's searchable words in lower case."""
    return {
        entry.code: tuple(
            re.findall(r"[\w-]+", " ".join((entry.name, entry.plover or "", entry.plover_mode or "")).lower())
            + [word for context in entry.plover_context for word in context.split("_")]
        )
        for entry in _table().values()
    }


def _unknown(code: object) -> str:
    """What to say about a code that does not exist."""
    from difflib import get_close_matches  # costs more to import than the tables to read

    text = code if isinstance(code, str) else repr(code)
    near = get_close_matches(text, list(_table()), n=4, cutoff=0.6)
    # A code with a digit too many is best explained by its longest valid beginning, whatever difflib thinks.
    near = sorted({*near, *[text[:length] for length in (2, 3) if text[:length] in _table()]})
    advice = f"did you mean one of {', '.join(near)}?" if near else 'codes have two to four digits, such as "0841".'
    return f"{repeated(text)} is not a CAMEO 1.1b3 code; {advice} `geoevents codes` lists them all."


@cache
def _table() -> dict[str, Code]:
    """All codes, read once, in the codebook's order."""
    goldstein = {code: float(value) for code, value in _rows("goldstein.tsv")}
    plover = {code: (kind, mode, context) for code, kind, mode, context in _rows("plover_crosswalk.tsv")}
    return {code: _entry(code, name, goldstein, plover) for code, name in _rows("cameo_codes.tsv")}


def _entry(code: str, name: str, goldstein: Mapping[str, float], plover: Mapping[str, tuple[str, ...]]) -> Code:
    """One code with what the tables say about it or, failing that, about its parent."""
    root = code[:2]
    scaled = code if code in goldstein else code[:-1]
    coded = next((key for key in (code, code[:-1], root + "0") if key in plover), None)
    kind, mode, context = plover[coded] if coded else ("REQUEST" if root == "02" else "", "", "")
    return Code(
        code=code,
        name=name,
        root=root,
        quad_class=next(quad for quad, last in _LAST_ROOT_OF_QUAD_CLASS.items() if root <= last),
        goldstein=goldstein[scaled],
        goldstein_inherited=scaled != code,
        plover=kind or None,
        plover_mode=mode or None,
        plover_context=tuple(context.split(";")) if context else (),
        plover_inherited=coded is not None and coded != code,
    )


def _rows(name: str) -> list[list[str]]:
    """The fields of a table's lines, without its header."""
    lines = (_DATA / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines[1:]]
