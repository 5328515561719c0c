"""`geoevents convert`: an annotated corpus from one format into another."""

from __future__ import annotations

from pathlib import Path

from geoevents.cli import options
from geoevents.cli.labels import parse_roles, read_ontology
from geoevents.cli.messages import say


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

    labels = read_ontology(ontology)
    documents = read_corpus(source, format=source_format, ontology=labels, roles=roles)
    write_corpus(documents, target, format=target_format, ontology=labels)
    return len(documents), sum(len(document.events) for document in documents)
