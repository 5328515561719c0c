"""`geoevents extract -o DIRECTORY/`: a bulk run, its messages and its exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    """Let SIGTERM, by which schedulers end a program, do what Ctrl-C does; the second of them ends it at once.

    Ending in order takes a moment, in which a second KeyboardInterrupt would come out of any line. It is safe to leave
    out: worker processes end with this one, and files that are not finished are not in their places yet.
    """
    interrupted = False

    def interrupt(_: int, __: FrameType | None) -> NoReturn:
        nonlocal interrupted
        if interrupted:
            _end_at_once()
        interrupted = True
        raise KeyboardInterrupt

    # Where Ctrl-C is ignored, as behind nohup, it stays so.
    heard = (signal.SIGINT, signal.SIGTERM) if signal.getsignal(signal.SIGINT) != signal.SIG_IGN else (signal.SIGTERM,)
    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            # The program is all but over then; Python would let a Ctrl-C kill it and change its exit status.
            signal.signal(number, signal.SIG_IGN if interrupted and number == signal.SIGINT else handler)


def _end_at_once() -> NoReturn:
    """End without anything that Python does at its end; safe in a signal handler."""
    show_cursor = b"\x1b[?25h" if sys.stderr.isatty() else b""  # which a progress bar hides
    with suppress(OSError):
        os.write(2, show_cursor + b"geoevents: interrupted twice; ended at once, what is finished stays\n")
    os._exit(INTERRUPTED)
