from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_encoder import seed_documents, word_piece_tokenizer
from tokenizers import Tokenizer, models, pre_tokenizers

from geoevents.encoding import (
    IGNORED,
    WORD,
    Case,
    LabelScheme,
    TextEncoder,
    Window,
    case_of,
    label_window,
    pad_windows,
)
from geoevents.events import STATUSES, Document
from geoevents.markup import parse_record
from geoevents.runtime import TOKENIZER_FILE, model_directory

COMMON = "Iran met Putin Xi praised said"
TOKENIZER = word_piece_tokenizer([COMMON, *(document.text for document in seed_documents(count=100))])
SHIPPED = Tokenizer.from_file(str(model_directory("default") / TOKENIZER_FILE))
SCHEME = LabelScheme(
    roots=("03", "04", "05"),
    codes=("036", "040", "042", "051"),
    statuses=STATUSES,
    role_groups=(("source", "target"), ("place",), ("time",)),
)
UNUSUAL = {
    "combining accents": "Pre\u0301sident Bogota\u0301 met",
    "accent without a letter": "\u0301 met \u0302\u0303 left",
    "Arabic with vowel signs": "هَاجَمَتْ إسرائيل غزة.",
    "Chinese": "北京说,莫斯科回答。",
    "Hangul": "한국 대통령이 방문했다",
    "family emoji": "👩‍👩‍👧 met 🇫🇷",
    "letters that grow in lower case": "İSTANBUL STRASSE ẞ ﬁne",
    "signs that stick to words": "€5m ™Apple ±3° N/A",
    "soft hyphen and direction marks": "co\u00adop \u200fאיראן\u200e left",
    "zero-width space alone between words": "met \u200b \u200b Xi",
    "astral letters": "𝔓𝔲𝔱𝔦𝔫 met 𠀀𠀁",
    "underscores": "_x_ y__ @user_name #tag",
    "no letters": "… — ?! 123,456.7",
}


def words(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in WORD.finditer(text)]


def core_words(windows: list[Window]) -> list[tuple[int, int]]:
    """The words of the windows' cores."""
    return [
        (int(start), int(end))
        for window in windows
        for start, end in zip(
            window.word_starts[slice(*window.core)], window.word_ends[slice(*window.core)], strict=True
        )
    ]


def windows_of(text: str, *, max_pieces: int = 256, overlap: int = 64) -> list[Window]:
    (windows,) = TextEncoder(TOKENIZER, max_pieces=max_pieces, overlap=overlap).encode([text])
    return windows


def document(markup: str) -> Document:
    return parse_record(markup, document_id="x")


def pieces(window: Window) -> list[str | None]:
    return [TOKENIZER.id_to_token(int(piece)) for piece in window.token_ids]


def test_pieces_of_usual_texts_are_the_tokenizers() -> None:
    texts = [document.text for document in seed_documents(count=300)]
    for text, (window,) in zip(texts, TextEncoder(SHIPPED).encode(texts), strict=True):
        encoding = SHIPPED.encode(text)
        assert window.token_ids.tolist() == encoding.ids, text
        piece_starts = [encoding.offsets[position][0] for position in window.word_positions]
        assert piece_starts == window.word_starts.tolist()


WESTERN = st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_categories=["Cc", "Cf", "Zs"])


@settings(max_examples=500, deadline=None)
@example("He wrote [SEP] and [MASK]ed it")
@given(st.text(WESTERN, max_size=40))
def test_pieces_of_any_western_text_are_the_tokenizers(text: str) -> None:
    (windows,) = TextEncoder(SHIPPED).encode([text])
    pieces = [piece for window in windows for piece in window.token_ids]
    assert pieces == (SHIPPED.encode(text).ids if windows else [])


def test_short_text_is_one_window_whose_words_begin_at_their_pieces() -> None:
    (window,) = windows_of("Iran, met Zq-17.")
    assert pieces(window) == ["[CLS]", "iran", ",", "met", "z", "##q", "-", "1", "##7", ".", "[SEP]"]
    assert [pieces(window)[position] for position in window.word_positions] == ["iran", ",", "met", "z", "-", "1", "."]
    assert list(zip(window.word_starts, window.word_ends, strict=True)) == words("Iran, met Zq-17.")
    assert window.core == (0, 7)
    assert len(window) == 11


