"""What a request may cost, and its body read within that."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import HTTPException, Request

# How much of a body that is too large is read and thrown away, so that the client has sent all and reads the answer;
# of a larger one the connection is closed.
_SWALLOWED = 10_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What requests may cost.

    Attributes:
        max_bytes: Bytes of a request's body.
        max_documents: Documents of a request.
        max_requests: Requests that may be read, wait or run at the same time.
        timeout: Seconds from a request's headers to its answer.
    """

    max_bytes: int = 1_000_000
    max_documents: int = 100
    max_requests: int = 128
    timeout: float = 60.0


async def read_body(request: Request, max_bytes: int) -> bytes:
    """A request's body.

    Raises:
        HTTPException: 413, the body is too large, whatever the headers say about its length.
        ClientDisconnect: The client left before it was sent.
    """
    declared = int(request.headers.get("content-length", 0))
    # A client that asks before it sends needs no swallowing.
    if declared > max_bytes and (declared > _SWALLOWED or "expect" in request.headers):
        raise _too_large(max_bytes)
    body = bytearray()
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size <= max_bytes:
            body += piece
        elif size > _SWALLOWED:
            break
    if size > max_bytes:
        raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> HTTPException:
    return HTTPException(413, f"the request is larger than {max_bytes} bytes; send fewer documents at a time")
