"""`geoevents check`: the problems of annotated corpora, and what they hold."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from geoevents import ontology
from geoevents.cli import options
from geoevents.cli.labels import parse_roles, read_ontology
from geoevents.cli.messages import FAILED

if TYPE_CHECKING:
    from geoevents.corpora import Examination, Statistics

_BAR = 30


def check(
    corpus: options.CorpusFiles,
    source_format: options.CorpusFrom = None,
    ontology: options.OntologyFile = None,
    roles: options.RoleNames = None,
    as_json: options.AsJson = False,
) -> None:
    """Report every problem of annotated files with file and line, and what the files hold.

    The statistics count the documents that can be read.

    \b
    Examples:
      geoevents check seeds/*.evt
      geoevents check project-3.json --role Attacker=source
      geoevents check brat-directory --ontology types.tsv --json

    \b
    Exit status:
      0 no problem, 1 problems, 2 wrong usage
    """
    from geoevents.corpora import examine_corpus, statistics

    labels = read_ontology(ontology)
    found = examine_corpus(corpus, format=source_format, ontology=labels, roles=parse_roles(roles or ()))
    counts = statistics(found.documents)
    if as_json:
        typer.echo(json.dumps(as_dict(found, counts), ensure_ascii=False))
    else:
        for problem in found.problems:
            typer.echo(str(problem))
        _print_statistics(counts)
    if found.problems:
        raise typer.Exit(FAILED)


def as_dict(found: Examination, counts: Statistics) -> dict[str, Any]:
    """Problems and statistics as plain JSON types."""
    problems = [{"file": str(problem.path), "line": problem.line, "cause": problem.cause} for problem in found.problems]
    return {"problems": problems, "statistics": counts.to_dict() | {"layers": list(counts.layers)}}


def summary_rows(counts: Statistics) -> Iterator[tuple[str, str]]:
    """The corpus's sizes as rows: name, value."""
    yield "documents", str(counts.documents)
    yield "without annotation", str(counts.empty)
    yield "words", str(counts.words)
    yield "events", str(counts.events)
    for name, number in (*counts.statuses.items(), *((f"{role}s", n) for role, n in counts.arguments.items())):
        yield f"  {name}", str(number)
    if counts.unlinked:
        yield "arguments without event", str(sum(counts.unlinked.values()))
        for role, number in counts.unlinked.items():
            yield f"  {role}", str(number)
    yield "can train", ", ".join(counts.layers) or "nothing"


def type_rows(counts: Statistics) -> Iterator[tuple[str, str, str]]:
    """The event types as rows: code, its name, number of events."""
    for code, number in counts.codes.items():
        yield code, ontology.lookup(code).name if ontology.is_valid(code) else "", str(number)


def _print_statistics(counts: Statistics) -> None:
    if sys.stdout.isatty():
        _print_tables(counts)
        return
    for name, value in summary_rows(counts):
        typer.echo(f"{name:<26}{value}")
    for code, name, number in type_rows(counts):
        typer.echo(f"{code:<26}{number:<8}{name}".rstrip())


def _print_tables(counts: Statistics) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    sizes = Table(box=SIMPLE_HEAD, show_header=False, pad_edge=False)
    sizes.add_column()
    sizes.add_column(justify="right")
    for row in summary_rows(counts):
        sizes.add_row(*row)
    types = Table("code", "name", box=SIMPLE_HEAD, pad_edge=False)
    types.add_column("events", justify="right")
    types.add_column("")
    most = max(counts.codes.values(), default=1)
    for code, name, number in type_rows(counts):
        types.add_row(code, name, number, "█" * max(1, round(_BAR * int(number) / most)))
    console = Console()
    console.print(sizes)
    if counts.codes:
        console.print(types)
