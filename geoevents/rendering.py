"""Documents as HTML: the text with its events marked, and a table of the events, in notebooks and as a page.

Triggers are filled by quad class, arguments tinted by role; every mark also says its code or role in words, so that
nothing hangs on colour. An event that is pointed at, clicked or reached with the tab key, in the text or in the table,
keeps its own marks while the others fade. This is done in CSS alone, which notebooks keep when they strip scripts.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from geoevents.events import ROLES, Actor, Document, Event, Place, Span, Time

QUAD_CLASSES = {
    1: "verbal cooperation",
    2: "material cooperation",
    3: "verbal conflict",
    4: "material conflict",
}
"""Names of the quad classes, as in GDELT's QuadClass field."""

# Marks of a theme: text and background. Every pair has a contrast of at least 4.5 (WCAG 2.1, AA).
_LIGHT = {
    "page": ("#1f2328", "#ffffff"),
    "note": ("#57606a", "#ffffff"),
    "source": ("#10243e", "#cfe3fb"),
    "target": ("#3d2304", "#fddfbd"),
    "place": ("#0e2f1c", "#cdeed9"),
    "time": ("#2b1747", "#e7dcf8"),
    "other": ("#24292f", "#e4e7eb"),
    "q1": ("#ffffff", "#287a5e"),
    "q2": ("#ffffff", "#14532d"),
    "q3": ("#ffffff", "#a84a06"),
    "q4": ("#ffffff", "#991b1b"),
    "q0": ("#ffffff", "#4b5563"),
}
_DARK = {
    "page": ("#e6edf3", "#161b22"),
    "note": ("#9da7b1", "#161b22"),
    "source": ("#dbeafe", "#1e3a5f"),
    "target": ("#ffe4c4", "#5c3a12"),
    "place": ("#d3f5df", "#1d4a30"),
    "time": ("#eee3ff", "#43306b"),
    "other": ("#e6edf3", "#3a424c"),
    "q1": ("#06281c", "#6fd3ae"),
    "q2": ("#052e16", "#4ade80"),
    "q3": ("#3b1a02", "#fdba74"),
    "q4": ("#450a0a", "#fca5a5"),
    "q0": ("#1f2328", "#c3cad2"),
}
_LINES = {"source": "solid", "target": "dashed", "place": "dotted", "time": "double"}

_CSS = """
.ge-root{font:15px/1.5 system-ui,sans-serif;color:var(--ge-page-text);background:var(--ge-page);padding:.75em 1em;
border-radius:6px;text-align:left}
.ge-doc+.ge-doc{margin-top:2em;padding-top:1em;border-top:1px solid var(--ge-other)}
.ge-head{font-size:.85em;color:var(--ge-note-text);margin:0 0 .25em}
.ge-text{line-height:2.1;white-space:pre-wrap;overflow-wrap:anywhere;max-width:80ch;margin:0}
.ge-m,.ge-c{padding:.2em .15em;border-radius:3px;-webkit-box-decoration-break:clone;box-decoration-break:clone;
text-underline-offset:.3em}
.ge-l{font-size:.68em;font-weight:600;letter-spacing:.02em;margin-left:.35em;white-space:nowrap;user-select:none}
.ge-key{cursor:pointer}.ge-mention{font-style:italic}
.ge-root .ge-legend{display:flex;flex-wrap:wrap;gap:.35em .7em;font-size:.8em;margin:0 0 .9em;padding:0;
list-style:none}
.ge-scroll{overflow-x:auto}
.ge-root table.ge-events{border-collapse:collapse;font-size:.82em;margin:.7em 0 0;color:inherit;background:none;
border:0}
.ge-root .ge-events :is(th,td){padding:.3em .8em .3em 0;text-align:left;vertical-align:top;border:0;
border-bottom:1px solid var(--ge-other);background:none;color:inherit;max-width:22em;white-space:normal}
.ge-root .ge-events tr{background:none}
.ge-root .ge-events th{font-weight:600;color:var(--ge-note-text)}
.ge-root .ge-events .ge-n{text-align:right;font-variant-numeric:tabular-nums}
.ge-events small{color:var(--ge-note-text);font-size:.92em}
.ge-events tbody tr:is(:hover,:focus){box-shadow:inset 3px 0 var(--ge-note-text)}
.ge-events tbody tr>:first-child{padding-left:.6em!important}
""".strip()


