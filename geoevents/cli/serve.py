"""`geoevents serve`: the HTTP service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from geoevents.cli import options
from geoevents.cli.messages import say
from geoevents.errors import MissingExtraError

Host = Annotated[str, typer.Option(help="Name or address to listen on; 0.0.0.0 is every address of this machine.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
MaxBytes = Annotated[int, typer.Option(min=1, help="Bytes that a request may have.")]
MaxDocuments = Annotated[int, typer.Option(min=1, help="Documents that a request may have.")]
MaxRequests = Annotated[int, typer.Option(min=1, help="Requests at the same time; further ones are told to come back.")]
MaxBatch = Annotated[
    int,
    typer.Option(
        min=1,
        help="Documents of concurrent requests that go through the model together. With 1 no score depends on others.",
    ),
]
Threads = Annotated[int, typer.Option(min=1, help="Threads of the model; several servers use more cores better.")]
Timeout = Annotated[float, typer.Option(min=0.001, help="Seconds that a request may take.")]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    model: options.ModelName = "default",
    dictionaries: options.Dictionaries = None,
    lenient: options.Lenient = False,
    threads: Threads = 1,
    max_bytes: MaxBytes = 1_000_000,
    max_documents: MaxDocuments = 100,
    max_requests: MaxRequests = 128,
    max_batch: MaxBatch = 16,
    timeout: Timeout = 60.0,
) -> None:
    """Answer HTTP requests until SIGINT (Ctrl-C) or SIGTERM (needs the extra 'server').

    POST /extract codes documents, /docs describes the rest, and / is a page to try texts on. Open requests are
    answered before the end.

    \b
    Examples:
      geoevents serve
      geoevents serve --port 0 --threads 1 --timeout 10
      geoevents serve --model my-model --dictionary actors.tsv

    \b
    Exit status:
      0 stopped, 1 failed, 2 wrong usage
    """
    try:
        from geoevents.server.application import create_application
        from geoevents.server.limits import Limits
        from geoevents.server.running import open_socket, run, url
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "fastapi", "server") from None
    from geoevents.pipeline import load
    from geoevents.resolution import load_resolver

    limits = Limits(max_bytes=max_bytes, max_documents=max_documents, max_requests=max_requests, timeout=timeout)
    bound = open_socket(host, port)
    extractor = load(model, threads=threads, resolver=load_resolver(dictionaries=dictionaries or (), lenient=lenient))
    app = create_application(extractor, model=Path(model).name, limits=limits, max_batch=max_batch)
    run(app, bound, patience=timeout, on_ready=lambda: say(f"listening on {url(bound)}; Ctrl-C stops"))
    say("stopped")
