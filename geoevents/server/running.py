"""Running the service on uvicorn: the socket, and a clean end."""

from __future__ import annotations

import math
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI

from geoevents.errors import GeoEventsError
from geoevents.server.connections import KEEP_ALIVE, TimedProtocol


def open_socket(host: str, port: int) -> socket.socket:
    """A socket bound to an address; clients are refused until the service listens on it.

    Args:
        host: A name or address of this machine.
        port: The port; 0 takes a free one.

    Raises:
        GeoEventsError: The address cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":  # elsewhere it would share a port that another program has
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise GeoEventsError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; choose others with --host and --port"
        ) from None
    return bound


def url(bound: socket.socket) -> str:
    """The address of a bound socket for a browser."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(app: FastAPI, bound: socket.socket, *, patience: float, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; requests that have begun are answered first.

    Args:
        app: The application.
        bound: Where to listen.
        patience: Seconds that the end waits for open requests.
        on_ready: Is called when clients can connect.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        http=TimedProtocol,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(patience),
    )
    # uvicorn raises the signals again when all is done; that must not end the process as if it had been killed.
    before = {number: signal.signal(number, _ignore) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _Server(config, on_ready).run(sockets=[bound])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        bound.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def _ignore(number: int, frame: Any) -> None:
    pass
