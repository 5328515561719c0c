from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import geoevents
from geoevents import rendering
from geoevents.corpora import read_corpus
from geoevents.events import Actor, Argument, Document, Event, Place, Span, Time
from geoevents.markup import parse_record

SEEDS = Path(__file__).parents[1] / "seeds"
_VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Reads HTML as a browser would: the running texts without labels, and what each element says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.pieces: list[tuple[str, str]] = []
        self.cells: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        classes = dict(attrs).get("class") or ""
        if tag not in _VOID:
            self.open.append((tag, classes))
        if classes == "ge-text":
            self.texts.append("")
        if tag == "td":
            self.cells.append("")
        if "ge-m" in classes.split():
            self.pieces.append((classes, ""))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        classes = [name for _, names in self.open for name in names.split()]
        if "ge-text" in classes and "ge-l" not in classes:
            self.texts[-1] += data
        if "ge-m" in classes:
            self.pieces[-1] = self.pieces[-1][0], self.pieces[-1][1] + ("|" if "ge-l" in classes else "") + data
        if any(tag == "td" for tag, _ in self.open):
            self.cells[-1] += data


def test_texts_are_whole_and_elements_closed():
    documents = read_corpus([SEEDS / "seed_article.evt", SEEDS / "dev.evt"])
    assert Reader(geoevents.render(documents)).texts == [document.text for document in documents]


def test_markup_in_texts_shows_as_text():
    evil = "<script>alert('x')</script> & \"Iran\""
    document = parse_record(f"[[{evil}|a1]] [[met|040 s=a1]] it", document_id="<b>&", path=None)
    html = geoevents.render(document, page=True)
    assert "<script" not in html
    assert "<b>" not in html
    reader = Reader(html)
    assert reader.texts == [document.text]
    assert evil in reader.cells


def test_what_html_cannot_hold_is_replaced():
    html = geoevents.render(Document("x", "a\x00b\ud800c\td"))
    assert Reader(html).texts == ["a\ufffdb\ufffdc\td"]
    html.encode("utf-8")


def test_marks_carry_label_and_event():
    record = "[[Iran|a1]] [[hit|190 s=a1 t=a2 l=a2 neg]] [[Iraq|a2]], [[condemned|111 s=a2 t=a1]]"
    pieces = Reader(geoevents.render(parse_record(record, document_id="x"))).pieces
    assert [text for _, text in pieces] == [
        "Iran|source|target",
        "hit|190 negated",
        "Iraq|target|place|source",
        "condemned|111",
    ]
    assert "ge-q4 ge-e0 ge-key ge-k0" in pieces[1][0]
    assert {"ge-e0", "ge-e1"} <= set(pieces[0][0].split())


def test_stretch_of_several_roles_has_a_stripe_for_each_and_no_style_attribute():
    html = geoevents.render(parse_record("[[Iran|a1]] [[met|040 s=a1 t=a2 l=a2]] in [[Vienna|a2]]", document_id="x"))
    [(classes, _)] = [piece for piece in Reader(html).pieces if piece[1].startswith("Vienna")]
    [stripes] = [name for name in classes.split() if "stripes" in name]
    assert f".{stripes}{{background:linear-gradient(90deg,var(--ge-target) 0% 50%,var(--ge-place) 50% 100%)}}" in html
    assert "style=" not in html


def test_overlapping_spans_nest_without_losing_text():
    text = "US air strike on Iran"
    event = Event("1", "x", 0, "195", "19", "Raid", 4, -10.0, None, "asserted", 0.5, Span("air strike", 3, 13))
    wide = Actor("US air strike", 0, 13)
    event = geoevents.Event.from_dict(event.to_dict() | {"sources": [wide.to_dict()]})
    reader = Reader(geoevents.render(Document("x", text, events=(event,))))
    assert reader.texts == [text]
    assert [piece for _, piece in reader.pieces] == ["US ", "air strike|source|195"]


def test_table_says_what_was_found():
    event = Event(
        id="1",
        document="x",
        sentence=0,
        code="Visit",
        root="Visit",
        name="Visit",
        quad_class=None,
        goldstein=None,
        plover=None,
        status="hypothetical",
        score=0.876,
        trigger=Span("visits", 3, 9),
        sources=(Actor("He", 0, 2, "IRNGOV", resolved_from=Span("Ebrahim Raisi", 20, 33)),),
        places=(Place("Oslo", 10, 14, "NOR", "Oslo"),),
        times=(Time("today", 15, 20, "2022-01-19", "day"),),
    )
    document = Document("x", "He visits Oslo today; Ebrahim Raisi", events=(event,))
    assert Reader(geoevents.render(document)).cells == [
        "Visit",
        "“visits”",
        "He Ebrahim Raisi IRNGOV",
        "",
        "Oslo NOR",
        "today 2022-01-19",
        "hypothetical",
        "0.88",
        "",
    ]


def test_documents_without_events():
    loose = Document("x", "Iran met.", arguments=(Argument("Iran", 0, 4, "source"), Argument("met", 5, 8, "related")))
    reader = Reader(geoevents.render([loose, Document("y", "")]))
    assert [piece for _, piece in reader.pieces] == ["Iran|source", "met|related"]
    assert reader.texts == ["Iran met.", ""]
    assert "No documents" in geoevents.render([])


def test_every_event_can_be_chosen():
    documents = read_corpus(SEEDS / "seed_article.evt")
    html = geoevents.render(documents)
    most = max(len(document.events) for document in documents)
    assert {int(number) for number in re.findall(r"has\(\.ge-k(\d+):hover\)", html)} == set(range(most))


def test_notebooks_show_it_and_pages_are_whole():
    document = parse_record("They [[met|040]]", document_id="x")
    html = geoevents.render(document)
    assert html._repr_html_() == html
    assert repr(html) == f"<Html: {len(html)} characters>"
    assert html.startswith("<div")
    page = geoevents.render(document, page=True)
    assert page.startswith("<!DOCTYPE html>")
    assert '<meta charset="utf-8">' in page


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [rendering._LIGHT, rendering._DARK], ids=["light", "dark"])
def test_colours_can_be_read(theme):
    for name, pair in theme.items():
        dark, light = sorted(map(luminance, pair))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name
