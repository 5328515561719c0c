"""Bytes into text, with errors that name the byte and the way out, and text into bytes."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from geoevents.errors import InputError


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text file.

    Attributes:
        number: Its number, from 1.
        text: The line with its line end; with U+FFFD in place of bytes that cannot be decoded.
        problem: What cannot be decoded, or None.
    """

    number: int
    text: str
    problem: str | None = None


def decode(data: bytes, encoding: str, *, offset: int = 0) -> str:
    """The text of some bytes, without a byte order mark.

    Args:
        data: The bytes.
        encoding: Their encoding.
        offset: Offset of the bytes in their file, for the message.

    Raises:
        InputError: A byte is not of that encoding, or there is no such encoding.
    """
    _check(encoding)
    if offset == 0 and data.startswith(codecs.BOM_UTF8) and _is_utf8(encoding):
        data, offset = data[len(codecs.BOM_UTF8) :], len(codecs.BOM_UTF8)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(_undecodable(error, encoding, offset)) from None


def decoded_lines(stream: BinaryIO, encoding: str) -> Iterator[Line]:
    """The lines of a text file, as they are read.

    Raises:
        InputError: There is no such encoding, or a byte cannot be decoded and the encoding does not tell where the
            next line begins (UTF-16 and the like).
    """
    _check(encoding)
    if not _is_utf8(encoding) and "a\n".encode(encoding) != b"a\n":
        yield from _wide_lines(stream, encoding)
        return
    offset = 0
    for number, raw in enumerate(stream, 1):
        try:
            yield Line(number, decode(raw, encoding, offset=offset))
        except InputError as error:
            yield Line(number, raw.decode(encoding, "replace"), error.cause)
        offset += len(raw)


def _wide_lines(stream: BinaryIO, encoding: str) -> Iterator[Line]:
    """The lines in an encoding whose line end is not the byte 0x0A."""
    reader = io.TextIOWrapper(stream, encoding=encoding, newline="\n")
    try:
        for number, text in enumerate(reader, 1):
            yield Line(number, text)
    except UnicodeError as error:
        raise InputError(f"the file is not {encoding} throughout ({error}); {_ADVICE}") from None
    finally:
        reader.detach()


def encoded(stream: BinaryIO) -> io.TextIOWrapper:
    """A text stream that writes UTF-8 to a binary one; `detach()` it rather than close it.

    Lone surrogates, which JSON input may hold, are written as \\udXXX, which JSON reads back.
    """
    return io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="")


_ADVICE = "if it is in another encoding, name it with --encoding (encoding=), such as cp1252 or utf-16"


def _check(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise InputError(f"unknown encoding {encoding!r}; usual ones are utf-8, cp1252, latin-1, utf-16") from None


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def _undecodable(error: UnicodeDecodeError, encoding: str, offset: int) -> str:
    byte = error.object[error.start] if error.start < len(error.object) else 0
    return f"byte 0x{byte:02x} at offset {offset + error.start} of the file is not {encoding}; {_ADVICE}"
