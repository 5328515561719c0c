"""`geoevents extract`: files of texts in, events out."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from geoevents.bulk import (
    SHARD_SIZE,
    Advance,
    Coder,
    ExtractorOptions,
    Job,
    code_items,
    load_for_good,
    located_skip,
    read_items,
)
from geoevents.cli import options
from geoevents.cli.bulk import extract_to_directory, interruptible
from geoevents.cli.messages import INTERRUPTED, SKIPPED, SkippedRecords, say
from geoevents.cli.page import open_page
from geoevents.cli.progress import Progress, open_progress
from geoevents.cli.skipped import Report, open_skipped
from geoevents.cli.table import open_table
from geoevents.errors import GeoEventsError, InputError
from geoevents.events import Document
from geoevents.formats import EventWriter, ReadOptions, RecordFiles, find_inputs, open_writer, row_schema, stream_writer
from geoevents.formats.overwriting import STANDARD_OUTPUT, refuse_doubles, refuse_overwriting, with_partial_files
from geoevents.pipeline import BATCH_SIZE, Extractor


def extract(
    files: options.Files,
    output: options.Output = None,
    html: options.HtmlFile = None,
    skipped: options.SkippedFile = None,
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
    engine: options.EngineName = options.Engine.processes,
    workers: options.Workers = None,
    time_limit: options.TimeLimit = None,
    shard_size: options.ShardSize = None,
    resume: options.ResumeRun = False,
) -> None:
    """Read texts and write their events.

    Reads .txt (a document each), .jsonl, .csv and .tsv, also with .gz or .zst, and .parquet, of any size. A record that
    cannot be read or coded is reported on standard error and skipped; the status is then 3. An output file appears when
    all is done. A directory gets shards as they are finished; after any end of the run, --resume goes on
    (docs/bulk.md).

    \b
    Examples:
      geoevents extract article.txt --date 2022-01-21
      geoevents extract article.txt --html article.html
      geoevents extract news.csv --text-column body --date-column published -o events.parquet
      geoevents extract *.jsonl --status asserted --min-score 0.5 --columns gdelt -o events.csv
      geoevents extract "archive/**/*.jsonl.gz" -o events/ --workers 8 --resume
      geoevents extract "archive/**/*.jsonl.gz" -o events/ --engine ray --workers 200 --resume
      cat articles.jsonl | geoevents extract - | jq .code

    \b
    Exit status:
      0 fine, 1 failed, 2 wrong usage, 3 finished but records were skipped, 130 interrupted
    """
    source = ExtractorOptions(
        model=model,
        backend=backend.value,
        threads=threads,
        dictionaries=tuple(dictionaries or ()),
        lenient=lenient,
        statuses=tuple(status.value for status in statuses or options.Status),
        min_score=min_score,
        reciprocal=reciprocal.value,
    )
    reading = ReadOptions(text_column, id_column, date_column, encoding, lines)
    from_format = input_format.value if input_format else None
    to = output_format.value if output_format else None
    with interruptible():
        if output is not None and _is_directory(output):
            _refuse("an output file", {"--html": html, "--skipped": skipped, "--to": to if to != "parquet" else None})
            job = Job(
                inputs=tuple(files),
                output=Path(output),
                extractor=source,
                coder=Coder(columns.value if columns else "geoevents", batch_size),
                reading=reading,
                format=from_format,
                date=date,
                shard_size=shard_size or SHARD_SIZE,
            )
            extract_to_directory(job, engine=engine.value, workers=workers, time_limit=time_limit, resume=resume)
            return
        _refuse(
            "a directory as --output (its name ends with /)",
            {
                "--engine": engine is not options.Engine.processes,
                "--workers": workers,
                "--time-limit": time_limit,
                "--shard-size": shard_size,
                "--resume": resume,
            },
        )
        target = Target(Path(output) if output else None, html, to, columns.value if columns else None, skipped)
        refuse_doubles([target.path, target.html, target.skipped])
        found = find_inputs(files)
        refuse_overwriting(target.files(), [file.path for file in found])
        sources = RecordFiles(found, reading, format=from_format, date=date)
        extract_to_file(load_for_good(source), sources, target, batch_size=batch_size)


def _is_directory(output: str) -> bool:
    return output.endswith(("/", os.sep)) or Path(output).is_dir()


def _refuse(needed: str, given: dict[str, object]) -> None:
    """Raise if options are given that do not go with the kind of output."""
    names = [name for name, value in given.items() if value]
    if names:
        raise typer.BadParameter(f"{', '.join(names)} need {needed}")


@dataclass(frozen=True)
class Target:
    """Where events go.

    Attributes:
        path: The file, or None for standard output.
        html: The page to write, or None.
        format: Format of the file; None to go by its suffix.
        columns: Name of the columns of rows, or None.
        skipped: The list of skipped records to write, or None.
    """

    path: Path | None = None
    html: Path | None = None
    format: str | None = None
    columns: str | None = None
    skipped: Path | None = None

    def files(self) -> Iterator[str | Path]:
        """The files that are written, "-" for standard output, those that are there only meanwhile included."""
        for path in (self.path, self.html, self.skipped):
            yield from with_partial_files(path) if path is not None else ()
        if self.writes_events() and self.path is None:
            yield STANDARD_OUTPUT

    def writes_events(self) -> bool:
        """Whether there is an output beside the page."""
        return bool(self.path is not None or self.html is None or self.format or self.columns)

    def shows_events(self) -> bool:
        """Whether events go to the terminal, where a progress bar would be in their way."""
        return self.path is None and sys.stdout.isatty()


def extract_to_file(extractor: Extractor, files: RecordFiles, target: Target, *, batch_size: int = BATCH_SIZE) -> None:
    """Write the events of all records to a file, a page or standard output, and say what came of it.

    Raises:
        GeoEventsError: Not one record could be read, or a file cannot be written.
        typer.Exit: Records were skipped, or Ctrl-C.
    """
    try:
        with (
            open_skipped(target.skipped) as report,
            _open_outputs(target) as writer,
            open_progress(files.bytes_total(), shown=not target.shows_events()) as progress,
        ):
            done = run(extractor, files, writer, progress, report, batch_size=batch_size)
    except KeyboardInterrupt:
        kept = f"; the events so far are in {target.path}.partial" if target.path else ""
        say(f"interrupted{kept}")
        raise typer.Exit(INTERRUPTED) from None
    if sys.stderr.isatty() and (target.path or not done.events):
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
def _open_outputs(target: Target) -> Iterator[EventWriter]:
    """A writer to all outputs that were asked for; a page alone leaves standard output empty."""
    with ExitStack() as stack:
        writers: list[EventWriter] = []
        if target.writes_events():
            writers.append(stack.enter_context(_open_output(target)))
        if target.html is not None:
            writers.append(stack.enter_context(open_page(target.html)))
        yield writers[0] if len(writers) == 1 else _Several(writers)


@dataclass(frozen=True)
class _Several:
    writers: list[EventWriter]

    def write(self, document: Document) -> None:
        for writer in self.writers:
            writer.write(document)

    def close(self) -> None:
        pass


@contextmanager
def _open_output(target: Target) -> Iterator[EventWriter]:
    """A writer to the file, else a table on a terminal, else a writer to standard output."""
    path, to = target.path, target.format
    if to == "table" or (to is None and target.columns is None and target.shows_events()):
        with open_table(path) as table:
            yield table
        return
    schema = row_schema(target.columns) if target.columns else None
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
    extractor: Extractor,
    files: RecordFiles,
    writer: EventWriter,
    progress: Progress,
    report: Report,
    *,
    batch_size: int = BATCH_SIZE,
) -> Done:
    """Write the events of all records.

    Raises:
        GeoEventsError: Not one record could be read.
    """
    skipped = SkippedRecords(progress.say)
    documents = events = 0
    total, began = files.bytes_total(), time.monotonic()
    for item, outcome in code_items(extractor, read_items(files), batch_size=batch_size):
        if isinstance(outcome, InputError):
            skipped(located_skip(item, outcome))
            report(item, outcome)
            continue
        writer.write(outcome)
        documents += 1
        events += len(outcome.events)
        done = files.bytes_read()
        progress.update(Advance(done, total, done, time.monotonic() - began, documents, events))
    if skipped.count and not documents:
        raise GeoEventsError("no record could be read")
    return Done(documents, events, skipped.count)
