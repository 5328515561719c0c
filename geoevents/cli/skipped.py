"""The records that are skipped, as a file, for outputs that are not a directory of shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from geoevents.bulk import Item, skipped_line, skipped_record
from geoevents.errors import InputError
from geoevents.formats.placing import placed

Report = Callable[[Item, InputError], None]
"""Is given each item that is skipped, and why."""


@contextmanager
def open_skipped(path: Path | None) -> Iterator[Report]:
    """What writes skipped records as JSON Lines to a file, which appears when the block ends, in whatever way.

    Args:
        path: The file, or None to write nothing.

    Raises:
        OSError: The file cannot be written.
    """
    if path is None:
        yield lambda item, error: None
        return
    ending: BaseException | None = None
    with placed(path) as file:

        def report(item: Item, error: InputError) -> None:
            file.write(skipped_line(skipped_record(item, error)))

        try:
            yield report
        except BaseException as error:
            ending = error
    if ending is not None:
        raise ending
