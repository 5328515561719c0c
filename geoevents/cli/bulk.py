"""`geoevents extract -o DIRECTORY/`: a bulk run, its messages and its exit status."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import typer

from geoevents.bulk import Engine, Job, Report, finished_shards, run_job
from geoevents.cli.messages import INTERRUPTED, SKIPPED, SkippedRecords, fail, say
from geoevents.cli.progress import open_progress
from geoevents.errors import GeoEventsError


def extract_to_directory(
    job: Job, *, engine: Engine, workers: int | None, time_limit: float | None, resume: bool
) -> None:
    """Do a bulk run, and say what came of it.

    Raises:
        GeoEventsError: The run cannot begin or go on, or not one record could be read.
        typer.Exit: Records were skipped, or the run was interrupted.
    """
    try:
        with open_progress(job.files().bytes_total(), shown=True, logged=True) as progress:
            report = run_job(
                job,
                engine=engine,
                workers=workers,
                time_limit=time_limit,
                isolated=True,
                resume=resume,
                on_progress=progress.update,
                on_skipped=SkippedRecords(progress.say),
            )
    except KeyboardInterrupt:
        finished = sum(1 for _ in finished_shards(job.output))
        say(f"interrupted; {finished} shards in {job.output} are finished; the same command with --resume goes on")
        raise typer.Exit(INTERRUPTED) from None
    except OSError as error:
        where = error.filename or job.output
        fail(f"{where}: {error.strerror or error}; the finished shards stay, and --resume goes on behind them")
    _conclude(job, report)


def _conclude(job: Job, report: Report) -> None:
    say(
        f"{report.events} events in {report.documents} documents, {report.skipped} records skipped, {report.shards} "
        f"shards in {job.output}"
    )
    if report.skipped and not report.documents:
        raise GeoEventsError("no record could be read")
    if report.skipped:
        say(f"the records skipped are listed in {job.output / 'skipped.jsonl'}")
        raise typer.Exit(SKIPPED)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM, by which schedulers end a program, do what Ctrl-C does."""

    def interrupt(_: int, __: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
