"""Words of a text in the form in which names are compared: folded, lower-cased, without possessives and dots."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

# Letters that Unicode does not decompose into a base letter and an accent.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ə": "a", "’": "'"}
    | {"ʻ": "'", "ʼ": "'", "‘": "'", "`": "'", "´": "'"}
)
_WORD = re.compile(r"[^\W_]+(?:[.'’ʻʼ‘`&][^\W_]+)*(?:\.['’‘ʼ]s\b)?")
# Phrases that need no look at their punctuation: the quick way for nearly all names of the gazetteer.
_PLAIN = re.compile(r"(?:[^\W_]|[ -]|\.(?![^\W_]{2}))+")
_HYPHENS = frozenset("-‐‑–")
_APOSTROPHES = "'’‘ʼ"


class Word(NamedTuple):
    """One word of a text.

    Attributes:
        key: The word folded: "Teherán's" → "teheran", "U.S." → "us".
        raw: The word as it stands, without a possessive ending.
        start: Offset of its first character.
        end: Offset behind its last character, the possessive ending included.
        possessive: Whether a possessive ending follows it ("Iran's", "rebels'").
        joined: Whether a hyphen joins it to the word before.
        pause: Whether a comma, bracket, dash or other punctuation stands between it and the word before.
    """

    key: str
    raw: str
    start: int
    end: int
    possessive: bool
    joined: bool
    pause: bool


# What `Word` does with its fields, without a call into Python for every word of a text.
_new_word: Callable[[tuple[str, str, int, int, bool, bool, bool]], Word] = partial(tuple.__new__, Word)


def fold(text: str) -> str:
    """The text in lower case without accents, apostrophes and dots: "N'Djaména" → "ndjamena"."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS))
        text = "".join(letter for letter in text if not unicodedata.combining(letter))
    return text.lower().replace("'", "").replace(".", "")


def words_of(text: str) -> list[Word]:
    """The words of a text in order."""
    words: list[Word] = []
    behind = 0
    for match in _WORD.finditer(text):
        start, end = match.span()
        key, raw, possessive, may_own = _parts(match.group())
        gap = text[behind:start]
        if may_own and end < len(text) and text[end] in _APOSTROPHES:
            possessive, end = True, end + 1
        joined = pause = False
        if gap != " " and gap and words:
            joined = gap[-1] in _HYPHENS and gap.lstrip(".")[:-1] == ""
            pause = not joined and gap.strip(' .\t\n\u00a0"“”' + _APOSTROPHES) != ""
        words.append(_new_word((key, raw, start, end, possessive, joined, pause)))
        behind = end
    return words


@lru_cache(maxsize=65536)
def _parts(word: str) -> tuple[str, str, bool, bool]:
    """Key and raw form of a word, whether it ends in 's, and whether an apostrophe behind it would make it possessive.

    Kept, since news has few words that are new.
    """
    possessive = len(word) > 2 and word[-1] in "sS" and word[-2] in _APOSTROPHES
    raw = word[:-2] if possessive else word
    key = raw.lower() if raw.isascii() and raw.isalnum() else fold(raw)
    return key, raw, possessive, not possessive and raw[-1] in "sS"


@lru_cache(maxsize=8192)
def phrase_words(phrase: str) -> tuple[Word, ...]:
    """The words of a short text that is likely to be asked for again."""
    return tuple(words_of(phrase))


def key_of(phrase: str) -> str:
    """The form in which a phrase is looked up: its words' keys, one blank between them, without a leading "the"."""
    if _PLAIN.fullmatch(phrase):
        key = " ".join(fold(phrase).replace("-", " ").split())
    else:
        key = " ".join(word.key for word in words_of(phrase))
    return key[4:] if key.startswith("the ") else key
