"""Text as the model sees it: a copy of equal length in which everything unreadable is blank.

Offsets into the copy are offsets into the user's text.
"""

from __future__ import annotations

import html
import re

# White space other than the space and the newline, control characters, the byte order mark and lone surrogates (which
# no tokenizer can encode).
_BLANK = re.compile("[\x00-\x09\x0b-\x1f\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff\ud800-\udfff]")
_LINE_ENDS = frozenset("\r\x0b\x0c\x85\u2028\u2029")

_TAG = re.compile(r"<(?:/?([A-Za-z][A-Za-z0-9]{0,15})\b[^<>]{0,1000}|!--[^<>]{0,1000})>")
_BLOCK_TAGS = (
    "address article aside blockquote br dd div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main"
    " nav ol option p pre section table tbody td th thead title tr ul"
)
_ENDS_BLOCK = frozenset(_BLOCK_TAGS.split())
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")


def normalise(text: str) -> str:
    """The text with control characters, odd spaces and HTML remains blanked out; its length stays the same.

    Every line end becomes a newline, every other white space, control character, lone surrogate and HTML tag becomes
    spaces. A block tag (`<p>`, `<br>`, `</h1>` …) becomes a blank line. An entity becomes its character, followed by
    spaces. No other character is touched.

    Example:
        >>> normalise("AT&amp;T\\x00met")
        'AT&    T met'
    """
    if "\r" in text:
        text = text.replace("\r\n", " \n")
    if "<" in text:
        text = _TAG.sub(_blank_tag, text)
    if "&" in text:
        text = _ENTITY.sub(_unescape, text)
    return _BLANK.sub(_blank, text)


def entity_end(text: str, start: int) -> int:
    """The offset behind the HTML entity that starts at `start`, or `start` where there is none."""
    match = _ENTITY.match(text, start)
    return match.end() if match else start


def _blank(match: re.Match[str]) -> str:
    return "\n" if match.group() in _LINE_ENDS else " "


def _blank_tag(match: re.Match[str]) -> str:
    length = match.end() - match.start()
    if (match.group(1) or "").lower() in _ENDS_BLOCK:
        return "\n\n".ljust(length)
    return " " * length


def _unescape(match: re.Match[str]) -> str:
    character = html.unescape(match.group())
    return character.ljust(match.end() - match.start()) if len(character) == 1 else match.group()