def test_texts_of_a_batch_are_encoded_as_if_alone() -> None:
    texts = ["Iran met Russia.", "", "Putin left " * 40]
    batch = TextEncoder(TOKENIZER, max_pieces=32, overlap=8).encode(texts)
    assert [len(windows) for windows in batch] == [len(windows_of(text, max_pieces=32, overlap=8)) for text in texts]
    assert batch[1] == []


@pytest.mark.parametrize("text", ["", "  \n\t ", "\u200b", "\u200b \u0301"])
def test_text_without_words_has_no_window(text: str) -> None:
    assert windows_of(text) == []


def test_cores_of_a_long_text_tile_it() -> None:
    text = " ".join(document.text for document in seed_documents(count=8))
    windows = windows_of(text, max_pieces=64, overlap=24)
    assert len(windows) > 5
    assert core_words(windows) == words(text)
    assert all(len(window) <= 64 for window in windows)
    assert all(len(window) == 64 for window in windows[:-1])


def test_core_words_have_context_on_both_sides() -> None:
    windows = windows_of("Putin met Xi. " * 60, max_pieces=64, overlap=24)
    for window in windows[1:]:
        assert window.word_positions[window.core[0]] - window.word_positions[0] == 12
    for window in windows[:-1]:
        assert window.word_positions[-1] - window.word_positions[window.core[1] - 1] == 12


def test_neighbouring_windows_share_their_overlap() -> None:
    first, second, *_ = windows_of("Putin met Xi. " * 60, max_pieces=64, overlap=24)
    assert first.token_ids[-1 - 24 : -1].tolist() == second.token_ids[1 : 1 + 24].tolist()


def test_window_that_just_holds_the_text_is_alone() -> None:
    text = "Putin met Xi. " * 5
    needed = len(windows_of(text)[0])
    assert len(windows_of(text, max_pieces=needed, overlap=8)) == 1
    assert len(windows_of(text, max_pieces=needed - 1, overlap=8)) == 2


@pytest.mark.parametrize(("max_pieces", "overlap"), [(64, 62), (64, -1), (2, 0)])
def test_impossible_overlap_is_refused(max_pieces: int, overlap: int) -> None:
    with pytest.raises(
        ValueError, match=rf"{max_pieces} pieces cannot overlap by {overlap}: {max_pieces - 2} is the l"
    ):
        TextEncoder(TOKENIZER, max_pieces=max_pieces, overlap=overlap)


@pytest.mark.parametrize("text", UNUSUAL.values(), ids=UNUSUAL.keys())
@pytest.mark.parametrize("max_pieces", [8, 256])
def test_unusual_characters_keep_their_words(text: str, max_pieces: int) -> None:
    windows = windows_of(text, max_pieces=max_pieces, overlap=2)
    assert core_words(windows) == words(text)


def test_combining_accent_stays_in_its_word() -> None:
    text = "Pre\u0301sident"
    assert words(text) == [(0, len(text))]


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.text("aZé\u0301\u200b한€.-_ \n👧", max_size=60),
    st.integers(5, 20),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_every_word_stands_in_exactly_one_core(text: str, max_pieces: int, data: st.DataObject) -> None:
    windows = windows_of(text, max_pieces=max_pieces, overlap=data.draw(st.integers(0, max_pieces - 3)))
    assert core_words(windows) == (words(text) if windows else [])
    for window in windows:
        assert (window.word_starts >= 0).all()
        assert (window.word_starts < window.word_ends).all()
        assert (window.word_ends[:-1] <= window.word_starts[1:]).all()
        assert (window.word_ends <= len(text)).all()
        assert (np.diff(window.word_positions) >= 0).all()
        assert (window.word_positions > 0).all()
        assert (window.word_positions < len(window) - 1).all()
        assert window.token_ids.shape == window.token_cases.shape
        assert len(window) <= max_pieces


CASES = {
    "iran": Case.LOWER,
    "Iran": Case.CAPITALISED,
    "McGregor": Case.CAPITALISED,
    "NATO": Case.UPPER,
    "G7": Case.UPPER,
    "A": Case.CAPITALISED,
    "iPhone": Case.OTHER,
    "1990s": Case.LOWER,
    "122": Case.OTHER,
    "北京": Case.OTHER,
    ".": Case.OTHER,
}


