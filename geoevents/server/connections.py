"""Connections that end when they are held for nothing.

uvicorn ends a connection on which nothing comes after an answer. It waits without end for a client that says nothing or
sends its headers or the rest of a refused body byte by byte, and for one that does not read its answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

# Seconds that a connection may be without a request that has begun (its headers are there) and is not answered, and
# that an answer may wait to be read. Longer than proxies keep their connections to us, so that they never send on one
# that we are closing.
KEEP_ALIVE = 75


class TimedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes, by what is installed
    """A connection that ends when it waits for its client for longer than `KEEP_ALIVE`."""

    _idle: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        self._await_request()

    def on_response_complete(self) -> None:
        """Wait for the next request, whatever may still come of this one."""
        super().on_response_complete()
        self._await_request()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._unread = self.loop.call_later(KEEP_ALIVE, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads."""
        super().resume_writing()
        self._cancel(self._unread)

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing is to be waited for any more."""
        self._cancel(self._idle)
        self._cancel(self._unread)
        super().connection_lost(error)

    def _await_request(self) -> None:
        self._cancel(self._idle)
        if not self.transport.is_closing():
            self._idle = self.loop.call_later(KEEP_ALIVE, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()

    @staticmethod
    def _cancel(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()
