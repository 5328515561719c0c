"""What clients send and get, and how a request's JSON becomes records and options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import HTTPException
from pydantic import BaseModel, ConfigDict, FailFast, Field, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from geoevents.errors import InputError, repeated
from geoevents.events import STATUSES, Document, Status
from geoevents.reciprocal import Reciprocal
from geoevents.records import Record, make_record
from geoevents.server.batching import Options

_EXAMPLE: dict[str, JsonValue] = {
    "text": "Iranian President Ebrahim Raisi met Vladimir Putin in Moscow on Wednesday.",
    "date": "2022-01-21",
}

ModelT = TypeVar("ModelT", bound=BaseModel)


class DocumentToRead(BaseModel):
    """A text to be coded."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    text: str = Field(description="The text, in English.")
    id: str | int | None = Field(None, description="Identifier; without one it is made from the text.")
    date: str | None = Field(
        None, description='Date of publication, such as "2022-01-21"; time expressions are read against it.'
    )


class RequestOptions(BaseModel):
    """Which events to return, and how."""

    model_config = ConfigDict(strict=True, extra="forbid")

    statuses: Annotated[tuple[Status, ...], FailFast(), Field(strict=False)] = Field(
        STATUSES, description="Only events of these statuses."
    )
    min_score: float = Field(0.0, ge=0, le=1, allow_inf_nan=False, description="Only events with at least this score.")
    reciprocal: Reciprocal = Field(
        "joint",
        description="Acts with a joint subject: joint puts all parties on both sides, expand gives one event for each "
        "direction, annotated leaves all as sources.",
    )


class OneDocument(RequestOptions, DocumentToRead):
    """One text, with options."""


class ManyDocuments(RequestOptions):
    """Several texts, with options for all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"documents": [{"id": "a", **_EXAMPLE}]}]})

    documents: list[DocumentToRead]


class DocumentError(BaseModel):
    """Why a document of several could not be read."""

    index: int = Field(description="Its place in the request, from 0.")
    detail: str = Field(description="What is wrong with it.")


class ManyAnswers(BaseModel):
    """The coded documents."""

    documents: list[Document | None] = Field(description="In the order of the request; null where one is bad.")
    errors: list[DocumentError] = Field(description="What is wrong with the bad ones.")


class Health(BaseModel):
    """The state of the service."""

    status: str = Field(examples=["ok"])
    version: str = Field(description="Version of geoevents.", examples=["0.1.0"])
    model: str = Field(description="Name of the model.", examples=["default"])


class Problem(BaseModel):
    """Why a request failed."""

    detail: str = Field(description="What was found, and what is allowed.")


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request that has been read.

    Attributes:
        records: Its documents; an error in the place of each bad one.
        options: Its options.
        single: Whether it is one document rather than a list.
    """

    records: tuple[Record | InputError, ...]
    options: Options
    single: bool


def read_request(body: bytes, *, max_documents: int) -> ReadRequest:
    """The documents and options of a request's body.

    Raises:
        HTTPException: 400, it is no JSON; 413, there are too many documents; 422, it is not of the right form, or its
            one document is bad.
    """
    data = _json(body)
    try:
        if isinstance(data, dict) and "documents" in data:
            return _read_many(data, max_documents)
        given = _checked_keys(data, OneDocument)
        options = _options(given)
        return ReadRequest((_record(given),), options, single=True)
    except InputError as error:
        raise HTTPException(422, error.cause) from None


def _read_many(data: dict[str, Any], max_documents: int) -> ReadRequest:
    options = _options(_checked_keys(data, ManyDocuments))
    documents = data["documents"]
    if not isinstance(documents, list):
        raise InputError(f"documents: give a list of documents, found {repeated(documents)}")
    if len(documents) > max_documents:
        raise HTTPException(413, f"{len(documents)} documents in a request; at most {max_documents} are allowed")
    return ReadRequest(tuple(map(_record_or_error, documents)), options, single=False)


def _record_or_error(data: object) -> Record | InputError:
    try:
        return _record(_checked_keys(data, DocumentToRead))
    except InputError as error:
        return error


def _record(data: Mapping[str, Any]) -> Record:
    checked = _validated(DocumentToRead, data)
    return make_record(checked.text, checked.id, checked.date)


def _options(data: Mapping[str, Any]) -> Options:
    checked = _validated(RequestOptions, data)
    return Options(tuple(dict.fromkeys(checked.statuses)), checked.min_score, checked.reciprocal)


def _checked_keys(data: object, model: type[BaseModel]) -> dict[str, Any]:
    """A JSON object that has only the keys of a model."""
    if not isinstance(data, dict):
        raise InputError(f'give an object such as {{"text": "…"}}, found {repeated(data)}')
    if unknown := sorted(data.keys() - model.model_fields.keys()):
        allowed = ", ".join(map(repr, model.model_fields))
        raise InputError(f"unknown key {repeated(*unknown)}; allowed are {allowed}")
    return data


def _validated(model: type[ModelT], data: Mapping[str, Any]) -> ModelT:
    """A model from those of the data that it has."""
    try:
        return model.model_validate({key: value for key, value in data.items() if key in model.model_fields})
    except ValidationError as error:
        raise InputError("; ".join(map(_explained, error.errors(include_url=False)))) from None


def _explained(problem: ErrorDetails) -> str:
    """Where it is, what is wrong and, in short, what was found."""
    where = ".".join(map(str, problem["loc"]))
    if problem["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {problem['msg']}, found {repeated(problem['input'])}"


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise HTTPException(400, f"byte {body[error.start]:#04x} at offset {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise HTTPException(400, f"malformed JSON: {error.msg} at {where}") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, brackets without end
        raise HTTPException(400, f"malformed JSON: {error}") from None
