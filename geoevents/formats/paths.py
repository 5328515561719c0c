"""Which files the user means by names, directories and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from geoevents.errors import InputError
from geoevents.formats.compression import compression

STANDARD_INPUT = "-"

INPUT_SUFFIXES = {
    ".txt": "txt",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def format_suffix(path: str | Path) -> str:
    """The suffix of a file's name that tells its format, in lower case: ".jsonl" for "news.jsonl.gz"."""
    path = Path(path)
    return Path(path.stem if compression(path) else path).suffix.lower()


def find_inputs(names: Sequence[str | Path], *, without: Path | None = None) -> list[str]:
    """The files that some names stand for, each once.

    A directory stands for all files below it whose suffix is known, in sorted order; a pattern ("news/*.jsonl.gz", and
    "**" for any depth) for the files that match it, likewise. Hidden and ".partial" files are left out of both. Other
    names stand for themselves, whether or not there is such a file.

    Args:
        names: Files, directories, patterns, or "-" for standard input.
        without: A directory whose files are left out: that of the output.

    Raises:
        InputError: A directory or a pattern holds no file that can be read.
    """
    kept_out = without.resolve() if without else None
    return list(dict.fromkeys(path for name in names for path in _expanded(str(name), kept_out)))


def _expanded(name: str, without: Path | None) -> Sequence[str]:
    if name == STANDARD_INPUT:
        return [name]
    if os.path.isdir(name):  # noqa: PTH112  # a name may be too long or odd for a path, which is then no directory
        return _matching(_files_below(name), name, "the directory", without)
    if glob.has_magic(name) and not os.path.exists(name):  # noqa: PTH110
        found = (path for path in glob.iglob(name, recursive=True) if Path(path).is_file())  # noqa: PTH207
        return _matching(found, name, "the pattern", without)
    return [name]


def _files_below(directory: str) -> Iterator[str]:
    for folder, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(folder, name) for name in files)  # noqa: PTH118  # a million of them


def _matching(paths: Iterable[str], name: str, kind: str, without: Path | None) -> list[str]:
    @cache
    def kept_out(folder: str) -> bool:
        resolved = Path(folder).resolve()
        return without is not None and without in (resolved, *resolved.parents)

    found = sorted(path for path in paths if _is_input(path) and not kept_out(os.path.dirname(path)))  # noqa: PTH120
    if not found:
        raise InputError(
            f"{kind} holds no file to read; known suffixes are {', '.join(INPUT_SUFFIXES)}, with .gz or .zst", path=name
        )
    return found


def _is_input(path: str) -> bool:
    return not Path(path).name.startswith(".") and format_suffix(path) in INPUT_SUFFIXES
