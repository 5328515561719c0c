"""The pages for people, with all that they load, and what browsers are told not to do."""

from __future__ import annotations

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STATIC = Path(__file__).with_name("static")

# Swagger UI as the package ships it; FastAPI's own page would load it from the internet.
_SWAGGER = Path(fastapi_offline.__file__).with_name("static")

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE = f"{_NOTHING}; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"

HTML_POLICY = f"{_NOTHING}; style-src 'unsafe-inline'; sandbox"
"""For rendered documents, which bring their own style sheet along, shown as a page."""


def add_pages(app: FastAPI) -> None:
    """Serve the page to try texts at / and the documentation at /docs."""

    @app.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return _page("index.html", _PAGE)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return _page("docs.html", _PAGE)

    app.mount("/static/swagger", StaticFiles(directory=_SWAGGER))
    app.mount("/static", StaticFiles(directory=_STATIC))
    app.add_middleware(SafeHeaders)


def _page(name: str, policy: str) -> FileResponse:
    return FileResponse(_STATIC / name, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})


class SafeHeaders:
    """Tells browsers to load, embed, guess and pass on nothing, unless an answer says otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; see the ASGI specification."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _NOTHING)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        await self._app(scope, receive, send_with_headers)
