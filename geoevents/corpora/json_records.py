"""The records of a JSON file with their lines, whether it is an array, one object or JSON Lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geoevents.errors import CorpusError
from geoevents.markup import decode

_SPACE = re.compile(r"[ \t\r\n]*")
_RECORD_LINE = re.compile(r"^[\[{]", re.MULTILINE)


def json_records(path: Path) -> Iterator[tuple[int, Any] | CorpusError]:
    """Each record after its line, or what is wrong there.

    A malformed line of JSON Lines does not hide the following ones; a malformed array ends at the error.

    Raises:
        OSError: The file cannot be opened.
    """
    try:
        text = decode(path.read_bytes(), path)
    except CorpusError as error:
        yield error
        return
    yield from _array_items(text, path) if text.lstrip()[:1] == "[" and not _is_lines(text) else _values(text, path)


def _is_lines(text: str) -> bool:
    """Whether a text that begins with [ is lines of arrays rather than one array."""
    first, _, rest = text.strip().partition("\n")
    return bool(rest.strip()) and first.rstrip().endswith("]")


def _array_items(text: str, path: Path) -> Iterator[tuple[int, Any] | CorpusError]:
    position = _after_space(text, text.index("[") + 1)
    line, counted = 1, 0
    while not text.startswith("]", position):
        line, counted = line + text.count("\n", counted, position), position
        try:
            value, position = json.JSONDecoder().raw_decode(text, position)
        except json.JSONDecodeError as error:
            yield _malformed(error, path, error.lineno)
            return
        yield line, value
        position = _after_space(text, position)
        if text.startswith(",", position):
            position = _after_space(text, position + 1)
        elif not text.startswith("]", position):
            line += text.count("\n", counted, position)
            yield CorpusError("malformed JSON: expected , or ] behind a record", path=path, line=line)
            return


def _values(text: str, path: Path) -> Iterator[tuple[int, Any] | CorpusError]:
    """One object over several lines, or a value a line."""
    try:
        yield 1 + text[: _after_space(text, 0)].count("\n"), json.loads(text)
        return
    except json.JSONDecodeError as error:
        if len(_RECORD_LINE.findall(text)) < 2:
            yield _malformed(error, path, error.lineno)
            return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _line_value(line, path, number)


def _line_value(line: str, path: Path, number: int) -> tuple[int, Any] | CorpusError:
    try:
        return number, json.loads(line)
    except json.JSONDecodeError as error:
        return _malformed(error, path, number)


def _malformed(error: json.JSONDecodeError, path: Path, line: int) -> CorpusError:
    return CorpusError(f"malformed JSON: {error.msg} at column {error.colno}", path=path, line=line)


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
