"""Readers of the user's files and writers of events, all streaming.

`read_records` reads plain text, JSON Lines and CSV, also with .gz or .zst, and Parquet. `open_writer` writes JSON
Lines, CSV and Parquet, as whole events or as flat rows of a `RowSchema`.
"""

from geoevents.formats.columns import ReadOptions
from geoevents.formats.files import RecordFiles, read_records
from geoevents.formats.inputs import INPUT_FORMATS, open_input, read_items
from geoevents.formats.outputs import OUTPUT_FORMATS, EventWriter, open_writer, stream_writer
from geoevents.formats.paths import InputFile, find_inputs
from geoevents.formats.rows import Column, RowSchema, row_schema

__all__ = [
    "INPUT_FORMATS",
    "OUTPUT_FORMATS",
    "Column",
    "EventWriter",
    "InputFile",
    "ReadOptions",
    "RecordFiles",
    "RowSchema",
    "find_inputs",
    "open_input",
    "open_writer",
    "read_items",
    "read_records",
    "row_schema",
    "stream_writer",
]