@pytest.mark.parametrize(("word", "case"), CASES.items(), ids=CASES.keys())
def test_case_of_a_word(word: str, case: Case) -> None:
    assert case_of(word) is case


def test_all_pieces_of_a_word_carry_its_case() -> None:
    (window,) = windows_of("ZQXK said Zqxk")
    assert window.token_cases.tolist() == [
        Case.OTHER,
        *[Case.UPPER] * 4,
        Case.LOWER,
        *[Case.CAPITALISED] * 4,
        Case.OTHER,
    ]


def test_pieces_that_begin_with_a_space_carry_the_case_of_their_own_word() -> None:
    vocabulary = [("<unk>", -10.0), *((piece, -1.0) for piece in ("▁NATO", "▁said", "▁Iran", "▁left", "."))]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    ((window,),) = TextEncoder(tokenizer).encode(["NATO said Iran left."])
    expected = [Case.UPPER, Case.LOWER, Case.CAPITALISED, Case.LOWER, Case.OTHER]
    assert window.token_cases.tolist() == expected
    assert window.word_positions.tolist() == [0, 1, 2, 3, 4]


def test_labels_follow_the_events() -> None:
    gold = document("[[Iran|a1]] may [[hold talks|036 s=a1 t=a2 d=d1 hyp]] with [[Xi Jinping|a2]] [[on Monday|d1]]")
    labels = label_window(windows_of(gold.text)[0], gold.events, SCHEME)
    # Iran may hold talks with Xi Jinping on Monday; O 0, B of label n 1 + 2n, I 2 + 2n
    assert labels.trigger_tags.tolist() == [0, 0, 1, 2, 0, 0, 0, 0, 0]
    (trigger,) = labels.triggers
    assert (trigger.first, trigger.last) == (2, 3)
    assert SCHEME.codes[trigger.code] == "036"
    assert SCHEME.statuses[trigger.status] == "hypothetical"
    assert trigger.roles.tolist() == [
        [1, 0, 0, 0, 0, 3, 4, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 1, 2],
    ]
    assert labels.lost == 0


def test_visited_capital_is_target_and_place() -> None:
    gold = document("[[Raisi|a1]] [[visited|042 s=a1 t=a2 l=a2]] [[Moscow|a2]]")
    labels = label_window(windows_of(gold.text)[0], gold.events, SCHEME)
    assert labels.triggers[0].roles.tolist() == [[1, 0, 3], [0, 0, 1], [0, 0, 0]]
    assert labels.lost == 0


def test_each_event_has_roles_of_its_own() -> None:
    gold = document("[[Iran|a1]] [[praised|051 s=a1 t=a2]] [[Iraq|a2]], which [[visited|042 s=a2 t=a1]] it")
    labels = label_window(windows_of(gold.text)[0], gold.events, SCHEME)
    assert labels.trigger_tags.tolist() == [0, 5, 0, 0, 0, 3, 0]
    assert [trigger.roles[0].tolist() for trigger in labels.triggers] == [[1, 0, 3, 0, 0, 0, 0], [3, 0, 1, 0, 0, 0, 0]]


def test_second_role_of_one_layer_is_counted_as_lost() -> None:
    gold = document("[[Iran and Iraq|a1]] [[met|040 s=a1 t=a1]]")
    labels = label_window(windows_of(gold.text)[0], gold.events, SCHEME)
    assert labels.triggers[0].roles[0].tolist() == [1, 2, 2, 0]
    assert labels.lost == 1


def test_second_event_of_a_trigger_keeps_its_roles_and_counts_as_lost() -> None:
    gold = document("[[Iran|a1]] [[met|040 s=a1 t=a2]] [[Iraq|a2]]")
    other = document("[[Iran|a1]] [[met|051 s=a2 t=a1]] [[Iraq|a2]]")
    labels = label_window(windows_of(gold.text)[0], [*gold.events, *other.events], SCHEME)
    assert labels.trigger_tags.tolist() == [0, 3, 0]
    assert [trigger.roles[0].tolist() for trigger in labels.triggers] == [[1, 0, 3], [3, 0, 1]]
    assert labels.lost == 1


