"""The description of the public API: what FastAPI knows of the routes, completed with what all routes share.

Problems, headers, examples and links are added here once, so that a new route is described as fully as the others.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from invoice_service.api.api_links import LINKS
from invoice_service.api.problem_docs import component_name, problem_component, response_components
from invoice_service.api.versions import NEEDED_MARK

API_VERSION = "1.0.0"
_EXAMPLES = Path(__file__).parent / "api_examples.json"
_ABOUT = """\
Invoices by hand or by Stripe, and a ledger that knows every cent.

**Callers.** Programs send `Authorization: Bearer ic_live_…`. People sign in at `/sign-in`; their browser sends the \
session's cookie, and with each request that changes something the `csrf_token` of `GET /v1/session` as \
`X-CSRF-Token`. Who belongs to several organisations names one in `X-Organization-Id`.

**Amounts** are integers in minor units beside a `currency`; quantities, prices and rates are decimals as text.

**Writes** take an `Idempotency-Key`: the same key with the same request is answered again and done once, another \
request under the same key is refused. What has a version is changed with `If-Match` and its `ETag`.

**Lists** give `next_cursor` while there is more; a cursor belongs to its list, its filters and its order.

**Refusals** are problems (RFC 9457): `code` never changes, `errors` names fields by JSON pointer (RFC 6901).

**Limits.** `RateLimit` and `RateLimit-Policy` say what is left; a 429 says in `Retry-After` when to come back.
"""
_TAGS = (
    ("invoices", "Drafts, and what happens to an invoice from *Send* on."),
    ("payments", "Money recorded by a person. What Stripe says is recorded by itself."),
    ("customers", "Whom you bill."),
    ("templates", "What drafts start from: the provided ones and your own."),
    ("settings", "The organisation's defaults, and the connection to Stripe."),
    ("people", "Who signs in, and what they may do."),
    ("api-keys", "Keys for programs. A key's text is shown once."),
    ("audit-log", "Who did what to which object, from where."),
    ("exports", "Everything as CSV, streamed."),
)
_SHARED_HEADERS = {
    "X-Request-Id": "Names this request in our logs; quote it when you ask us.",
    "RateLimit": 'What is left for this caller, as `"policy";r=<left>;t=<seconds>`.',
    "RateLimit-Policy": 'The limits that apply, as `"policy";q=<requests>;w=<seconds>`.',
}
_VERSION_STATUSES = (412, 428)


def describe(api: FastAPI) -> dict[str, Any]:
    """The whole document, as OpenAPI 3.1. The same routes always give the same text."""
    document = get_openapi(
        title=api.title, version=API_VERSION, description=_ABOUT, routes=api.routes, separate_input_output_schemas=False
    )
    document["tags"] = [{"name": name, "description": text} for name, text in _TAGS]
    components = document["components"]
    components["schemas"].pop("HTTPValidationError", None)
    components["schemas"].pop("ValidationError", None)
    components["schemas"]["Problem"] = problem_component()
    components["headers"] = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in _SHARED_HEADERS.items()
    }
    components["responses"] = {name: _with_headers(response) for name, response in response_components().items()}
    for operation in _operations(document):
        _complete(operation)
    return document


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _complete(operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    examples = _examples().get(name, {})
    for parameter in operation.get("parameters", ()):
        _without_null(parameter)
        if parameter["name"] in examples.get("parameters", {}):
            parameter["example"] = examples["parameters"][parameter["name"]]
        if parameter["name"] == "If-Match":
            operation["responses"].update({str(status): {} for status in _VERSION_STATUSES})
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if "request" in examples:
            content["example"] = examples["request"]
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            response["description"] = response["description"].replace("Successful Response", operation["summary"])
            _with_headers(response)
            if "response" in examples and "application/json" in response.get("content", {}):
                response["content"]["application/json"]["example"] = examples["response"]
        elif int(status) >= 400:
            operation["responses"][status] = {"$ref": f"#/components/responses/{component_name(int(status))}"}
    operation["responses"] = dict(sorted(operation["responses"].items()))
    if name in LINKS:
        _first_success(operation)["links"] = LINKS[name]


def _with_headers(response: dict[str, Any]) -> dict[str, Any]:
    shared = {header: {"$ref": f"#/components/headers/{header}"} for header in _SHARED_HEADERS}
    response["headers"] = {**response.get("headers", {}), **shared}
    return response


def _without_null(parameter: dict[str, Any]) -> None:
    """A parameter is there or not: outside of a body there is no null."""
    schema = parameter["schema"]
    parameter["required"] = bool(schema.pop(NEEDED_MARK, parameter.get("required")))
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        parameter["schema"] = {**{key: value for key, value in schema.items() if key != "anyOf"}, **kinds[0]}


def _first_success(operation: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(body for status, body in operation["responses"].items() if status.startswith("2"))
    return found


@cache
def _examples() -> dict[str, Any]:
    """Recorded from the service itself by its tests; see `tests/integration/test_api_examples.py`."""
    content: dict[str, Any] = json.loads(_EXAMPLES.read_text(encoding="utf-8"))
    return content
