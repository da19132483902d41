"""How refusals look in the description of the API: RFC 9457 problems with a code and the fields at fault."""

from typing import Any

from pydantic import BaseModel


class Problem(BaseModel):
    """`code` never changes. Each of `errors` has `detail` and `pointer`, the field's JSON pointer (RFC 6901), or
    `parameter`. `facts` are values for programs, such as `current_etag`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[dict[str, str]] = []
    facts: dict[str, Any] = {}


def problem_responses() -> dict[int | str, dict[str, Any]]:
    """For every route with a key."""
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    reasons = {
        401: "No key, or none that opens anything",
        403: "The key lacks the scope",
        404: "There is no such thing in this organisation",
        409: "Its state does not allow this",
        422: "The request is not valid; `errors` names the fields",
    }
    return {status: {"description": reason, "content": content} for status, reason in reasons.items()}
