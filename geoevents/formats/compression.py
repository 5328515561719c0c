"""Compressed text files (.gz, .zst), decompressed as they are read."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from geoevents.errors import InputError

COMPRESSIONS = (".gz", ".zst")

# Small enough that little of what comes before damage is lost with it.
_BUFFER = 1 << 16


def compression(path: str | Path) -> str:
    """The suffix of `COMPRESSIONS` that a file's name ends with, else an empty string."""
    suffix = Path(path).suffix.lower()
    return suffix if suffix in COMPRESSIONS else ""


def decompressed(stream: BinaryIO, path: str | Path) -> BinaryIO:
    """The content of a file: the stream itself, unless the file's name says that it is compressed.

    Concatenated members (.gz) and frames (.zst) are read as one. Reading a damaged or truncated file raises an
    `InputError` where the damage is; what comes before is read.

    Args:
        stream: The open file.
        path: Its name.
    """
    suffix = compression(path)
    if not suffix:
        return stream
    content = cast(_Source, gzip.GzipFile(fileobj=stream) if suffix == ".gz" else _zstd(stream))
    return cast(BinaryIO, io.BufferedReader(_Decompressed(content), _BUFFER))


class _Source(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def _zstd(stream: BinaryIO) -> object:
    """A reader by pyarrow, which is there for Parquet anyway."""
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd")


class _Decompressed(io.RawIOBase):
    """A decompressor's output, whose errors say what is wrong with the file."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's name for it is private
        try:
            data = self._source.read1(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            cause = str(error).rstrip(".")
            raise InputError(f"the compressed file is damaged or truncated ({cause}); read up to there") from None
        buffer[: len(data)] = data
        return len(data)
