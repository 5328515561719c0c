"""The way of a request from its bytes to its coded documents, within the limits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from geoevents.errors import InputError
from geoevents.events import Document
from geoevents.records import Record
from geoevents.server.batching import Batcher, Options
from geoevents.server.limits import Limits, read_body
from geoevents.server.schemas import ReadRequest, read_request

_FAILED = "the document could not be coded; the cause is in the service's log"


@dataclass(frozen=True, slots=True)
class Coded:
    """A request's documents.

    Attributes:
        documents: In the request's order; None for each that could not be coded.
        problems: What was wrong with those, by their place in the request.
        single: Whether the request is one document rather than a list.
    """

    documents: tuple[Document | None, ...]
    problems: dict[int, str]
    single: bool


@dataclass(slots=True)
class Service:
    """Codes the documents of requests.

    Attributes:
        batcher: What reads them.
        limits: What requests may cost.
        model: Name of the model.
        running: Number of requests that are read, wait or run now.
    """

    batcher: Batcher
    limits: Limits
    model: str
    running: int = field(default=0, init=False)

    async def code(self, request: Request) -> Coded:
        """The documents of a request, coded.

        Raises:
            HTTPException: The request is bad, too large or too slow, or there are too many others.
            ClientDisconnect: The client has left; its work is dropped.
        """
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(415, "send JSON, with the header Content-Type: application/json")
        try:
            return await asyncio.wait_for(self._code(request), self.limits.timeout)
        except asyncio.TimeoutError:
            detail = f"not done within {self.limits.timeout:g} seconds; send fewer or shorter documents at a time"
            raise HTTPException(504, detail) from None

    async def _code(self, request: Request) -> Coded:
        if self.running >= self.limits.max_requests:
            with suppress(HTTPException):
                await read_body(request, 0)  # or the client may be cut off before it reads the answer
            raise HTTPException(503, "too many requests at the moment; try again later", {"Retry-After": "1"})
        with self._counted():
            body = await read_body(request, self.limits.max_bytes)
            asked = read_request(body, max_documents=self.limits.max_documents)
            return await self._read(request, asked)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    async def _read(self, request: Request, asked: ReadRequest) -> Coded:
        """Code a request's good documents unless its client leaves."""
        problems = {i: record.cause for i, record in enumerate(asked.records) if isinstance(record, InputError)}
        good = {i: record for i, record in enumerate(asked.records) if isinstance(record, Record)}
        results = await self._results(request, list(good.values()), asked.options)
        documents: list[Document | None] = [None] * len(asked.records)
        for index, result in zip(good, results, strict=True):
            if isinstance(result, Document):
                documents[index] = result
            else:
                problems[index] = _FAILED
        return Coded(tuple(documents), problems, asked.single)

    async def _results(
        self, request: Request, records: Sequence[Record], options: Options
    ) -> list[Document | BaseException]:
        waiting = asyncio.gather(
            *map(asyncio.wrap_future, self.batcher.submit(records, options)), return_exceptions=True
        )
        leaving = asyncio.ensure_future(_client_leaves(request))
        try:
            await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise ClientDisconnect
            return waiting.result()
        finally:
            leaving.cancel()
            waiting.cancel()


async def _client_leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
