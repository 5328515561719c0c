"""`geoevents convert`: an annotated corpus from one format into another."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from geoevents.cli import options
from geoevents.cli.messages import say
from geoevents.events import ROLES
from geoevents.ontology import Ontology


def convert(
    source: options.CorpusIn,
    target: options.CorpusOut,
    source_format: options.CorpusFrom = None,
    target_format: options.CorpusTo = None,
    ontology: options.OntologyFile = None,
    roles: options.RoleNames = None,
) -> None:
    """Convert an annotated corpus.

    Reads our markup (.evt) and JSON Lines, CoNLL/BIO, brat, spaCy JSON and DocBin, label-studio and doccano exports.
    Writes .evt, .jsonl (which loses nothing), CoNLL (.conll) and brat (a directory).

    \b
    Examples:
      geoevents convert project-3.json corpus.jsonl --role Attacker=source
      geoevents convert brat-directory corpus.evt
      geoevents convert seeds/dev.evt dev.conll
    """
    documents, events = convert_corpus(
        source,
        target,
        source_format=source_format,
        target_format=target_format,
        ontology=ontology,
        roles=parse_roles(roles or ()),
    )
    say(f"{target}: {documents} documents, {events} events")


def convert_corpus(
    source: Path,
    target: Path,
    *,
    source_format: str | None = None,
    target_format: str | None = None,
    ontology: Path | None = None,
    roles: dict[str, str] | None = None,
) -> tuple[int, int]:
    """Convert a corpus; the arguments are those of `read_corpus` and `write_corpus`.

    Returns:
        How many documents and events were written.

    Raises:
        CorpusError: A file is malformed or of unknown format, or the format to write cannot hold a document.
    """
    from geoevents.corpora import read_corpus, write_corpus

    labels = Ontology.read(ontology) if ontology else None
    documents = read_corpus(source, format=source_format, ontology=labels, roles=roles)
    write_corpus(documents, target, format=target_format, ontology=labels)
    return len(documents), sum(len(document.events) for document in documents)


def parse_roles(pairs: Iterable[str]) -> dict[str, str]:
    """What labels mean, from texts such as "Attacker=source" and "Instrument=".

    Raises:
        typer.BadParameter: A text has no "=", or names a role that there is not.
    """
    roles = {}
    for pair in pairs:
        label, sign, role = pair.partition("=")
        allowed = (*ROLES, "related", "actor", "")
        if not label or not sign or role not in allowed:
            raise typer.BadParameter(f"{pair!r} is not LABEL=ROLE with one of {', '.join(allowed[:-1])}, or nothing")
        roles[label] = role
    return roles
