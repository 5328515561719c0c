"""Actor dictionaries of the user: this project's TSV, and the actor and agent dictionaries of PETRARCH.

The TSV has a header line with the columns `phrase` and `code` and, if wanted, `name`, `start` and `end`; `|` separates
several phrases, dates are YYYY, YYYY-MM or YYYY-MM-DD and belong to the term. A code that begins with `~` is the role
of a common noun ("ranger", ~GOV): the country comes from the text.

PETRARCH's files hold a phrase a line, words joined by `_`, with its codes in square brackets behind it or on lines of
their own, each with an optional date: `[IRNGOV 050803-130803]`, `[IRNELI >130803]`, `[IRNELI <050803]`. Lines that
begin with `+` are synonyms, `{…}` is a noun's plural, `!NAME! = A, B` defines words to insert, `#` starts a comment.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from geoevents.errors import DictionaryError
from geoevents.resolution.coding import ROLES
from geoevents.resolution.gazetteer import Entry, Gazetteer, Term, country_of, load_gazetteer
from geoevents.resolution.phrases import key_of

_YEARS = range(1900, 2101)
_CODE = re.compile(r"~?[A-Z]{3}(?:[A-Z]{3}){0,4}")
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_LIMITS = re.compile(
    r"(?P<code>[^\s<>]+)\s*(?:<\s*(?P<before>\d+)|>\s*(?P<after>\d+)|(?<=\s)(?P<first>\d+)\s*-\s*(?P<last>\d+))?"
)
# Codes that CAMEO's dictionaries use for countries that ISO 3166 files under another code.
_RENAMED = {"PAL": "PSE", "ROM": "ROU", "TMP": "TLS", "KSV": "XKX"}
_COLUMNS = ("phrase", "code", "name", "start", "end")


@dataclass(frozen=True, slots=True)
class Definition:
    """What a dictionary says about one actor or noun.

    Attributes:
        phrases: The phrases that name it.
        terms: Its codes with the dates between which they hold; a noun's code is a role.
        name: Canonical name.
        noun: Whether it is a common noun, whose country comes from the text.
        lines: Numbers of the lines in which the terms stand.
    """

    phrases: tuple[str, ...]
    terms: tuple[Term, ...]
    name: str
    noun: bool
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dictionary:
    """A dictionary as it was read.

    Attributes:
        definitions: The good ones, in the order of the file.
        problems: What was wrong, in the order of the file; empty unless it was read leniently.
    """

    definitions: tuple[Definition, ...]
    problems: tuple[DictionaryError, ...]


def read_dictionary(path: Path | str, *, lenient: bool = False) -> Dictionary:
    """Read a dictionary in one of the formats above; the format is told from the first line that is no comment.

    Args:
        path: The file, UTF-8.
        lenient: Leave out what is malformed and report it, instead of raising.

    Raises:
        DictionaryError: The file cannot be read; or, unless `lenient`, something in it is malformed: the error names
            the first such line, what stands there and what was expected, and how many more there are.
    """
    lines = _lines(Path(path))
    reader = _Tsv if _is_tsv(lines) else _Petrarch
    problems: list[DictionaryError] = []

    def report(line: int, cause: str) -> None:
        text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        problems.append(DictionaryError(f"{cause}; found {text!r}", path=path, line=line))

    definitions = tuple(_without_overlaps(reader(lines, report).definitions(), report))
    problems.sort(key=lambda problem: problem.line or 0)
    if problems and not lenient:
        more = (
            f" (further problems: {len(problems) - 1}; lenient reading leaves such lines out)" if problems[1:] else ""
        )
        raise DictionaryError(problems[0].cause + more, path=path, line=problems[0].line)
    return Dictionary(definitions, tuple(problems))


Report = Callable[[int, str], None]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DictionaryError(f"the dictionary cannot be read: {error.strerror or error}", path=path) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DictionaryError("the dictionary is not UTF-8; save it as UTF-8", path=path, line=line) from error


def _is_tsv(lines: Sequence[str]) -> bool:
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    return first.split("\t")[0].strip().lower() == "phrase"


class _MalformedError(ValueError):
    """Something in a line is malformed; the message says what was expected."""


class _Tsv:
    """Reads the project's own format."""

    def __init__(self, lines: Sequence[str], report: Report) -> None:
        self.lines = lines
        self.report = report

    def definitions(self) -> Iterator[Definition]:
        columns: list[str] = []
        for number, line in enumerate(self.lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                if columns:
                    yield self._definition(columns, line.split("\t"), number)
                else:
                    columns = _header(line)
            except _MalformedError as problem:
                self.report(number, str(problem))
                if not columns:
                    return

    def _definition(self, columns: Sequence[str], fields: Sequence[str], number: int) -> Definition:
        if len(fields) > len(columns):
            raise _MalformedError(f"expected at most {len(columns)} fields separated by tabs, got {len(fields)}")
        row = dict.fromkeys(_COLUMNS, "") | {key: value.strip() for key, value in zip(columns, fields, strict=False)}
        phrases = tuple(phrase.strip() for phrase in row["phrase"].split("|") if key_of(phrase))
        if not phrases:
            raise _MalformedError("expected a phrase in the first column")
        code = _checked_code(row["code"])
        term = Term(code.removeprefix("~"), _checked_date(row["start"]), _checked_date(row["end"]))
        _check_order(term)
        return Definition(phrases, (term,), row["name"] or phrases[0], code.startswith("~"), (number,))


def _header(line: str) -> list[str]:
    columns = [column.strip().lower() for column in line.split("\t")]
    unknown = [column for column in columns if column not in _COLUMNS]
    if unknown or "code" not in columns:
        raise _MalformedError(
            f"expected a header with the columns phrase and code, and maybe name, start, end, got {columns}"
        )
    return columns


@dataclass(slots=True)
class _Block:
    """The lines of a PETRARCH dictionary that belong to one phrase."""

    line: int
    phrases: list[str]
    plural: str | None = None
    terms: list[Term] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    faulty: bool = False


class _Petrarch:
    """Reads PETRARCH's actor and agent dictionaries."""

    def __init__(self, lines: Sequence[str], report: Report) -> None:
        self.lines = lines
        self.report = report
        self.sets: dict[str, list[str]] = {}

    def definitions(self) -> Iterator[Definition]:
        block: _Block | None = None
        for number, line in self._content():
            begins = line[0] not in "+[" and not re.match(r"!\w+!\s*=", line)
            if begins and block:
                yield from self._finished(block)
            block = _Block(number, []) if begins else block
            self._try_line(block, number, line)
        if block:
            yield from self._finished(block)

    def _try_line(self, block: _Block | None, number: int, line: str) -> None:
        try:
            if line.startswith("!") and "=" in line:
                self._define_set(line)
            elif block is None:
                raise _MalformedError("expected a phrase before a synonym (+) or a code")
            else:
                self._extend(block, number, line)
        except _MalformedError as problem:
            self.report(number, str(problem))
            if block:
                block.faulty = True

    def _content(self) -> Iterator[tuple[int, str]]:
        """The lines that say something, without comments."""
        inside = False
        for number, line in enumerate(self.lines, 1):
            inside = inside or line.lstrip().startswith("<!--")
            content = "" if inside else re.split(r"[#;]", line, maxsplit=1)[0].strip()
            inside = inside and "-->" not in line
            if content:
                yield number, content

    def _define_set(self, line: str) -> None:
        match = re.fullmatch(r"!(\w+)!\s*=\s*(.+)", line)
        if not match:
            raise _MalformedError("expected a set such as !PERSON! = MAN, WOMAN")
        self.sets[match[1].lower()] = [word.strip() for word in match[2].split(",") if word.strip()]

    def _extend(self, block: _Block, number: int, line: str) -> None:
        """Add a line's phrase, plural and codes to a block; what is well-formed before a problem stays."""
        head = re.split(r"[\[{]", line, maxsplit=1)[0].lstrip("+").strip()
        if head:
            block.phrases += self._expanded(_spaced(head))
        elif not line.startswith("["):
            raise _MalformedError("expected a phrase such as MAHMOUD_AHMADINEJAD")
        plural = re.search(r"\{([^{}]*)\}", line)
        if plural:
            block.plural = _spaced(plural[1])
        if line.count("[") != line.count("]"):
            raise _MalformedError("expected every code between [ and ]")
        for content in _BRACKET.findall(line):
            block.terms.append(_limited_term(content.strip()))
            block.lines.append(number)

    def _expanded(self, phrase: str) -> list[str]:
        match = re.search(r"!(\w+)!", phrase)
        if not match:
            return [phrase]
        if match[1] not in self.sets:
            raise _MalformedError(f"expected a line !{match[1]}! = … before its use")
        filled = [phrase.replace(match[0], word.lower(), 1) for word in self.sets[match[1]]]
        return [full for part in filled for full in self._expanded(part)]

    def _finished(self, block: _Block) -> Iterator[Definition]:
        if not block.terms or not block.phrases:
            if not block.faulty:
                self.report(block.line, "expected a code in square brackets behind the phrase or below it")
            return
        noun = block.terms[0].code.startswith("~")
        phrases = [phrase for phrase in block.phrases if key_of(phrase)]
        if noun:
            phrases += [_plural(phrase) for phrase in block.phrases] if block.plural is None else [block.plural]
        terms = tuple(_as_role(term) for term in block.terms)
        first = block.phrases[0]
        name = first.title() if len(first) > 3 else first.upper()
        yield Definition(tuple(phrase for phrase in phrases if phrase), terms, name, noun, tuple(block.lines))


def _as_role(term: Term) -> Term:
    """The term with its code as a noun's role, without the `~` that stands for the country."""
    return term._replace(code=term.code.replace("~", ""))


def _spaced(phrase: str) -> str:
    return " ".join(phrase.replace("_", " ").lower().split())


def _plural(noun: str) -> str:
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else noun + "s"


def _limited_term(content: str) -> Term:
    """The term of one bracket: a code, and maybe a date before, after or between which it holds."""
    match = _LIMITS.fullmatch(content)
    if not match:
        raise _MalformedError(
            "expected a code and maybe a date, such as [IRNGOV], [IRNGOV >130803], [IRNGOV 050803-130803]"
        )
    code = match["code"]
    code = "~" + code[:-1] if code.endswith("~") else code
    start = end = ""
    if match["before"]:
        end = (_six_digits(match["before"]) - datetime.timedelta(days=1)).isoformat()
    elif match["after"]:
        start = (_six_digits(match["after"]) + datetime.timedelta(days=1)).isoformat()
    elif match["first"]:
        start, end = _six_digits(match["first"]).isoformat(), _six_digits(match["last"]).isoformat()
    term = Term(_checked_code(code), start, end)
    _check_order(term)
    return term


def _six_digits(digits: str) -> datetime.date:
    """A date given as YYMMDD, read as 1950 to 2049, or as YYYYMMDD."""
    if len(digits) == 6:
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    if len(digits) != 8:
        raise _MalformedError(f"expected a date of six or eight digits (YYMMDD, YYYYMMDD), got {digits}")
    return _date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def _date(year: int, month: int, day: int) -> datetime.date:
    if year not in _YEARS:
        raise _MalformedError(f"the year {year} is out of range; expected {_YEARS.start} to {_YEARS.stop - 1}")
    try:
        return datetime.date(year, month, day)
    except ValueError as error:
        raise _MalformedError(f"{year:04}-{month:02}-{day:02} is no date ({error})") from error


def _checked_date(text: str) -> str:
    if not text:
        return ""
    match = _DATE.fullmatch(text)
    if not match:
        raise _MalformedError(f"expected a date as YYYY, YYYY-MM or YYYY-MM-DD, got {text!r}")
    _date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    return text


def _check_order(term: Term) -> None:
    if term.start and term.end and term.end[: len(term.start)] < term.start[: len(term.end)]:
        raise _MalformedError(f"expected a term that ends after it starts, got {term.start} to {term.end}")


def _checked_code(text: str) -> str:
    """A code, with today's code for a country that was renamed."""
    if not _CODE.fullmatch(text):
        raise _MalformedError(
            f"expected a code of three to fifteen capitals such as IRNGOV, or ~GOV for a noun, got {text!r}"
        )
    noun, code = text[:1] == "~", text.removeprefix("~")
    code = _RENAMED.get(code[:3], code[:3]) + code[3:]
    if not noun and code[:3] not in _first_parts():
        raise _MalformedError(
            f"{code[:3]} is neither a country code of ISO 3166 nor one of CAMEO's general codes such as IGO"
        )
    return "~" + code if noun else code


def _first_parts() -> frozenset[str]:
    """The three-letter codes with which an actor code may begin."""
    gazetteer = load_gazetteer()
    kinds = ("region", "group", "organisation")
    used = {term.code[:3] for _, entry in gazetteer.names_of_kind(kinds) for term in entry.terms}
    return frozenset(gazetteer.countries) | ROLES | used


def _without_overlaps(definitions: Iterator[Definition], report: Report) -> Iterator[Definition]:
    """The definitions whose terms do not overlap with earlier ones of the same phrase."""
    seen: dict[str, list[Term]] = {}
    for definition in definitions:
        earlier = seen.setdefault(key_of(definition.phrases[0]), [])
        kept: dict[Term, int] = {}
        for term, line in zip(definition.terms, definition.lines, strict=True):
            rival = next((other for other in earlier if _overlap(term, other)), None)
            if rival:
                report(line, f"{_shown(term)} overlaps with {_shown(rival)} of the same name")
            else:
                kept[term] = line
                earlier.append(term)
        if kept:
            yield replace(definition, terms=tuple(kept), lines=tuple(kept.values()))


def _overlap(one: Term, other: Term) -> bool:
    """Whether two terms contradict each other.

    A term without dates is the rule to which dated ones are the exceptions, and a term may begin in the day, month or
    year in which another ends.
    """
    dated = [bool(term.start or term.end) for term in (one, other)]
    if one.code == other.code or dated[0] != dated[1]:
        return False
    first, second = sorted((one, other), key=lambda term: term.start)
    if not second.start or not first.end:
        return True
    length = min(len(first.end), len(second.start))
    return second.start[:length] < first.end[:length]


def _shown(term: Term) -> str:
    return f"{term.code} {term.start or '…'} to {term.end or '…'}"


def extend(gazetteer: Gazetteer, dictionaries: Sequence[Dictionary]) -> Gazetteer:
    """A gazetteer with the definitions of dictionaries in place of its own for the same phrases.

    Where several dictionaries define a phrase, the later one wins.
    """
    extended = gazetteer.copy()
    for dictionary in dictionaries:
        merged: dict[tuple[str, bool], list[Definition]] = {}
        for definition in dictionary.definitions:
            merged.setdefault((key_of(definition.phrases[0]), definition.noun), []).append(definition)
        for (_, noun), definitions in merged.items():
            entry = _entry(definitions, noun=noun, countries=gazetteer.countries)
            for phrase in dict.fromkeys(phrase for definition in definitions for phrase in definition.phrases):
                extended.replace(phrase, entry)
    return extended


def _entry(definitions: Sequence[Definition], *, noun: bool, countries: Mapping[str, str]) -> Entry:
    terms = sorted((term for definition in definitions for term in definition.terms), key=lambda term: term.start)
    country = None if noun else country_of(terms[-1].code, countries)
    bare = not noun and all(term.code in countries for term in terms)
    kind = "role" if noun else "country" if bare else "user"
    return Entry(kind, definitions[0].name, country, tuple(terms), "user")
