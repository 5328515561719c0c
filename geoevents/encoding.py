"""Texts into model inputs, and gold events into labels.

A text becomes words (runs of letters and digits, or single punctuation marks) and the tokenizer's word pieces. The
model reads pieces and labels words, so that whatever is decoded begins and ends at a word's border. A text with more
pieces than the model's window becomes several overlapping windows; nothing is cut.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from geoevents.events import Argument, Event, Role, Status

IntArray = NDArray[np.int64]

WORD = re.compile(r"[\w\u0300-\u036f]+|[^\w\s]")

# Texts whose words a tokenizer of BERT cuts one by one, whatever stands beside them: there is no accent that joins the
# letter before, no symbol that it takes for a letter, no bracket that could begin a special token.
_WORD_BY_WORD = re.compile("[\\n -Z\\\\-~\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u2010-\u2027]*")
# Words whose pieces are kept: a few megabytes.
_KEPT_WORDS = 20_000

IGNORED = -100
"""The label that no loss is taken from (the default of torch's cross entropy)."""


class Case(IntEnum):
    """How a word is written: what an uncased vocabulary does not tell the model."""

    OTHER = 0
    LOWER = 1
    CAPITALISED = 2
    UPPER = 3


@dataclass(frozen=True)
class LabelScheme:
    """The label sets of a model.

    Attributes:
        roots: Event types that the trigger head tells apart, such as the CAMEO roots "01" to "20".
        codes: Full codes that the code head tells apart; each begins with a root.
        statuses: Event statuses.
        role_groups: Roles by tagging layer. Roles of one group exclude each other at a word; a word may carry one
            role of each group (a capital that is visited is target and place).
        unlinked_roles: Roles that are tagged in a text without an event that they belong to.
    """

    roots: tuple[str, ...]
    codes: tuple[str, ...]
    statuses: tuple[Status, ...]
    role_groups: tuple[tuple[Role, ...], ...]
    unlinked_roles: tuple[str, ...] = ()

    @cached_property
    def root_index(self) -> dict[str, int]:
        """Position of each root."""
        return {root: index for index, root in enumerate(self.roots)}

    @cached_property
    def code_index(self) -> dict[str, int]:
        """Position of each code."""
        return {code: index for index, code in enumerate(self.codes)}

    @cached_property
    def code_roots(self) -> IntArray:
        """Position of each code's root; shape (codes,)."""
        return np.array([self.root_index[self.root_of(code)] for code in self.codes], dtype=np.int64)

    @property
    def trigger_tags(self) -> int:
        """Number of BIO tags of the trigger head: O, then B and I of each root."""
        return 1 + 2 * len(self.roots)

    @property
    def role_tags(self) -> tuple[int, ...]:
        """Number of BIO tags of each role group: O, then B and I of each role."""
        return tuple(1 + 2 * len(group) for group in self.role_groups)

    @property
    def unlinked_tags(self) -> int:
        """Number of BIO tags of the unlinked roles: O, then B and I of each role."""
        return 1 + 2 * len(self.unlinked_roles)

    def root_of(self, code: str) -> str:
        """The root that a code begins with.

        Raises:
            KeyError: The code begins with none of the roots.
        """
        for length in range(len(code), 0, -1):
            if code[:length] in self.root_index:
                return code[:length]
        raise KeyError(f"the code {code!r} begins with none of the model's roots")


@dataclass(frozen=True)
class LearnedLayers:
    """The layers of annotation that a model learns from a corpus; the labels of the others are `IGNORED`.

    Attributes:
        triggers: Whether triggers are.
        statuses: Whether statuses are.
        role_groups: Whether each role group is; () for all of them.
        unlinked: Whether arguments without an event are.
    """

    triggers: bool = True
    statuses: bool = True
    role_groups: tuple[bool, ...] = ()
    unlinked: bool = True


ALL_LAYERS = LearnedLayers()


@dataclass(frozen=True)
class Window:
    """One input of the model: a text or, where the text is too long, a part of it.

    Attributes:
        token_ids: Word pieces with the special tokens; shape (pieces,).
        token_cases: The `Case` of the word that each piece belongs to; shape (pieces,).
        word_positions: Index in `token_ids` of each word's first piece; shape (words,).
        word_starts: Offset in the text of each word's first character; shape (words,).
        word_ends: Offset in the text behind each word's last character; shape (words,).
        core: The first word and the word behind the last whose triggers are taken from this window; the words
            outside are context that a neighbouring window sees better.
    """

    token_ids: IntArray
    token_cases: IntArray
    word_positions: IntArray
    word_starts: IntArray
    word_ends: IntArray
    core: tuple[int, int]

    def __len__(self) -> int:
        return len(self.token_ids)


@dataclass(frozen=True)
class TriggerLabels:
    """Gold labels of one event in a window.

    Attributes:
        first: First word of the trigger.
        last: Last word of the trigger.
        code: Index of the code, or `IGNORED` where the scheme does not hold it.
        status: Index of the status.
        roles: BIO tags; shape (role groups, words).
    """

    first: int
    last: int
    code: int
    status: int
    roles: IntArray


@dataclass(frozen=True)
class WindowLabels:
    """Gold labels of a window.

    Attributes:
        trigger_tags: BIO tags of the trigger head; shape (words,).
        unlinked_tags: BIO tags of the arguments without an event; shape (words,).
        triggers: The events whose trigger stands in the window.
        lost: Spans that another span of the same layer already covers, which BIO tags cannot express.
    """

    trigger_tags: IntArray
    unlinked_tags: IntArray
    triggers: tuple[TriggerLabels, ...]
    lost: int


@dataclass(frozen=True)
class TextEncoder:
    """Turns texts into windows.

    Attributes:
        tokenizer: A fast tokenizer without truncation and padding.
        max_pieces: Longest window, in pieces with the special tokens.
        overlap: Pieces that neighbouring windows of one text share.
    """

    tokenizer: Tokenizer
    max_pieces: int = 256
    overlap: int = 64
    _frame: tuple[IntArray, IntArray] = field(init=False, repr=False, compare=False)
    _frame_cases: tuple[IntArray, IntArray] = field(init=False, repr=False, compare=False)
    _frame_lists: tuple[list[list[int]], list[list[int]]] = field(init=False, repr=False, compare=False)
    _room: int = field(init=False, repr=False, compare=False)
    _known: dict[str, tuple[list[int], list[int]]] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        object.__setattr__(self, "_frame", _special_tokens(self.tokenizer))
        object.__setattr__(self, "_frame_cases", tuple(np.full_like(part, Case.OTHER) for part in self._frame))
        frames = (self._frame, self._frame_cases)
        object.__setattr__(self, "_frame_lists", tuple([part.tolist() for part in frame] for frame in frames))
        object.__setattr__(self, "_known", {} if _is_of_bert(self.tokenizer) else None)
        object.__setattr__(self, "_room", self.max_pieces - sum(map(len, self._frame)))
        if not 0 <= self.overlap < self._room:
            raise ValueError(
                f"windows of {self.max_pieces} pieces cannot overlap by {self.overlap}: {self._room} is the limit"
            )

    def encode(self, texts: Sequence[str]) -> list[list[Window]]:
        """The windows of each text; none for a text without words."""
        by_word = [self._known is not None and bool(_WORD_BY_WORD.fullmatch(text)) for text in texts]
        others = (text for text, is_simple in zip(texts, by_word, strict=True) if not is_simple)
        encodings = iter(self.tokenizer.encode_batch(list(others), add_special_tokens=False))
        return [
            self._by_word(text) if is_simple else self._as_a_whole(text, next(encodings))
            for text, is_simple in zip(texts, by_word, strict=True)
        ]

    def _by_word(self, text: str) -> list[Window]:
        """The windows of a text from the pieces of its words, most of which are known: far quicker than to cut them."""
        words: list[int] = []
        ids: list[int] = []
        cases: list[int] = []
        positions: list[int] = []
        known = self._known
        assert known is not None
        for match in WORD.finditer(text):
            word = match.group()
            pieces, piece_cases = known.get(word) or self._learn(word)
            words += match.span()
            positions.append(len(ids))
            ids += pieces
            cases += piece_cases
        if not words:
            return []
        borders = np.array(words, dtype=np.int64).reshape(-1, 2)
        if len(ids) <= self._room:
            return [self._window(borders, ids, cases, positions)]
        return self._windows(borders, *(np.array(numbers, dtype=np.int64) for numbers in (ids, cases, positions)))

    def _window(self, words: IntArray, ids: list[int], cases: list[int], positions: list[int]) -> Window:
        """The only window of a text that fits into one; arguments are those of `_windows`, as lists."""
        (head, tail), (head_cases, tail_cases) = self._frame_lists
        return Window(
            token_ids=np.array(head + ids + tail, dtype=np.int64),
            token_cases=np.array(head_cases + cases + tail_cases, dtype=np.int64),
            word_positions=np.array(positions, dtype=np.int64) + len(head),
            word_starts=words[:, 0],
            word_ends=words[:, 1],
            core=(0, len(words)),
        )

    def _learn(self, word: str) -> tuple[list[int], list[int]]:
        """The pieces of a word that stands alone, each with the `Case` of the word; kept for the next time."""
        assert self._known is not None
        if len(self._known) >= _KEPT_WORDS:
            self._known.clear()
        ids = self.tokenizer.encode(word, add_special_tokens=False).ids
        learned = self._known[word] = ids, [int(case_of(word))] * len(ids)
        return learned

    def _as_a_whole(self, text: str, encoding: Encoding) -> list[Window]:
        """The windows of a text from the pieces that the tokenizer finds in it."""
        found = list(WORD.finditer(text))
        if not found or not encoding.ids:
            return []
        words = np.array([match.span() for match in found], dtype=np.int64)
        cases = np.array([case_of(match.group()) for match in found], dtype=np.int64)
        starts, ends = words.T
        piece_starts = np.array([start for start, _ in encoding.offsets], dtype=np.int64)
        positions = np.maximum(np.searchsorted(piece_starts, starts, side="right") - 1, 0)
        # The first word that ends behind a piece's start: some vocabularies' pieces begin with the space before a word.
        piece_words = np.minimum(np.searchsorted(ends, piece_starts, side="right"), len(ends) - 1)
        return self._windows(words, np.array(encoding.ids, dtype=np.int64), cases[piece_words], positions)

    def _windows(self, words: IntArray, ids: IntArray, cases: IntArray, positions: IntArray) -> list[Window]:
        """The windows of a text.

        Args:
            words: Start and end of each word; (words, 2).
            ids: Word pieces; (pieces,).
            cases: `Case` of the word of each piece; (pieces,).
            positions: First piece of each word; (words,).
        """
        (head, tail), (head_cases, tail_cases) = self._frame, self._frame_cases
        windows = []
        for first, last, core in _window_borders(len(ids), self._room, self.overlap):
            first_word, last_word, *core_words = np.searchsorted(positions, (first, last, *core)).tolist()
            if first_word == last_word:
                continue
            windows.append(
                Window(
                    token_ids=np.concatenate((head, ids[first:last], tail)),
                    token_cases=np.concatenate((head_cases, cases[first:last], tail_cases)),
                    word_positions=positions[first_word:last_word] - first + len(head),
                    word_starts=words[first_word:last_word, 0],
                    word_ends=words[first_word:last_word, 1],
                    core=(core_words[0] - first_word, core_words[1] - first_word),
                )
            )
        return windows


def case_of(word: str) -> Case:
    """How a word is written."""
    if word.islower():
        return Case.LOWER
    if word.isupper():
        return Case.UPPER if len(word) > 1 else Case.CAPITALISED
    if word[:1].isupper():
        return Case.CAPITALISED
    return Case.OTHER


def label_window(
    window: Window,
    events: Sequence[Event],
    scheme: LabelScheme,
    *,
    arguments: Sequence[Argument] = (),
    layers: LearnedLayers = ALL_LAYERS,
    offset: int = 0,
) -> WindowLabels:
    """The labels of the events whose triggers stand in the window, and of the arguments without an event.

    Args:
        window: The window of a text.
        events: Gold events of the document.
        scheme: The label sets.
        arguments: Gold arguments of the document that belong to no event.
        layers: What the labels are taken from.
        offset: Offset of the window's text in the document.

    Raises:
        KeyError: An event's code begins with none of the scheme's roots.
    """
    tags = np.zeros(len(window.word_starts), dtype=np.int64)
    unlinked_tags, lost = _label_unlinked(window, arguments, scheme, offset)
    triggers = []
    for event in events:
        words = _words_of(window, event.trigger.start - offset, event.trigger.end - offset)
        if words is None:
            continue
        root = scheme.root_index[scheme.root_of(event.code)]
        lost += not _tag(tags, words, root)
        roles, roles_lost = _label_roles(window, event, scheme, layers, offset)
        lost += roles_lost
        triggers.append(
            TriggerLabels(
                first=words[0],
                last=words[1] - 1,
                code=scheme.code_index.get(event.code, IGNORED),
                status=scheme.statuses.index(event.status) if layers.statuses else IGNORED,
                roles=roles,
            )
        )
    # A document that marks arguments alone does not say that there is no event.
    if not layers.triggers or (arguments and not events):
        tags[:] = IGNORED
    if not layers.unlinked:
        unlinked_tags[:] = IGNORED
    return WindowLabels(trigger_tags=tags, unlinked_tags=unlinked_tags, triggers=tuple(triggers), lost=lost)


def _label_unlinked(
    window: Window, arguments: Sequence[Argument], scheme: LabelScheme, offset: int
) -> tuple[IntArray, int]:
    tags = np.zeros(len(window.word_starts), dtype=np.int64)
    lost = 0
    for argument in arguments:
        words = _words_of(window, argument.start - offset, argument.end - offset)
        if words is not None and argument.role in scheme.unlinked_roles:
            lost += not _tag(tags, words, scheme.unlinked_roles.index(argument.role))
    return tags, lost


def _label_roles(
    window: Window, event: Event, scheme: LabelScheme, layers: LearnedLayers, offset: int
) -> tuple[IntArray, int]:
    tags = np.zeros((len(scheme.role_groups), len(window.word_starts)), dtype=np.int64)
    lost = 0
    learned = layers.role_groups or (True,) * len(scheme.role_groups)
    for row, group, is_learned in zip(tags, scheme.role_groups, learned, strict=True):
        for role, span in event.arguments():
            words = _words_of(window, span.start - offset, span.end - offset) if role in group else None
            if words is not None:
                lost += not _tag(row, words, group.index(role))
        if not is_learned:
            row[:] = IGNORED
    return tags, lost


def _tag(tags: IntArray, words: tuple[int, int], label: int) -> bool:
    """Write a span's BIO tags; False, with nothing written, where another span stands already."""
    first, last = words
    if tags[first:last].any():
        return False
    tags[first:last] = 2 + 2 * label
    tags[first] = 1 + 2 * label
    return True


def _words_of(window: Window, start: int, end: int) -> tuple[int, int] | None:
    """First word and the word behind the last that a span touches, or None where the window does not hold it."""
    first = int(np.searchsorted(window.word_ends, start, side="right"))
    last = int(np.searchsorted(window.word_starts, end, side="left"))
    if first >= last or start < window.word_starts[0] or end > window.word_ends[-1]:
        return None
    return first, last


def _is_of_bert(tokenizer: Tokenizer) -> bool:
    """Whether the tokenizer cuts texts at white space and punctuation first, then each word by itself."""
    parts = tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.model
    return all(map(isinstance, parts, (BertNormalizer, BertPreTokenizer, WordPiece)))


def _special_tokens(tokenizer: Tokenizer) -> tuple[IntArray, IntArray]:
    """The special tokens that the tokenizer puts before and behind a text."""
    bare = tokenizer.encode("a", add_special_tokens=False).ids
    framed = tokenizer.encode("a").ids
    start = next((i for i in range(len(framed)) if framed[i : i + len(bare)] == bare), 0)
    return np.array(framed[:start], dtype=np.int64), np.array(framed[start + len(bare) :], dtype=np.int64)


def _window_borders(pieces: int, room: int, overlap: int) -> list[tuple[int, int, tuple[int, int]]]:
    """First piece, piece behind the last, and core of each window; the cores tile the text."""
    if pieces <= room:
        return [(0, pieces, (0, pieces))]
    firsts = list(range(0, pieces - overlap, room - overlap))
    lasts = [min(first + room, pieces) for first in firsts]
    cuts = [0, *(first + overlap // 2 for first in firsts[1:]), pieces]
    return [(first, last, (begin, end)) for first, last, begin, end in zip(firsts, lasts, cuts, cuts[1:], strict=False)]


def pad_windows(windows: Sequence[Window], pad_id: int) -> dict[str, NDArray[np.generic]]:
    """A batch of windows as arrays.

    Args:
        windows: The windows.
        pad_id: The tokenizer's padding piece.

    Returns:
        `input_ids`, `attention_mask`, `token_cases`, each (windows, pieces); `word_positions` and `word_mask`, each
        (windows, words). Padding words point at the first piece.
    """
    pieces = [np.ones(len(window), dtype=np.int64) for window in windows]
    words = [np.ones(len(window.word_starts), dtype=np.int64) for window in windows]
    return {
        "input_ids": pad([window.token_ids for window in windows], pad_id),
        "attention_mask": pad(pieces, 0),
        "token_cases": pad([window.token_cases for window in windows], Case.OTHER),
        "word_positions": pad([window.word_positions for window in windows], 0),
        "word_mask": pad(words, 0).astype(bool),
    }


def pad(rows: Sequence[IntArray], filler: int) -> IntArray:
    """Rows of different lengths as one array; (rows, longest)."""
    array = np.full((len(rows), max(map(len, rows), default=0)), filler, dtype=np.int64)
    for line, row in zip(array, rows, strict=True):
        line[: len(row)] = row
    return array
