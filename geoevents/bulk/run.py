"""Coding an archive: files in, shards out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from geoevents.bulk.chunks import SHARD_SIZE, Chunk, Position
from geoevents.bulk.extraction import Coded, Coder, ExtractorOptions, ExtractorSource, LoadedExtractor
from geoevents.bulk.job import Job, locked, missing_chunks, open_job, write_shards
from geoevents.bulk.processes import Workers
from geoevents.bulk.shards import Shard, write_shard, write_skipped
from geoevents.errors import InputError
from geoevents.formats.columns import ReadOptions
from geoevents.pipeline import BATCH_SIZE, Extractor

Engine = Literal["processes", "ray"]

ENGINES: tuple[Engine, ...] = ("processes", "ray")


@dataclass(frozen=True, slots=True)
class Report:
    """What there is in an output directory when a run has finished.

    Attributes:
        records: Number of records in the input; always `documents` + `skipped`.
        documents: Number of documents.
        events: Number of events.
        skipped: Number of skipped records; `skipped.jsonl` lists them.
        shards: Number of shards.
        resumed: Number of these shards that were finished before this run.
        seconds: How long this run took.
    """

    records: int
    documents: int
    events: int
    skipped: int
    shards: int
    resumed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a run has come.

    Attributes:
        done: Bytes of the input that are coded, earlier runs included; compressed files count as they lie on disk.
        total: Bytes of the input, or None where that is unknown.
        worked: Bytes that this run has coded.
        seconds: How long this run has worked on them.
        documents: Number of documents that this run has coded.
        events: Number of their events.
    """

    done: int
    total: int | None
    worked: int
    seconds: float
    documents: int
    events: int

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the speed of this run, or None where that cannot be told."""
        if self.total is None or not self.worked:
            return None
        return max(0, self.total - self.done) * self.seconds / self.worked


@dataclass
class _Watch:
    """Watches chunks go in and come out, and tells of it."""

    total: int | None
    on_progress: Callable[[Advance], None]
    on_skipped: Callable[[InputError], None]
    started: float = 0.0

    def going_in(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """The same chunks. The clock starts with the first: what a resumed run reads before it, it does not code."""
        for chunk in chunks:
            self.started = self.started or time.monotonic()
            yield chunk

    def coming_out(self, coded: Iterable[tuple[Chunk, Coded]]) -> Iterator[tuple[Chunk, Coded]]:
        """The same chunks."""
        worked = documents = events = 0
        for chunk, rows in coded:
            skips = rows.skips()
            for skip in skips:
                self.on_skipped(skip)
            worked += chunk.size
            documents += len(chunk.items) - len(skips)
            events += rows.number_of_events()
            seconds = time.monotonic() - self.started
            self.on_progress(Advance(chunk.read, self.total, worked, seconds, documents, events))
            yield chunk, rows


def extract_files(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    extractor: str | Path | Extractor | ExtractorSource = "default",
    columns: str = "geoevents",
    reading: ReadOptions | None = None,
    format: str | None = None,
    date: str | None = None,
    engine: Engine = "processes",
    workers: int | None = None,
    time_limit: float | None = None,
    isolated: bool = False,
    resume: bool = False,
    shard_size: int = SHARD_SIZE,
    batch_size: int = BATCH_SIZE,
    on_progress: Callable[[Advance], None] | None = None,
    on_skipped: Callable[[InputError], None] | None = None,
) -> Report:
    """Code files of any number and size into a directory of Parquet shards, in constant memory.

    A run that was ended in any way (Ctrl-C, SIGKILL, power, a full disk) goes on with `resume` where the last finished
    shard ends, and leaves the same rows as one that was not. See docs/bulk.md for what is in the directory.

    Example:
        >>> report = extract_files("archive/**/*.jsonl.gz", "events", workers=8)
        >>> assert report.records == report.documents + report.skipped

    Args:
        inputs: Files, directories, patterns, or "-"; see `geoevents.formats.find_inputs`.
        output: The output directory.
        extractor: A model's name or path, `ExtractorOptions`, or an extractor, which then works in this process.
        columns: Columns of the event rows: "geoevents", "gdelt" or "polecat".
        reading: Columns and encoding of the input.
        format: Format of the input, or None to go by the suffixes.
        date: ISO 8601 date of the documents that have none.
        engine: Where the workers are: "processes" of this machine, or on a cluster of "ray" (extra `ray`), to which the
            input need not be readable nor the output writable.
        workers: Processes that code, each with one thread unless `ExtractorOptions` say otherwise; None to code in
            this process, with Ray on all processors. A script that uses them needs `if __name__ == "__main__":`.
        time_limit: Seconds that a document may take before it is skipped, or None for any; needs a worker process, so
            that there is one if `workers` is None.
        isolated: Whether to have a worker process even if `workers` is None, so that a text that kills it (a fault of
            the system, memory) is skipped and does not end the run; it may use as many threads as this process.
        resume: Go on with a run into the same directory.
        shard_size: Documents and skipped records in a shard.
        batch_size: Sentences that go through the model at once.
        on_progress: Is told how far the run has come, after some hundred documents each time.
        on_skipped: Is given the error of each record that this run skips.

    Raises:
        InputError: An input holds no file to read or would be overwritten, or the directory holds shards of another
            run.
        MissingExtraError: The engine is "ray", and Ray is not installed.
        ModelError: The model cannot be loaded.
        OSError: A file cannot be written; its `filename` says which. Finished shards stay.
        KeyboardInterrupt: Ctrl-C; the shard that is not finished is dropped, finished ones stay.
        ValueError: An option has a value that is not allowed.
    """
    names = (inputs,) if isinstance(inputs, str | Path) else tuple(inputs)
    job = Job(
        inputs=tuple(map(str, names)),
        output=Path(output),
        extractor=_source(extractor),
        coder=Coder(columns, batch_size),
        reading=reading or ReadOptions(),
        format=format,
        date=date,
        shard_size=shard_size,
    )
    return run_job(
        job,
        engine=engine,
        workers=workers,
        time_limit=time_limit,
        isolated=isolated,
        resume=resume,
        on_progress=on_progress,
        on_skipped=on_skipped,
    )


def run_job(
    job: Job,
    *,
    engine: Engine = "processes",
    workers: int | None = None,
    time_limit: float | None = None,
    isolated: bool = False,
    resume: bool = False,
    on_progress: Callable[[Advance], None] | None = None,
    on_skipped: Callable[[InputError], None] | None = None,
) -> Report:
    """Do what a job asks for; see `extract_files`."""
    code = _coding(job, engine, workers, time_limit, isolated=isolated)
    job.check()
    with locked(job.output):
        finished = open_job(job, resume=resume)
        try:
            return _finish(job, finished, code, on_progress or _ignore, on_skipped or _ignore)
        except KeyboardInterrupt:
            write_skipped(job.output)
            raise


def _source(extractor: str | Path | Extractor | ExtractorSource) -> ExtractorSource:
    if isinstance(extractor, Extractor):
        return LoadedExtractor(extractor)
    return ExtractorOptions(str(extractor)) if isinstance(extractor, str | Path) else extractor


Code = Callable[[Iterable[Chunk]], Iterator[tuple[Chunk, Coded]]]
"""Codes chunks and gives them back in order."""


def _coding(job: Job, engine: Engine, workers: int | None, time_limit: float | None, *, isolated: bool) -> Code:
    """What codes the chunks: this process or others.

    Raises:
        MissingExtraError: The engine is "ray", and Ray is not installed.
        ValueError: The engine is unknown, the number of workers or the time limit is not positive, or the extractor
            cannot go to other processes.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine={engine!r}: allowed are {', '.join(map(repr, ENGINES))}")
    if engine == "processes" and workers is None and time_limit is None and not isolated:
        return partial(_code_here, job)
    source = job.extractor
    if isinstance(source, LoadedExtractor):
        raise ValueError(
            "an extractor works in this process only; for workers, give a model's name or ExtractorOptions"
        )
    many = engine == "ray" or workers is not None
    if isinstance(source, ExtractorOptions) and source.threads is None and many:
        source = replace(source, threads=1)
    if engine == "ray":
        from geoevents.ray import RayWorkers

        return RayWorkers(source, job.coder, number=workers, time_limit=time_limit).code
    return Workers(source, job.coder, number=1 if workers is None else workers, time_limit=time_limit).code


def _code_here(job: Job, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Coded]]:
    extractor = job.extractor.load()
    for chunk in chunks:
        yield chunk, job.coder.code(extractor, chunk)


def _ignore(_: object) -> None:
    pass


def _finish(
    job: Job,
    finished: Mapping[int, Shard],
    code: Code,
    on_progress: Callable[[Advance], None],
    on_skipped: Callable[[InputError], None],
) -> Report:
    """Code what is missing, and tell what there is then."""
    began = time.monotonic()
    files = job.files()
    watch = _Watch(files.bytes_total(), on_progress, on_skipped)
    coded = code(watch.going_in(missing_chunks(job, finished, files)))
    shards = [*finished.values(), *write_shards(job, watch.coming_out(coded))]
    if not shards:
        nowhere = Position(0, 0)
        shards = [write_shard(job.output, 0, [job.coder.coded([])], start=nowhere, end=nowhere, run=job.description)]
    write_skipped(job.output)
    return Report(
        records=sum(shard.records for shard in shards),
        documents=sum(shard.documents for shard in shards),
        events=sum(shard.events for shard in shards),
        skipped=sum(shard.skipped for shard in shards),
        shards=len(shards),
        resumed=len(finished),
        seconds=time.monotonic() - began,
    )
