"""Coding archives of any size: files in, Parquet shards out, nothing lost and nothing doubled.

`extract_files` does it, on one machine or on a Ray cluster; `run_job` is the same for a `Job` that is there already.
"""

from geoevents.bulk.chunks import SHARD_SIZE, Chunk, Item, Position
from geoevents.bulk.extraction import Coded, Coder, ExtractorOptions, ExtractorSource
from geoevents.bulk.job import Job, locked, open_job
from geoevents.bulk.run import Advance, Engine, Report, extract_files, run_job
from geoevents.bulk.shards import Shard, finished_shards, skipped_records, write_skipped

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
    "Position",
    "Report",
    "Shard",
    "extract_files",
    "finished_shards",
    "locked",
    "open_job",
    "run_job",
    "skipped_records",
    "write_skipped",
]
