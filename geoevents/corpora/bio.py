"""Tags of words (BIO, IOB, BIOES, BILUO) into spans, and words into offsets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_OUTSIDE = ("O", "-", "_", "")
_STARTS = "BUS"
_ENDS = "LUES"


def tagged_spans(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """Label, first word and word behind the last of each tagged span.

    A span goes on as long as I, L or E tags of its label follow. Such a tag that follows no tag of its label begins a
    span, as in the older IOB1.

    Example:
        >>> tagged_spans(["B-S", "I-S", "O", "I-04", "B-04"])
        [('S', 0, 2), ('04', 3, 4), ('04', 4, 5)]

    Raises:
        ValueError: A tag is malformed; its position is the second argument.
    """
    spans: list[tuple[str, int, int]] = []
    going_on = False
    for position, tag in enumerate(tags):
        if tag in _OUTSIDE:
            going_on = False
            continue
        prefix, dash, label = tag.partition("-")
        if prefix not in ("B", "I", "L", "U", "E", "S") or not dash or not label:
            raise ValueError(f"the tag {tag!r} is neither O nor a label behind B- or I- (or E-, S-, L-, U-)", position)
        if going_on and prefix not in _STARTS and spans[-1][0] == label:
            spans[-1] = label, spans[-1][1], position + 1
        else:
            spans.append((label, position, position + 1))
        going_on = prefix not in _ENDS
    return spans


def word_tags(words: int, spans: Iterable[tuple[str, int, int]]) -> list[str]:
    """BIO tags of some words; the inverse of `tagged_spans`.

    Raises:
        ValueError: Two spans share a word.
    """
    tags = ["O"] * words
    for label, first, last in spans:
        if any(tag != "O" for tag in tags[first:last]):
            raise ValueError(f"two spans share the words {first + 1} to {last}")
        tags[first:last] = [f"B-{label}", *[f"I-{label}"] * (last - first - 1)]
    return tags


def align(words: Iterable[str], text: str) -> list[tuple[int, int]] | None:
    """The offsets of the words in a text, or None where it is not the words with only white space between them."""
    offsets = []
    end = 0
    for word in words:
        start = text.find(word, end)
        if start < 0 or not word or text[end:start].strip():
            return None
        end = start + len(word)
        offsets.append((start, end))
    return None if text[end:].strip() else offsets


def join(words: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The words with single spaces between them, and their offsets."""
    offsets = []
    start = 0
    for word in words:
        offsets.append((start, start + len(word)))
        start += len(word) + 1
    return " ".join(words), offsets
