from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoevents.sentences import MAX_SENTENCE, split_sentences
from geoevents.text import normalise

LEFT = "He left."

CASES = {
    "country": ["The U.S. Army and the U.N. met in Washington, D.C. today.", LEFT],
    "country ends the sentence": ["They met in the U.S.", "The talks failed."],
    "country and office": ["Wearing a parka, U.S. Interior Secretary Dana Hill arrived.", LEFT],
    "ranks": ["Lt. Col. John Smith met Maj. Gen. Khalifa Haftar and Sgt. Brown.", LEFT],
    "offices": ["Gov. Brown, Sen. Graham and Rep. Young met Mr. Xi.", "Mr. Xi left."],
    "title at the end of a wrapped line": ["They met Lt.\nGen. Ali Karimi.", LEFT],
    "time of day": ["It began at 10 a.m. Wednesday and ended at 9 p.m.", "The troops left."],
    "numbers": ["The No. 2 official met Art. 5 of No. 10 on Jan. 19.", "Prices rose 3.5 percent."],
    "initials": ["Mr. P.J. O'Neill met A. Q. Khan and J. D. Vance.", LEFT],
    "companies": ["Samsung Co. Ltd. and Apple Inc. signed.", LEFT],
    "quotes with the stop inside": ['He said: "We will not stop."', "“It is over.”", "Then he left."],
    "question in a quote": ['"Why?" asked Lavrov.', "“Stop!” he shouted.", LEFT],
    "brackets": ["The plan (which Iran rejected.) was signed.", "(Russia objected.)", "It ended."],
    "ellipsis": ["Talks ended ...", "The sides will meet again... in Geneva."],
    "dateline of an agency": ["GENEVA (AP) — The U.N. Security Council met.", LEFT],
    "dateline with a date": ["WASHINGTON, Jan. 5 (Xinhua) -- China and the U.S. signed a pact.", LEFT],
    "dateline with a stop": ["BAGHDAD. — The army attacked.", LEFT],
    "missing space": ["He left last year.", "Putin stayed in St.Petersburg near Example.com today."],
    "no-break space": ["Putin met\u00a0Xi.", LEFT],
    "Arabic": ["هاجمت إسرائيل غزة.", "وقالت مصر إنها سترد؟", "نعم."],
    "Hebrew": ["ישראל תקפה.", "מצרים הגיבה!"],
    "Chinese": ["北京说。", "莫斯科回答！", "好。"],
    "exclamations": ["Israel attacked Gaza!!", "Really?!", "Yes."],
}

LAYOUTS = {
    "headline": ("Iran and Russia sign pact\nThe presidents met on Wednesday. He left.", 3),
    "headline and a dateline of the same width": (
        "Turkish foreign minister visits Baghdad for talks on water dispute\nANKARA - The foreign minister left.",
        2,
    ),
    "paragraphs": ("Russia attacked\n\nUkraine replied", 2),
    "paragraph per line": ("Putin met Xi in the U.S.\nOfficials said so. " + "They met again in Moscow. " * 9, 11),
    "wrapped lines": (
        "The Iranian foreign minister met his Russian counterpart in Moscow on\n"
        "Wednesday to discuss the nuclear deal that both sides had signed with\n"
        "Western powers. Officials said the talks, held in\nThe Hague, were good.",
        2,
    ),
    "Windows line ends": ("Headline here\r\nPutin met Xi.\r\n\r\nHe left the\r\ncity.", 3),
    "bullets": ("- Iran attacked\n- Israel replied\n* Egypt left", 3),
    "enumeration": ("1. Iran attacked Israel.\n2. Israel replied.", 2),
    "HTML": ("<h1>Talks in Geneva</h1><p>Putin met <b>Xi</b>.</p>Then<br>He left &amp; slept.", 4),
}


@pytest.mark.parametrize("sentences", CASES.values(), ids=CASES.keys())
def test_sentences_end_where_a_reader_ends_them(sentences: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences(" ".join(sentences))] == sentences


@pytest.mark.parametrize(("text", "count"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_layout_ends_sentences(text: str, count: int) -> None:
    assert len(split_sentences(text)) == count


@pytest.mark.parametrize("text", ["", "  \n\t ", "\0\0", "\ufeff", "<p></p>"], ids=repr)
def test_text_without_content_has_no_sentence(text: str) -> None:
    assert split_sentences(text) == ()


def test_long_text_without_an_end_is_cut_at_white_space() -> None:
    text = "word " * 10_000
    sentences = split_sentences(text)
    assert all(len(sentence.text) <= MAX_SENTENCE for sentence in sentences)
    assert " ".join(sentence.text for sentence in sentences) == text.strip()


def test_entity_at_the_end_stays_whole() -> None:
    assert split_sentences("He said &quot;no.&quot; ")[0].text == "He said &quot;no.&quot;"


@pytest.mark.parametrize(
    "unit",
    ["He met Xi. ", "<a ", "U.S. ", "“ He said. ", "\0", " ", "\n", "(", '"', "&amp;", "Line\n", "?! a"],
    ids=repr,
)
def test_time_grows_linearly(unit: str) -> None:
    def seconds(characters: int) -> float:
        text = unit * (characters // len(unit))
        start = time.process_time()
        split_sentences(text)
        return time.process_time() - start

    seconds(1000)
    assert seconds(400_000) < 12 * seconds(100_000) + 0.1


CHARACTERS = " .?!\r\n\0\t\"'“”()<>&;-*•…\u00a0\u0085\u2028\u200f\ud800😀é؟。"
WORDS = ["U.S.", "Gen.", "He", "a", "1.", "<p>", "&amp;", "&#x1F600;", "שלום", "مصر", "AP) —"]
TEXTS = st.text() | st.lists(st.sampled_from([*CHARACTERS, *WORDS])).map("".join)


@settings(deadline=None, max_examples=500)
@given(TEXTS)
def test_offsets_are_exact_and_nothing_is_lost(text: str) -> None:
    sentences = split_sentences(text)
    seen = normalise(text)
    assert len(seen) == len(text)
    covered = 0
    for sentence in sentences:
        assert text[sentence.start : sentence.end] == sentence.text == sentence.text.strip()
        assert sentence.text and not seen[covered : sentence.start].strip()
        covered = sentence.end
    assert not seen[covered:].strip()
