"""The files that match a pattern, and what stands in the way of looking for more.

Unlike the standard library's `glob`, a search enters each folder once, however many links lead to it, and tells what it
cannot look into.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Literal

ANY_DEPTH = "**"

_Kind = Literal["folder", "file", "other"]

_SEPARATORS = re.escape(os.sep + (os.altsep or ""))


def split_pattern(pattern: str) -> tuple[str, list[str]]:
    """The folder in which to begin ("", "/" or "C:/"), and the parts of a pattern."""
    drive, rest = os.path.splitdrive(pattern)
    relative = rest.lstrip(os.sep + (os.altsep or ""))
    return drive + rest[: len(rest) - len(relative)], re.split(f"[{_SEPARATORS}]+", relative)


class Search:
    """A search for files. Folders are entered in sorted order, so that the same files are found each time.

    Args:
        wanted: Whether a file of a name is looked for.

    Attributes:
        problems: Why a file, link or folder that was met cannot be read, by path; is filled as the files are found.
    """

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self.problems: dict[str, str] = {}

    def files(self, folder: str, parts: Sequence[str]) -> Iterator[str]:
        """The files that match, some perhaps twice; hidden ones only where the pattern names the dot.

        Args:
            folder: Where to begin, "" for the working directory.
            parts: The parts of the pattern: names, names with `*`, `?` or `[…]`, and `ANY_DEPTH` for folders of any
                depth or none.
        """
        part, rest = parts[0], parts[1:]
        if part == ANY_DEPTH:
            for below in self._folders(folder):
                yield from self.files(below, rest or ["*"])
            return
        for path, kind in self._matching(folder, part):
            if rest and kind == "folder":
                yield from self.files(path, rest)
            elif not rest and kind == "file" and self._wanted(path):
                yield path
            elif not rest and kind == "other" and self._wanted(path):
                self.problems[path] = "no regular file but a pipe or device; give it by its own name to have it read"

    def _folders(self, top: str) -> Iterator[str]:
        """A folder and all that are below it and not hidden."""
        entered: set[str] = set()
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            real = os.path.realpath(folder)
            if real not in entered:
                entered.add(real)
                yield folder
                waiting += reversed([path for path, kind in self._matching(folder, "*") if kind == "folder"])

    def _matching(self, folder: str, part: str) -> Iterator[tuple[str, _Kind]]:
        """What matches in a folder; links are what they lead to."""
        if not glob.has_magic(part):
            yield from self._named(os.path.join(folder, part))  # noqa: PTH118  # a million of them
            return
        matches = re.compile(fnmatch.translate(os.path.normcase(part))).match
        for entry in self._entries(folder):
            hidden = entry.name.startswith(".") and not part.startswith(".")
            if not hidden and matches(os.path.normcase(entry.name)):
                path = os.path.join(folder, entry.name)  # noqa: PTH118
                try:
                    kind = _kind_of(entry)
                except OSError as error:
                    self.problems[path] = _cause(error)
                else:
                    yield path, kind

    def _named(self, path: str) -> Iterator[tuple[str, _Kind]]:
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: no path at all
            return
        except OSError as error:
            self.problems[path] = _cause(error)
            return
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116
        except OSError as error:
            self.problems[path] = _cause(error)
        else:
            yield path, "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder or os.curdir) as entries:
                return sorted(entries, key=attrgetter("name"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            pass
        except OSError as error:
            self.problems[folder or os.curdir] = _cause(error)
        return []


def _kind_of(entry: os.DirEntry[str]) -> _Kind:
    """What an entry is, mostly without asking the system again.

    Raises:
        OSError: It is a link that leads nowhere, or what it leads to cannot be looked at.
    """
    if entry.is_dir():
        return "folder"
    if entry.is_file():
        return "file"
    entry.stat()
    return "other"


def _cause(error: OSError) -> str:
    return f"cannot be opened: {error.strerror or error}"
