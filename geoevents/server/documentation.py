"""The OpenAPI description of the service.

Bodies are read by hand, so that they are counted while they come and a bad document is told from a bad request;
FastAPI does not see them, so their schemas are added here. Results are described by their own types, whose docstrings
say what each attribute holds.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from geoevents.events import Span
from geoevents.server.schemas import ManyDocuments, OneDocument

_REFERENCE = "#/components/schemas/{model}"


def json_body(*models: type[BaseModel]) -> dict[str, Any]:
    """What an operation's description says of its body: JSON of one of these models."""
    choices = [{"$ref": _REFERENCE.format(model=model.__name__)} for model in models]
    schema = choices[0] if len(choices) == 1 else {"oneOf": choices}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def add_description(app: FastAPI) -> None:
    """Let an application give a whole OpenAPI description of itself."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _description(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _description(app: FastAPI) -> dict[str, Any]:
    description = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=app.description, routes=app.routes
    )
    _, bodies = models_json_schema(
        [(OneDocument, "validation"), (ManyDocuments, "validation")], ref_template=_REFERENCE
    )
    schemas = description["components"]["schemas"]
    schemas.update(bodies["$defs"])
    # FastAPI's own form of a 422, which no operation here answers.
    description["paths"]["/codes"]["get"]["responses"].pop("422")
    del schemas["HTTPValidationError"], schemas["ValidationError"]
    inherited = _attributes(inspect.cleandoc(Span.__doc__ or ""))
    for schema in schemas.values():
        if "Attributes:" in schema.get("description", ""):
            _describe_result(schema, inherited)
    return description


def _describe_result(schema: dict[str, Any], inherited: dict[str, str]) -> None:
    """Move what a result's docstring says of its attributes to them; all of them are always given."""
    texts = inherited | _attributes(schema["description"])
    schema["description"] = schema["description"].partition("Attributes:")[0].strip()
    schema["required"] = list(schema["properties"])
    for name, field in schema["properties"].items():
        field.pop("default", None)
        if name in texts:
            field["description"] = texts[name]


def _attributes(docstring: str) -> dict[str, str]:
    """The section "Attributes" of a docstring, by attribute."""
    section = docstring.partition("Attributes:")[2]
    found = re.findall(r"^ +(\w+): (.*(?:\n {5,}(?!\w+: ).*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()).replace("None", "null") for name, text in found}
