"""The HTTP service as an ASGI application: its addresses and its answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from geoevents import __version__
from geoevents.errors import OntologyError
from geoevents.events import Document
from geoevents.ontology import Code, find_codes
from geoevents.pipeline import Extractor
from geoevents.rendering import render
from geoevents.server.batching import Batcher
from geoevents.server.documentation import add_description, json_body
from geoevents.server.limits import Limits
from geoevents.server.pages import HTML_POLICY, add_pages
from geoevents.server.schemas import Health, ManyAnswers, ManyDocuments, OneDocument, Problem
from geoevents.server.service import Coded, Service

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is no JSON, or not UTF-8."},
    413: {"model": Problem, "description": "The body is too large, or holds too many documents."},
    415: {"model": Problem, "description": "The body is not sent as application/json."},
    422: {"model": Problem, "description": "The request is not of this form, or its one document is bad."},
    500: {"model": Problem, "description": "The document could not be coded."},
    503: {"model": Problem, "description": "Too many requests; try again after the seconds in Retry-After."},
    504: {"model": Problem, "description": "The time limit is exceeded; send less at a time."},
}

router = APIRouter()


def create_application(
    extractor: Extractor, *, model: str = "default", limits: Limits | None = None, max_batch: int = 16
) -> FastAPI:
    """The service around an extractor, for any ASGI server; `geoevents serve` runs it on uvicorn.

    Args:
        extractor: What codes the documents. Its own statuses, score and reciprocal mode give way to each request's.
        model: Name of the model, for /health.
        limits: What requests may cost.
        max_batch: Documents that may go through the model together; see `geoevents.server.batching.Batcher`.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        batcher = Batcher(extractor, max_batch=max_batch)
        app.state.service = Service(batcher, limits or Limits(), model)
        yield
        batcher.close()

    app = FastAPI(
        title="geoevents",
        version=__version__,
        summary="CAMEO-coded events from geopolitical news: who did what to whom, where and when.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.include_router(router)
    app.exception_handler(ClientDisconnect)(_client_left)
    app.exception_handler(Exception)(_failed)
    add_pages(app)
    add_description(app)
    return app


@router.post(
    "/extract",
    summary="Code one document or several",
    responses={**_PROBLEMS, 200: {"model": Document | ManyAnswers, "description": "The documents with their events."}},
    openapi_extra=json_body(OneDocument, ManyDocuments),
)
async def extract(request: Request) -> Response:
    """Give a text to get its document, or `documents` to get several.

    A bad document among several does not harm the others: it is null in the answer, and `errors` says what is wrong
    with it. Documents and events have the form that `geoevents extract` writes.
    """
    coded = await _service(request).code(request)
    if coded.single:
        return await _answer(lambda: _json(_only(coded).to_dict()), "application/json")
    errors = [{"index": index, "detail": detail} for index, detail in sorted(coded.problems.items())]
    return await _answer(
        lambda: _json({"documents": [one and one.to_dict() for one in coded.documents], "errors": errors}),
        "application/json",
    )


@router.post(
    "/render",
    summary="Code one document and highlight its events",
    response_class=Response,
    responses={**_PROBLEMS, 200: {"content": {"text/html": {}}, "description": "An HTML element to embed."}},
    openapi_extra=json_body(OneDocument),
)
async def highlight(request: Request) -> Response:
    """The text as HTML with its events marked, and a table of them; markup in the text shows as text."""
    coded = await _service(request).code(request)
    if not coded.single:
        raise HTTPException(422, "give one document to render, not several")
    document = _only(coded)
    return await _answer(
        lambda: render(document).encode("utf-8", "replace"),
        "text/html; charset=utf-8",
        {"Content-Security-Policy": HTML_POLICY},
    )


@router.get(
    "/codes",
    summary="The CAMEO event codes",
    responses={404: {"model": Problem, "description": "There are no such codes."}},
)
async def codes(
    under: Annotated[str, Query(description="Only codes that begin so, such as 05 or 131.")] = "",
    search: Annotated[str | None, Query(description="Only codes that these words describe.")] = None,
) -> list[Code]:
    """CAMEO 1.1b3 with quad classes, Goldstein values and PLOVER types, in the codebook's order."""
    try:
        return find_codes(under, search)
    except OntologyError as error:
        raise HTTPException(404, str(error)) from None


@router.get("/health", summary="Whether the service is ready")
async def health(request: Request) -> Health:
    """Answers as soon as the model is loaded."""
    return Health(status="ok", version=__version__, model=_service(request).model)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _only(coded: Coded) -> Document:
    [document] = coded.documents
    if document is None:
        raise HTTPException(500, coded.problems[0])
    return document


def _json(data: Any) -> bytes:
    # Half a surrogate pair in a text cannot be UTF-8; with this error handler it becomes JSON's own escape for it.
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "backslashreplace")


async def _answer(body: Callable[[], bytes], media_type: str, headers: dict[str, str] | None = None) -> Response:
    """An answer whose body is made in a thread, since that of a long document takes a while."""
    return Response(await run_in_threadpool(body), media_type=media_type, headers=headers)


async def _client_left(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": "internal error; the cause is in the service's log"}, status_code=500)
