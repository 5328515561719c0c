"""The input in chunks: the portions that go through the extractor at once, on whatever machine.

Where chunks and shards begin follows from the input alone, never from how many processes work or when one was killed.
So a run that was resumed writes the same rows as one that was not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from geoevents.errors import InputError
from geoevents.formats import RecordFiles
from geoevents.records import Record

SHARD_SIZE = 10_000

# Enough documents to fill several windows of the extractor, and few enough that little work is lost with a process.
_ITEMS = 200
_CHARACTERS = 2_000_000


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the input.

    Attributes:
        file: Number of a file, from 0.
        record: Number of its records that lie before, unreadable ones included.
    """

    file: int
    record: int


@dataclass(frozen=True, slots=True)
class Item:
    """A record of the input, or what makes it unreadable.

    Attributes:
        file: Name of its file.
        record: Its number in the file, from 1, unreadable ones included.
        content: The record or the error.
    """

    file: str
    record: int
    content: Record | InputError


@dataclass(frozen=True, slots=True)
class Chunk:
    """Successive items of the input, all of one shard.

    Attributes:
        shard: Number of the shard, from 0.
        items: The items.
        start: Where they begin.
        end: Where they end.
        size: Bytes of the input that they took, as far as can be told.
        read: Bytes of the input up to their end.
    """

    shard: int
    items: tuple[Item, ...]
    start: Position
    end: Position
    size: int
    read: int


def read_chunks(
    files: RecordFiles, *, shard_size: int = SHARD_SIZE, start: Position | None = None, shard: int = 0
) -> Iterator[Chunk]:
    """The chunks of the input, as it is read.

    Args:
        files: The input.
        shard_size: Items in a shard; the last one may have fewer.
        start: Where a shard begins, to start there.
        shard: The number of that shard.
    """
    begin = start or Position(0, 0)
    contents = files.contents(first=begin.file)
    deque(islice(contents, begin.record), maxlen=0)
    read_before = files.bytes_read()
    items: list[Item] = []
    characters = 0
    left = shard_size
    position = begin
    for item, position in _items(files, contents, begin):
        items.append(item)
        characters += len(item.content.text) if isinstance(item.content, Record) else 0
        if len(items) in (_ITEMS, left) or characters >= _CHARACTERS:
            read = files.bytes_read()
            yield Chunk(shard, tuple(items), begin, position, read - read_before, read)
            left -= len(items)
            if not left:
                shard, left = shard + 1, shard_size
            items, characters, begin, read_before = [], 0, position, read
    if items:
        read = files.bytes_read()
        yield Chunk(shard, tuple(items), begin, position, read - read_before, read)


def read_items(files: RecordFiles) -> Iterator[Item]:
    """All items of the input, as it is read."""
    for item, _ in _items(files, files.contents(), Position(0, 0)):
        yield item


def _items(
    files: RecordFiles, contents: Iterator[tuple[int, Record | InputError]], start: Position
) -> Iterator[tuple[Item, Position]]:
    """The items from a position on, each with the position behind it."""
    position = start
    for file, content in contents:
        position = Position(file, position.record + 1 if file == position.file else 1)
        yield Item(files.name(file), position.record, content), position
