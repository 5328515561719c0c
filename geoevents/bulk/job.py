"""A bulk run: what it is asked for, what of it is finished, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

from geoevents import __version__
from geoevents.bulk.chunks import SHARD_SIZE, Chunk, Position, read_chunks
from geoevents.bulk.extraction import Coded, Coder, ExtractorSource
from geoevents.bulk.shards import LOCK_FILE, Shard, finished_shards, prepare, replaceable_files, write_shard
from geoevents.errors import InputError
from geoevents.formats import InputFile, RecordFiles, find_inputs
from geoevents.formats.columns import ReadOptions
from geoevents.formats.overwriting import refuse_overwriting
from geoevents.formats.paths import STANDARD_INPUT


@dataclass(frozen=True)
class Job:
    """What a bulk run is asked for.

    Attributes:
        inputs: Files, directories and patterns; see `geoevents.formats.find_inputs`.
        output: The output directory.
        extractor: Where each process gets its extractor from.
        coder: How chunks become rows.
        reading: Columns and encoding of the input.
        format: Format of the input, or None to go by the suffixes.
        date: ISO 8601 date of the documents that have none.
        shard_size: Documents and skipped records in a shard.

    Raises:
        InputError: A directory or pattern holds no file to read.
        ValueError: The shard size is not positive.
    """

    inputs: tuple[str, ...]
    output: Path
    extractor: ExtractorSource
    coder: Coder = field(default_factory=Coder)
    reading: ReadOptions = field(default_factory=ReadOptions)
    format: str | None = None
    date: str | None = None
    shard_size: int = SHARD_SIZE

    def __post_init__(self) -> None:
        if self.shard_size < 1:
            raise ValueError(f"shard_size={self.shard_size!r}: give a positive number")

    @cached_property
    def found(self) -> list[InputFile]:
        """The files to read, in order."""
        return find_inputs(self.inputs, without=self.output)

    def check(self) -> None:
        """Raise if something is wrong with inputs or options; makes nothing on disk.

        Raises:
            DictionaryError: A dictionary cannot be read.
            InputError: A directory or pattern holds no file to read, or an input is a file that the run would replace.
            ModelError: There is no such model.
        """
        refuse_overwriting(replaceable_files(self.output), [file.path for file in self.found])
        _ = self.description

    def files(self) -> RecordFiles:
        """A new reader of the input."""
        return RecordFiles(self.found, self.reading, format=self.format, date=self.date)

    @cached_property
    def description(self) -> dict[str, Any]:
        """Everything that decides about the rows, in plain JSON types. Shards hold it; resuming compares it."""
        return {
            "version": __version__,
            "inputs": _described_files([file.path for file in self.found]),
            **self.extractor.describe(),
            **asdict(self.coder),
            **asdict(self.reading),
            "format": self.format,
            "date": self.date,
            "shard_size": self.shard_size,
        }


def _described_files(paths: Sequence[str]) -> dict[str, Any]:
    """Names, sizes and times of change of the files, as a number, a sum and a digest."""
    digest = sha256()
    total = 0
    for path in paths:
        try:
            status = Path(path).stat()
            size, changed = status.st_size, status.st_mtime_ns
        except (OSError, ValueError):
            size, changed = 0, 0
        total += size
        digest.update(f"{path}\0{size}\0{changed}\0".encode("utf-8", "surrogateescape"))
    return {"files": len(paths), "bytes": total, "digest": digest.hexdigest()}


def open_job(job: Job, *, resume: bool) -> dict[int, Shard]:
    """Make the output ready for a run; the shards that are finished already, by number.

    Args:
        job: What the run is asked for.
        resume: Whether there may be any.

    Raises:
        InputError: There are finished shards and `resume` is off; they are of other options or other inputs; or
            standard input, which cannot be read again, is to be resumed.
        OSError: The output directory cannot be made.
    """
    found = list(finished_shards(job.output))
    if found and not resume:
        raise InputError(
            f"{len(found)} finished shards are here already; go on with --resume (resume=True), or choose another "
            "directory",
            path=job.output,
        )
    if found and any(file.path == STANDARD_INPUT for file in job.found):
        raise InputError("a run that reads standard input cannot be resumed; give files", path=job.output)
    for _, run in found:
        _compare(run, job)
    prepare(job.output)
    return {shard.number: shard for shard, _ in found}


def _compare(run: Mapping[str, Any], job: Job) -> None:
    """Raise if a shard is of another run."""
    now = job.description
    if run == now:
        return
    was, is_ = run.get("inputs", {}), now["inputs"]
    if was != is_:
        raise InputError(
            f"the inputs are not those of the finished shards: {was.get('files')} files of {was.get('bytes')} bytes "
            f"then, {is_['files']} of {is_['bytes']} now (names, sizes and times of change count); "
            "choose another directory",
            path=job.output,
        )
    changed = [
        f"{name} was {run.get(name)!r}, is {now.get(name)!r}"
        for name in dict.fromkeys([*run, *now])
        if run.get(name) != now.get(name)
    ]
    raise InputError(
        f"the options are not those of the finished shards: {'; '.join(changed)}; use the same, or choose another "
        "directory",
        path=job.output,
    )


def missing_chunks(job: Job, finished: Mapping[int, Shard], files: RecordFiles) -> Iterator[Chunk]:
    """The chunks of the shards that are not finished, in order.

    Args:
        job: What the run is asked for.
        finished: The finished shards.
        files: The reader of the input, which knows how far it has come.

    Raises:
        InputError: The input reads differently from when the finished shards were written.
    """
    number = first_missing(finished)
    start = finished[number - 1].end if number else Position(0, 0)
    for chunk in read_chunks(files, shard_size=job.shard_size, start=start, shard=number):
        known = finished.get(chunk.shard)
        if known is None:
            yield chunk
        elif not known.start <= chunk.start < chunk.end <= known.end:
            raise InputError(
                f"the input reads differently from when shard {known.number} was written; choose another directory",
                path=job.output,
            )


def first_missing(finished: Mapping[int, Shard]) -> int:
    """Number of the first shard that is not finished."""
    return next(number for number in range(len(finished) + 1) if number not in finished)


def write_shards(job: Job, coded: Iterable[tuple[Chunk, Coded]]) -> Iterator[Shard]:
    """Write the shards of coded chunks in order, each when its last chunk has come.

    Raises:
        OSError: A file cannot be written.
    """
    for number, pairs in groupby(coded, key=lambda pair: pair[0].shard):
        chunks, rows = zip(*pairs, strict=True)
        yield write_shard(job.output, number, rows, start=chunks[0].start, end=chunks[-1].end, run=job.description)


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Keep other runs from writing to an output directory; the system lifts the lock even after a kill.

    Raises:
        InputError: Another run writes there.
        OSError: The directory cannot be made.
    """
    output.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        yield
        return
    with (output / LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError("another run writes to this directory; wait for it or end it", path=output) from None
        yield