def test_span_inside_a_word_takes_the_whole_word() -> None:
    gold = document("[[US|a1]]led troops [[met|040 s=a1]]")
    labels = label_window(windows_of(gold.text)[0], gold.events, SCHEME)
    assert labels.triggers[0].roles[0].tolist() == [1, 0, 0]


def test_events_of_a_long_text_are_labelled_where_they_stand() -> None:
    gold = document("[[Iran|a1]] waited" + " for weeks" * 40 + " and [[met|040 s=a1 t=a2]] [[Xi|a2]]")
    windows = windows_of(gold.text, max_pieces=32, overlap=8)
    labels = [label_window(window, gold.events, SCHEME) for window in windows]
    assert [len(of_window.triggers) for of_window in labels] == [0] * (len(windows) - 1) + [1]
    assert not any(of_window.trigger_tags.any() for of_window in labels[:-1])
    last = labels[-1]
    assert np.flatnonzero(last.trigger_tags).tolist() == [last.triggers[0].first]
    # The source stands in the first window, the target here.
    assert last.triggers[0].roles[0].tolist() == [0] * (last.triggers[0].first + 1) + [3]
    assert last.lost == 0


def test_labels_of_a_sentence_count_from_its_offset() -> None:
    gold = document("It rained. [[Iran|a1]] [[met|040 s=a1]] nobody")
    (window,) = windows_of(gold.text[11:])
    labels = label_window(window, gold.events, SCHEME, offset=11)
    assert labels.trigger_tags.tolist() == [0, 3, 0]
    assert labels.triggers[0].roles[0].tolist() == [1, 0, 0]


def test_code_outside_the_scheme_is_no_label_but_its_root_is() -> None:
    gold = document("[[Iran|a1]] [[met|046 s=a1]]")
    labels = label_window(windows_of(gold.text)[0], gold.events, SCHEME)
    assert labels.trigger_tags.tolist() == [0, 3]
    assert labels.triggers[0].code == IGNORED


def test_code_of_an_unknown_root_is_an_error() -> None:
    gold = document("[[Iran|a1]] [[bombed|195 s=a1]] it")
    with pytest.raises(KeyError, match="'195' begins with none of the model's roots"):
        label_window(windows_of(gold.text)[0], gold.events, SCHEME)


def test_scheme_counts_and_finds_its_labels() -> None:
    assert SCHEME.trigger_tags == 7
    assert SCHEME.role_tags == (5, 3, 3)
    assert SCHEME.root_index == {"03": 0, "04": 1, "05": 2}
    assert SCHEME.code_index["042"] == 2
    assert SCHEME.code_roots.tolist() == [0, 1, 1, 2]


def test_longest_root_wins() -> None:
    own = LabelScheme(roots=("Attack", "Attack.Air"), codes=("Attack.Air.Drone", "Attack"), statuses=(), role_groups=())
    assert own.root_of("Attack.Air.Drone") == "Attack.Air"
    assert own.root_of("Attack.Land") == "Attack"
    assert own.code_roots.tolist() == [1, 0]


def test_batch_is_padded_to_its_longest_window() -> None:
    (short,), (long,) = TextEncoder(TOKENIZER).encode(["Iran met", "Zqxk praised Iran."])
    batch = pad_windows([short, long], 9)
    assert {name: array.shape for name, array in batch.items()} == {
        "input_ids": (2, 9),
        "attention_mask": (2, 9),
        "token_cases": (2, 9),
        "word_positions": (2, 4),
        "word_mask": (2, 4),
    }
    assert batch["input_ids"][0].tolist() == [*short.token_ids, 9, 9, 9, 9, 9]
    assert batch["attention_mask"].sum(1).tolist() == [4, 9]
    assert batch["word_mask"].tolist() == [[True, True, False, False], [True] * 4]
    assert batch["word_positions"].tolist() == [[1, 2, 0, 0], [1, 5, 6, 7]]
    assert batch["token_cases"][0].tolist() == [Case.OTHER, Case.CAPITALISED, Case.LOWER, *[Case.OTHER] * 6]