class Html(str):
    """HTML that a notebook shows as such."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Html: {len(self)} characters>"

    def _repr_html_(self) -> str:
        return str(self)


def render(documents: Document | Iterable[Document], *, page: bool = False) -> Html:
    """One document or several as HTML, with a legend; shown highlighted when it is the last value of a notebook cell.

    Example:
        >>> document = geoevents.load()("Iran and Russia signed a treaty in Moscow.")
        >>> Path("events.html").write_text(geoevents.render(document, page=True), encoding="utf-8")

    Args:
        documents: The documents. Texts are escaped: markup in them shows as text.
        page: Whether to give a whole HTML page rather than an element to embed.
    """
    shown = [documents] if isinstance(documents, Document) else list(documents)
    most = max((len(document.events) for document in shown), default=0)
    body = "".join(map(_document, shown)) or '<p class="ge-head">No documents.</p>'
    roles = _roles(shown)
    root = f'<div class="ge-root"><style>{_style(most, roles)}</style>{_legend(shown, roles)}{body}</div>'
    return Html(_page(root) if page else root)


def _page(root: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<title>geoevents</title>\n'
        "<style>body{max-width:75rem;margin:1.5rem auto;padding:0 1rem}</style>\n</head>\n"
        f"<body>\n{root}\n</body>\n</html>\n"
    )


def _style(events: int, roles: Sequence[str]) -> str:
    """The style sheet for documents of up to so many events with arguments of these roles."""
    light, dark = (".ge-root{" + _variables(theme) + "}" for theme in (_LIGHT, _DARK))
    # Notebooks say on an element around ours which theme they show, whatever the system prefers.
    return "\n".join(
        [
            light,
            f"@media (prefers-color-scheme:dark){{{dark}}}",
            f"[data-jp-theme-light=true] {light}",
            f":is([data-jp-theme-light=false],[data-theme=dark],.vscode-dark) {dark}",
            _CSS,
            *(f".ge-{name}{{color:var(--ge-{name}-text);background:var(--ge-{name})}}" for name in (*ROLES, "other")),
            *(
                f".ge-q{quad}{{color:var(--ge-q{quad}-text);background:var(--ge-q{quad});font-weight:600}}"
                for quad in range(5)
            ),
            *(f".ge-{role}{{text-decoration:underline {line} 1px}}" for role, line in _LINES.items()),
            ".ge-l{text-decoration:none}.ge-m.ge-key{display:inline-block;line-height:1.3}",
            *_stripe_styles(roles),
            *map(_event_style, range(events)),
        ]
    )


def _variables(theme: Mapping[str, tuple[str, str]]) -> str:
    return "".join(f"--ge-{name}:{back};--ge-{name}-text:{text};" for name, (text, back) in theme.items())


def _event_style(number: int) -> str:
    """What happens while an event is pointed at or, with nothing pointed at, has the focus."""
    active = f".ge-doc:is(:has(.ge-k{number}:hover),:not(:has(.ge-key:hover)):has(.ge-k{number}:focus))"
    others = f":not(.ge-e{number})"
    faded = "background:none!important;color:inherit;text-decoration-color:transparent;opacity:.7"
    return (
        f"{active} .ge-m{others}{{{faded}}}"
        f"{active} .ge-l{others}{{visibility:hidden}}"
        f"{active} .ge-m.ge-e{number}{{box-shadow:0 0 0 2px var(--ge-note-text)}}"
    )


def _stripe_styles(roles: Sequence[str]) -> Iterator[str]:
    """The backgrounds of stretches of several roles. Classes, since a strict content policy bars style attributes."""
    styles = list(dict.fromkeys(map(_role_style, roles)))
    for size in range(2, len(styles) + 1):
        for striped in combinations(styles, size):
            yield f".{_stripes(striped)}{{background:{_gradient(striped)}}}"


def _stripes(styles: Iterable[str]) -> str:
    """The class of a stretch of several roles, whatever their order."""
    return "ge-stripes-" + "-".join(sorted(style.removeprefix("ge-") for style in styles))


def _gradient(styles: Sequence[str]) -> str:
    """A background of equal parts, one for each role."""
    width = 100 / len(styles)
    stops = [f"var(--{style}) {width * i:.0f}% {width * (i + 1):.0f}%" for i, style in enumerate(styles)]
    return f"linear-gradient(90deg,{','.join(stops)})"


def _roles(documents: Sequence[Document]) -> list[str]:
    """The roles that occur: ours in their order, then those of corpora."""
    found: set[str] = {role for document in documents for event in document.events for role, _ in event.arguments()}
    found |= {argument.role for document in documents for argument in document.arguments}
    return [role for role in ROLES if role in found] + sorted(found - set(ROLES))


def _role_style(role: str) -> str:
    return f"ge-{role}" if role in ROLES else "ge-other"


def _legend(documents: Sequence[Document], roles: Sequence[str]) -> str:
    """What the colours that occur mean."""
    quads = sorted({event.quad_class or 0 for document in documents for event in document.events})
    chips = [(f"ge-q{quad}", QUAD_CLASSES.get(quad, "event")) for quad in quads]
    chips += [(_role_style(role), role) for role in roles]
    items = "".join(f'<li><span class="ge-c {name}">{_escape(text)}</span></li>' for name, text in chips)
    return f'<ul class="ge-legend" aria-label="Legend">{items}</ul>' if items else ""


def _document(document: Document) -> str:
    head = " · ".join(_escape(part) for part in (document.id, document.date) if part)
    nothing = "Arguments without an event." if document.arguments else "No events."
    table = _table(document) if document.events else f'<p class="ge-head">{nothing}</p>'
    return (
        f'<div class="ge-doc"><p class="ge-head">{head}</p>'
        f'<p class="ge-text" dir="auto">{"".join(_marked(document))}</p>{table}</div>'
    )


@dataclass(slots=True)
class _Mark:
    """A stretch of text with one meaning.

    Attributes:
        span: The stretch.
        role: "trigger", "mention" or the role of an argument.
        label: What to write behind it.
        style: The class that colours it.
        events: Numbers of the events that it belongs to.
    """

    span: Span
    role: str
    label: str
    style: str
    events: list[int] = field(default_factory=list)


def _marks(document: Document) -> list[_Mark]:
    """Everything marked in a document; equal marks of several events are one."""
    marks: dict[tuple[int, int, str, str], _Mark] = {}

    def add(span: Span, role: str, label: str, style: str, *events: int) -> None:
        key = (span.start, span.end, role, label)
        marks.setdefault(key, _Mark(span, role, label, style)).events.extend(events)

    for number, event in enumerate(document.events):
        style = f"ge-q{event.quad_class or 0}"
        status = "" if event.status == "asserted" else f" {event.status}"
        add(event.trigger, "trigger", f"{event.code}{status}", style, number)
        for mention in event.mentions:
            add(mention, "mention", event.code, style, number)
        for role, span in event.arguments():
            add(span, role, role, _role_style(role), number)
    for argument in document.arguments:
        add(argument, argument.role, argument.role, _role_style(argument.role))
    return list(marks.values())


def _marked(document: Document) -> Iterator[str]:
    """The text in pieces, cut wherever a mark begins or ends."""
    marks = sorted(_marks(document), key=lambda mark: (mark.span.start, mark.span.end))
    borders = sorted({0, len(document.text), *(edge for mark in marks for edge in (mark.span.start, mark.span.end))})
    open_marks: list[_Mark] = []
    waiting = 0
    for start, end in pairwise(borders):
        open_marks = [mark for mark in open_marks if mark.span.end > start]
        while waiting < len(marks) and marks[waiting].span.start <= start:
            open_marks.append(marks[waiting])
            waiting += 1
        text = _escape(document.text[start:end])
        yield _piece(text, open_marks, end) if open_marks else text


def _piece(text: str, marks: Sequence[_Mark], end: int) -> str:
    """A piece of text inside some marks, with the labels of those that end with it."""
    acts = [mark for mark in marks if mark.role in ("trigger", "mention")]
    classes = ["ge-m", (acts or marks)[0].style, *(_event_classes(mark) for mark in marks)]
    attributes = ""
    if acts:
        # One event is chosen by a trigger that serves several; the table chooses each.
        classes += ["ge-key", f"ge-k{acts[0].events[0]}", *(["ge-mention"] if acts[0].role == "mention" else [])]
        attributes = ' tabindex="0"'
    elif len(styles := {mark.style for mark in marks}) > 1:
        classes.append(_stripes(styles))
    labels = "".join(
        f'<span class="ge-l {_event_classes(mark)}">{_escape(mark.label)}</span>'
        for mark in marks
        if mark.span.end == end
    )
    return f'<span class="{" ".join(filter(None, classes))}"{attributes}>{text}{labels}</span>'


def _event_classes(mark: _Mark) -> str:
    return " ".join(f"ge-e{number}" for number in mark.events)


_HEADERS = ("code", "event", "who", "to whom", "where", "when", "status", "score", "Goldstein")


def _table(document: Document) -> str:
    """The events of a document, one a row."""
    head = "".join(f'<th scope="col"{_numeric(column)}>{column}</th>' for column in _HEADERS)
    rows = "".join(_row(number, event) for number, event in enumerate(document.events))
    return (
        f'<div class="ge-scroll"><table class="ge-events"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _numeric(column: str) -> str:
    return ' class="ge-n"' if column in ("score", "Goldstein") else ""


def _row(number: int, event: Event) -> str:
    name = "" if event.name == event.code else f"{_escape(event.name)} "
    when = "<br>".join(map(_time, event.times)) or (f"<small>{_escape(event.date)}</small>" if event.date else "")
    cells = (
        f'<span class="ge-c ge-q{event.quad_class or 0}">{_escape(event.code)}</span>',
        f"{name}<small>“{_escape(event.trigger.text)}”</small>",
        "<br>".join(map(_actor, event.sources)),
        "<br>".join(map(_actor, event.targets)),
        "<br>".join(map(_place, event.places)),
        when,
        event.status,
        f"{event.score:.2f}",
        "" if event.goldstein is None else f"{event.goldstein:+.1f}",
    )
    row = "".join(f"<td{_numeric(column)}>{cell}</td>" for column, cell in zip(_HEADERS, cells, strict=True))
    return f'<tr class="ge-key ge-k{number} ge-e{number}" tabindex="0">{row}</tr>'


def _actor(actor: Actor) -> str:
    antecedent = actor.resolved_from.text if actor.resolved_from else None
    return _with_notes(actor, antecedent, actor.code)


def _place(place: Place) -> str:
    name = None if place.name == place.text else place.name
    return _with_notes(place, name, place.country)


def _time(time: Time) -> str:
    return _with_notes(time, time.date)


def _with_notes(span: Span, *notes: str | None) -> str:
    """A span's text and, smaller, what was found out about it."""
    found = " ".join(note for note in notes if note)
    return f"{_escape(span.text)} <small>{_escape(found)}</small>" if found else _escape(span.text)


# Characters that HTML or UTF-8 cannot hold: controls other than tab and line ends, lone surrogates.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def _escape(text: str) -> str:
    return html.escape(_UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text))
