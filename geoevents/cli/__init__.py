"""The command line: `geoevents extract`, `evaluate`, `train` and `codes`.

Each command is a thin function over the library in a file of its own. Results go to standard output, messages to
standard error. Exit status: 0 fine, 1 failed, 2 wrong usage, 3 finished but records were skipped, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from geoevents import __version__
from geoevents.cli.check import check
from geoevents.cli.codes import codes
from geoevents.cli.convert import convert
from geoevents.cli.distil import distil
from geoevents.cli.evaluate import evaluate
from geoevents.cli.extract import extract
from geoevents.cli.messages import FAILED, fail
from geoevents.cli.serve import serve
from geoevents.cli.train import train
from geoevents.errors import GeoEventsError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="CAMEO-coded events from geopolitical news: who did what to whom, where and when.",
    epilog="Exit status: 0 fine, 1 failed, 2 wrong usage, 3 finished but records were skipped, 130 interrupted.",
)
for command in (extract, evaluate, train, distil, convert, check, codes, serve):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"geoevents {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; errors that geoevents raises on purpose become one line on standard error."""
    try:
        app()
    except GeoEventsError as error:
        fail(error)
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except OSError as error:
        fail(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
