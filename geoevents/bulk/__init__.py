"""Coding archives of any size: files in, Parquet shards out, nothing lost and nothing doubled.

`extract_files` does it, on one machine or on a Ray cluster; `run_job` is the same for a `Job` that is there already.
"""

from geoevents.bulk.chunks import SHARD_SIZE, Chunk, Item, Position, read_items
from geoevents.bulk.extraction import (
    Coded,
    Coder,
    ExtractorOptions,
    ExtractorSource,
    Outcome,
    code_items,
    load_for_good,
    located_skip,
    skipped_record,
)
from geoevents.bulk.job import Job, locked, open_job
from geoevents.bulk.run import Advance, Engine, Report, extract_files, run_job
from geoevents.bulk.shards import Shard, finished_shards, skipped_line, skipped_records, write_skipped

__all__ = [
    "SHARD_SIZE",
    "Advance",
    "Chunk",
    "Coded",
    "Coder",
    "Engine",
    "ExtractorOptions",
    "ExtractorSource",
    "Item",
    "Job",
    "Outcome",
    "Position",
    "Report",
    "Shard",
    "code_items",
    "extract_files",
    "finished_shards",
    "load_for_good",
    "located_skip",
    "locked",
    "open_job",
    "read_items",
    "run_job",
    "skipped_line",
    "skipped_record",
    "skipped_records",
    "write_skipped",
]
