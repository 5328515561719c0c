"""How long `geoevents serve` makes many clients wait, and how much it can do.

    python benchmarks/server.py --json server.json
    python benchmarks/server.py --rate 40 --seconds 60 --serve --threads 1 --max-batch 1

The server runs in a process of its own on this machine, with everything at its defaults unless --serve says otherwise;
requests go over loopback, one paragraph of seeds/seed_article.txt each, in random order. First they arrive at random
times of a fixed rate whether or not earlier ones have been answered (a Poisson process), spread over the clients in
turn; waiting counts from the time of arrival, so a busy client counts too. Then every client sends its next request as
soon as it has its answer.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
from report import SEEDS, markdown, option_parser, publish, report

from geoevents.errors import GeoEventsError

_REAL = (sys.executable, "-m", "geoevents")


@dataclass(frozen=True, slots=True)
class Load:
    """What clients met under one kind of load.

    Attributes:
        load: What the load was.
        clients: Number of clients, each with a connection of its own.
        requests: Requests sent.
        errors: Requests that failed or had an answer other than 200.
        seconds: Time from the first request to the last answer.
        throughput: Answers a second.
        p50_ms: Median of the waiting time in milliseconds.
        p95_ms: Its 95th percentile.
        p99_ms: Its 99th percentile.
    """

    load: str
    clients: int
    requests: int
    errors: int
    seconds: float
    throughput: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        url: Its address.
        process: Its process.
        log: What it has said on standard error.
    """

    url: str
    process: subprocess.Popen[bytes]
    log: Path


def main(argv: Sequence[str]) -> None:
    """Measure, print and save."""
    options = _parser().parse_args(argv)
    with serving("--model", options.model, *options.serve) as server:
        loads = asyncio.run(_measure(server.url, options))
    document = report("server", {"loads": [asdict(load) for load in loads]}, options=options, argv=argv)
    publish(document, [load_table(loads)], options.json)


def _parser() -> argparse.ArgumentParser:
    parser = option_parser(__doc__)
    parser.add_argument("--clients", type=int, default=50, metavar="N")
    parser.add_argument("--rate", type=float, default=20, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30, help="how long requests arrive, and then are sent at once")
    parser.add_argument("--serve", nargs=argparse.REMAINDER, default=[], help="options of geoevents serve; the last")
    return parser


@contextmanager
def serving(*arguments: str, program: Sequence[str] = _REAL) -> Iterator[Server]:
    """A server on a free port, which ends with the block.

    Raises:
        GeoEventsError: It does not start.
    """
    command = [*program, "serve", "--port", "0", *arguments]
    with TemporaryDirectory() as scratch:
        log = Path(scratch) / "log"
        # A file, since a pipe that nobody reads would stop a server that has much to say.
        with log.open("wb") as stderr, subprocess.Popen(command, stderr=stderr) as process:
            try:
                yield Server(_address(process, log), process, log)
            finally:
                process.terminate()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where a server listens, as soon as it says so."""
    while process.poll() is None:
        if listening := re.search(r"listening on (\S+);", log.read_text(encoding="utf-8")):
            return listening[1]
        time.sleep(0.02)
    raise GeoEventsError(f"the server does not start: {log.read_text(encoding='utf-8')}")


def paragraphs() -> list[str]:
    """The paragraphs of the seed article."""
    text = (SEEDS / "seed_article.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip()]


async def _measure(url: str, options: argparse.Namespace) -> list[Load]:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=60)) for _ in range(options.clients)
        ]
        await asyncio.gather(*(client.get("/health") for client in clients))
        await _ask(clients[0], paragraphs()[0])  # the first answer of a server takes longer
        return [await open_loop(clients, options), await closed_loop(clients, options)]


async def open_loop(clients: Sequence[httpx.AsyncClient], options: argparse.Namespace) -> Load:
    """Requests at random times of a fixed rate."""
    rng = random.Random(options.seed)
    gaps = (rng.expovariate(options.rate) for _ in range(round(options.rate * options.seconds)))
    times = list(itertools.accumulate(gaps))
    texts = rng.choices(paragraphs(), k=len(times))
    began = time.perf_counter()

    async def arrive(at: float, client: httpx.AsyncClient, text: str) -> float | None:
        await asyncio.sleep(began + at - time.perf_counter())
        good = await _ask(client, text)
        return time.perf_counter() - began - at if good else None

    waits = await asyncio.gather(*map(arrive, times, itertools.cycle(clients), texts))
    return _load(f"{options.rate:g} a second", len(clients), waits, time.perf_counter() - began)


async def closed_loop(clients: Sequence[httpx.AsyncClient], options: argparse.Namespace) -> Load:
    """Each client's requests one after the other, as fast as they are answered."""
    waits: list[float | None] = []
    began = time.perf_counter()

    async def go_on(client: httpx.AsyncClient, rng: random.Random) -> None:
        while (sent := time.perf_counter()) - began < options.seconds:
            good = await _ask(client, rng.choice(paragraphs()))
            waits.append(time.perf_counter() - sent if good else None)

    await asyncio.gather(*(go_on(client, random.Random(f"{options.seed} {i}")) for i, client in enumerate(clients)))
    return _load("as fast as answered", len(clients), waits, time.perf_counter() - began)


async def _ask(client: httpx.AsyncClient, text: str) -> bool:
    """Whether a paragraph is answered well."""
    try:
        answer = await client.post("/extract", json={"text": text, "date": "2022-01-21"})
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and answer.json()["text"] == text


def _load(name: str, clients: int, waits: Sequence[float | None], seconds: float) -> Load:
    good = [wait for wait in waits if wait is not None]
    p50, p95, p99 = (1000 * float(value) for value in np.percentile(good or [np.nan], [50, 95, 99]))
    return Load(name, clients, len(waits), len(waits) - len(good), seconds, len(good) / seconds, p50, p95, p99)


def load_table(loads: Sequence[Load]) -> str:
    """A kind of load a row."""
    return markdown(
        ("load", "clients", "requests", "errors", "answers a second", "p50, ms", "p95, ms", "p99, ms"),
        [
            (
                one.load,
                one.clients,
                one.requests,
                one.errors,
                f"{one.throughput:.1f}",
                f"{one.p50_ms:.0f}",
                f"{one.p95_ms:.0f}",
                f"{one.p99_ms:.0f}",
            )
            for one in loads
        ],
    )


if __name__ == "__main__":
    main(sys.argv[1:])
