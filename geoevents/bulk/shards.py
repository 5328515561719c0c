"""Shards: what a bulk run leaves on disk, and how it knows what is finished.

    OUTPUT/events/part-000000.parquet       a row for each event
    OUTPUT/documents/part-000000.parquet    a row for each document or skipped record
    OUTPUT/skipped.jsonl                    the skipped records again, written when a run ends

A shard is finished when its documents file is there: it is put in place last, and both are complete on disk before. Its
Parquet metadata tell which part of the input it holds and by which options, so that nothing else has to be believed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from geoevents.bulk.chunks import Position
from geoevents.bulk.extraction import Coded
from geoevents.errors import InputError
from geoevents.formats.overwriting import with_partial_files
from geoevents.formats.placing import PARTIAL, placed

if TYPE_CHECKING:
    import pyarrow as pa

EVENTS = "events"
DOCUMENTS = "documents"
SKIPPED_FILE = "skipped.jsonl"
LOCK_FILE = ".lock"

_KEY = b"geoevents"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Shard:
    """What a finished shard says about itself.

    Attributes:
        number: Its number, from 0.
        start: Where in the input it begins.
        end: Where it ends.
        records: Number of items read: documents and skipped records.
        documents: Number of documents.
        events: Number of events.
        skipped: Number of skipped records.
    """

    number: int
    start: Position
    end: Position
    records: int
    documents: int
    events: int
    skipped: int


def shard_path(output: Path, table: str, number: int) -> Path:
    """The file of a shard.

    Args:
        output: The output directory.
        table: `EVENTS` or `DOCUMENTS`.
        number: Number of the shard.
    """
    return output / table / f"part-{number:06}.parquet"


def write_shard(
    output: Path,
    number: int,
    coded: Sequence[Coded],
    *,
    start: Position,
    end: Position,
    run: Mapping[str, Any],
) -> Shard:
    """Write a shard so that it is there as a whole or not at all, whatever happens meanwhile.

    Args:
        output: The output directory.
        number: Number of the shard.
        coded: What became of its chunks, in order; at least one.
        start: Where in the input it begins.
        end: Where it ends.
        run: What the run was asked for, in plain JSON types; see `finished_shards`.

    Raises:
        OSError: A file cannot be written; its `filename` says which.
    """
    import pyarrow.compute as pc

    joined = Coded.joined(coded)
    events, documents = joined.events, joined.documents
    skipped = documents.num_rows - documents["skipped"].null_count
    shard = Shard(
        number=number,
        start=start,
        end=end,
        records=documents.num_rows,
        documents=documents.num_rows - skipped,
        events=pc.sum(documents["events"]).as_py() or 0,
        skipped=skipped,
    )
    told = json.dumps({"version": _VERSION, "shard": asdict(shard), "rows": events.num_rows, "run": run})
    documents = documents.replace_schema_metadata({_KEY: told.encode()})
    with placed(shard_path(output, EVENTS, number)) as file:
        _write_table(file, events)
    with placed(shard_path(output, DOCUMENTS, number)) as file:
        _write_table(file, documents)
    return shard


def _write_table(file: BinaryIO, table: pa.Table) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, file, compression="zstd")


def prepare(output: Path) -> None:
    """Make the directories of an output, and remove what a run that was killed left unfinished.

    Raises:
        OSError: A directory cannot be made.
    """
    for table in (EVENTS, DOCUMENTS):
        folder = output / table
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(f".part-*{PARTIAL}"):
            path.unlink()
    for path in (output / EVENTS).glob("part-*.parquet"):
        if not (output / DOCUMENTS / path.name).exists():
            path.unlink()


def replaceable_files(output: Path) -> Iterator[Path]:
    """The files in an output directory that a run may replace or remove; they need not be there."""
    for table in (EVENTS, DOCUMENTS):
        yield from (output / table).glob("part-*.parquet")
        yield from (output / table).glob(f".part-*{PARTIAL}")
    yield from with_partial_files(output / SKIPPED_FILE)
    yield output / LOCK_FILE


def finished_shards(output: Path) -> Iterator[tuple[Shard, dict[str, Any]]]:
    """The finished shards in an output directory, in order, each with what its run was asked for.

    Raises:
        InputError: A file is damaged, is no shard, or lacks its events.
    """
    for path in sorted((output / DOCUMENTS).glob("part-*.parquet")):
        told = _told(path)
        events = output / EVENTS / path.name
        if not events.exists() or _footer(events).num_rows != told["rows"]:
            raise _damaged(path, f"{events} is missing or not of this shard")
        shard = dict(told["shard"])
        start, end = (Position(**shard.pop(name)) for name in ("start", "end"))
        yield Shard(start=start, end=end, **shard), told["run"]


def skipped_records(output: Path) -> Iterator[dict[str, Any]]:
    """The skipped records of the finished shards, in the order of the input: file, line, record, id and cause."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names = ["file", "line", "record", "document", "skipped"]
    for path in sorted((output / DOCUMENTS).glob("part-*.parquet")):
        if _told(path)["shard"]["skipped"]:
            table = pq.read_table(path, columns=names)
            found = table.filter(pc.is_valid(table["skipped"])).rename_columns(
                ["file", "line", "record", "id", "cause"]
            )
            yield from found.to_pylist()


def write_skipped(output: Path) -> Path:
    """Write the skipped records of the finished shards to `SKIPPED_FILE` as JSON Lines.

    Raises:
        OSError: The file cannot be written.
    """
    path = output / SKIPPED_FILE
    with placed(path) as file:
        for record in skipped_records(output):
            file.write(skipped_line(record))
    return path


def skipped_line(record: Mapping[str, Any]) -> bytes:
    """A skipped record as a line of JSON."""
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _told(path: Path) -> dict[str, Any]:
    """What a documents file says about its shard."""
    metadata = (_footer(path).metadata or {}).get(_KEY)
    told: dict[str, Any] = json.loads(metadata) if metadata else {}
    if told.get("version") != _VERSION:
        raise _damaged(path, "it was not written by this version of geoevents")
    return told


def _footer(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, cause: str) -> InputError:
    return InputError(f"not a finished shard: {cause}; remove it to have it written again", path=path)
