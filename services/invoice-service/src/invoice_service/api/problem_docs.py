"""How refusals look in the description of the API: RFC 9457 problems with a code and the fields at fault."""

from typing import Any

from pydantic import BaseModel

_REASONS = {
    400: "The request cannot be read, or its cursor is not one of this list",
    401: "No key or session, or none that opens anything",
    403: "The caller may not do this",
    404: "There is no such thing in this organisation",
    408: "The request took too long to arrive",
    409: "Its state does not allow this",
    413: "The body is too large",
    414: "The address is too long",
    415: "The body is not JSON",
    422: "The request is not valid; `errors` names the fields",
    431: "The headers are too large",
    429: "Too many requests; `Retry-After` says when to come back",
    503: "Something this needs does not answer; the same request can succeed later",
}
_VERSION_REASONS = {412: "It changed since it was read", 428: "`If-Match` is missing"}


class FieldError(BaseModel):
    """`pointer` is the field's JSON pointer (RFC 6901) in the body; `parameter` names one outside of it."""

    detail: str
    pointer: str = ""
    parameter: str = ""


class Problem(BaseModel):
    """A refusal (RFC 9457). `code` never changes; `facts` are values for programs, such as `current_etag`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldError] = []
    facts: dict[str, Any] = {}


def problem_component() -> dict[str, Any]:
    """The schema of `Problem` in one piece, with an example."""
    schema = Problem.model_json_schema()
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["FieldError"]
    schema["example"] = {
        "type": "urn:invoice-central:problem:invalid-request",
        "title": "The request is not valid",
        "status": 422,
        "detail": "/lines/0/quantity: Input should be greater than 0",
        "code": "invalid-request",
        "request_id": "req_019ab2f0c1d27c3f8a5e4b6d7f8091a2",
        "errors": [{"pointer": "/lines/0/quantity", "detail": "Input should be greater than 0"}],
    }
    return schema


def problem_responses() -> dict[int | str, dict[str, Any]]:
    """For every route with a caller; `api_document` replaces each by a reference to its component."""
    return {status: {"description": reason} for status, reason in _REASONS.items()}


def problem_content() -> dict[str, Any]:
    return {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def response_components() -> dict[str, dict[str, Any]]:
    """By `component_name`."""
    return {
        component_name(status): {"description": reason, "content": problem_content()}
        for status, reason in {**_REASONS, **_VERSION_REASONS}.items()
    }


def component_name(status: int) -> str:
    return f"Problem{status}"
