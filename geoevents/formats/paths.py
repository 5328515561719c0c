"""Which files the user means by names, directories and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from geoevents.errors import InputError
from geoevents.formats.compression import compression
from geoevents.formats.matching import ANY_DEPTH, Search, split_pattern

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


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to read.

    Attributes:
        path: Its path, or "-" for standard input.
        problem: Why it cannot be read, as far as the search for files has shown: it is then skipped. May also be that
            of a folder.
    """

    path: str
    problem: str | None = None


def find_inputs(names: Sequence[str | Path], *, without: Path | None = None) -> list[InputFile]:
    """The files that some names stand for, each once, whatever names and links lead to it: the first one is kept.

    A directory stands for all files below it whose suffix is known, in sorted order; a pattern ("news/*.jsonl.gz", and
    "**" for any depth) for the files that match it, likewise. Links are followed. Hidden and ".partial" files are left
    out of both. What cannot be looked into, and pipes and devices, are among the files, with a problem. Other names
    stand for themselves, whether or not there is such a file.

    Args:
        names: Files, directories, patterns, or "-" for standard input.
        without: A directory whose files are left out: that of the output.

    Raises:
        InputError: A directory or a pattern holds no file that can be read.
    """
    kept_out = None if without is None else os.path.join(os.path.realpath(without), "")  # noqa: PTH118
    found: dict[str, InputFile] = {}
    real_path = _RealPaths()
    for name in map(str, names):
        for file in _expanded(name, kept_out, real_path):
            identity = real_path(file.path)
            if identity not in found or found[identity].problem:  # a pipe may be given by its own name, too
                found[identity] = file
    return list(found.values())


class _RealPaths:
    """Gives the real paths of files, which tell files apart; of a link that leads nowhere its own."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        if path == STANDARD_INPUT:
            return path
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        itself = os.path.join(self._folders[folder], name)  # noqa: PTH118  # a million of them
        if name not in ("", os.pardir) and not os.path.islink(path):  # noqa: PTH114
            return itself
        try:
            return os.path.realpath(path, strict=True)
        except (OSError, ValueError):
            return itself


def _expanded(name: str, kept_out: str | None, real_path: _RealPaths) -> Sequence[InputFile]:
    if name == STANDARD_INPUT:
        return [InputFile(name)]
    if os.path.isdir(name):  # noqa: PTH112  # a name may be too long or odd for a path, which is then no directory
        kind, folder, parts = "directory", name, [ANY_DEPTH, "*"]
    elif glob.has_magic(name) and not os.path.exists(name):  # noqa: PTH110
        kind, (folder, parts) = "pattern", split_pattern(name)
    else:
        return [InputFile(name)]
    search = Search(_is_input)
    found = [InputFile(path) for path in search.files(folder, parts)]
    found += [InputFile(path, problem) for path, problem in search.problems.items()]
    left = [file for file in found if kept_out is None or not real_path(file.path).startswith(kept_out)]
    if found and not left:
        raise InputError(f"all that the {kind} holds is in the output directory; choose another one", path=name)
    if not left:
        raise InputError(
            f"the {kind} holds no file to read; known suffixes are {', '.join(INPUT_SUFFIXES)}, with .gz or .zst",
            path=name,
        )
    return sorted(left, key=attrgetter("path"))


def _is_input(path: str) -> bool:
    return not Path(path).name.startswith(".") and format_suffix(path) in INPUT_SUFFIXES
