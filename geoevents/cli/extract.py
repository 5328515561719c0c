"""`geoevents extract`: files of texts in, events out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from geoevents.cli import options
from geoevents.cli.messages import INTERRUPTED, SKIPPED, SkippedRecords, say
from geoevents.cli.progress import Progress, open_progress
from geoevents.cli.table import open_table
from geoevents.errors import GeoEventsError
from geoevents.formats import EventWriter, RecordFiles, find_inputs, open_writer, row_schema, stream_writer
from geoevents.formats.columns import ReadOptions
from geoevents.pipeline import BATCH_SIZE, Extractor, load
from geoevents.resolution import load_resolver


def extract(
    files: options.Files,
    output: options.OutputFile = None,
    model: options.ModelName = "default",
    backend: options.BackendName = options.Backend.onnx,
    text_column: options.TextColumn = None,
    id_column: options.IdColumn = None,
    date_column: options.DateColumn = None,
    date: options.Date = None,
    statuses: options.Statuses = None,
    min_score: options.MinScore = 0.0,
    reciprocal: options.ReciprocalMode = options.Reciprocal.joint,
    dictionaries: options.Dictionaries = None,
    lenient: options.Lenient = False,
    columns: options.ColumnSet = None,
    input_format: options.From = None,
    output_format: options.To = None,
    encoding: options.Encoding = "utf-8",
    lines: options.Lines = False,
    batch_size: options.BatchSize = BATCH_SIZE,
    threads: options.Threads = None,
) -> None:
    """Read texts and write their events.

    Reads .txt (a document each), .jsonl, .csv, .tsv and .parquet, of any size. A record that cannot be read is
    reported on standard error and skipped; the status is then 3. The output file appears when all is done.

    \b
    Examples:
      geoevents extract article.txt --date 2022-01-21
      geoevents extract news.csv --text-column body --date-column published -o events.parquet
      geoevents extract *.jsonl --status asserted --min-score 0.5 --columns gdelt -o events.csv
      cat articles.jsonl | geoevents extract - | jq .code

    \b
    Exit status:
      0 fine, 1 failed, 2 wrong usage, 3 finished but records were skipped, 130 interrupted
    """
    extractor = load(
        model,
        backend=backend.value,
        threads=threads,
        resolver=load_resolver(dictionaries=dictionaries or (), lenient=lenient),
        statuses=[status.value for status in statuses or options.Status],
        min_score=min_score,
        reciprocal=reciprocal.value,
    )
    read_options = ReadOptions(text_column, id_column, date_column, encoding, lines)
    sources = RecordFiles(
        find_inputs(files), read_options, format=input_format.value if input_format else None, date=date
    )
    to = output_format.value if output_format else None
    try:
        with (
            _open_output(output, to, columns.value if columns else None) as writer,
            open_progress(sources.bytes_total(), shown=output is not None or not sys.stdout.isatty()) as progress,
        ):
            done = run(extractor, sources, writer, progress, batch_size=batch_size)
    except KeyboardInterrupt:
        kept = f"; the events so far are in {output}.partial" if output else ""
        say(f"interrupted{kept}")
        raise typer.Exit(INTERRUPTED) from None
    if sys.stderr.isatty() and (output or not done.events):
        say(f"{done.events} events in {done.documents} documents")
    if done.skipped:
        say(f"records skipped: {done.skipped}")
        raise typer.Exit(SKIPPED)


@dataclass(frozen=True)
class Done:
    """What a run has done.

    Attributes:
        documents: Documents read.
        events: Events written.
        skipped: Records skipped.
    """

    documents: int
    events: int
    skipped: int


@contextmanager
def _open_output(path: Path | None, to: str | None, columns: str | None) -> Iterator[EventWriter]:
    """A writer to the file, else a table on a terminal, else a writer to standard output."""
    if to == "table" or (to is None and path is None and columns is None and sys.stdout.isatty()):
        with open_table(path) as table:
            yield table
        return
    schema = row_schema(columns) if columns else None
    if path is not None:
        with open_writer(path, format=to, schema=schema) as writer:
            yield writer
        return
    writer = stream_writer(sys.stdout.buffer, to or "jsonl", schema=schema)
    try:
        yield writer
    finally:
        writer.close()
        sys.stdout.buffer.flush()


def run(
    extractor: Extractor, files: RecordFiles, writer: EventWriter, progress: Progress, *, batch_size: int = BATCH_SIZE
) -> Done:
    """Write the events of all records.

    Raises:
        GeoEventsError: Not one record could be read.
    """
    skipped = SkippedRecords(progress.say)
    records = files.records(on_error=skipped)
    documents = events = 0
    for document in extractor.pipe(records, batch_size=batch_size, on_error=skipped):
        writer.write(document)
        documents += 1
        events += len(document.events)
        progress.update(files.bytes_read(), documents)
    if skipped.count and not documents:
        raise GeoEventsError("no record could be read")
    return Done(documents, events, skipped.count)
