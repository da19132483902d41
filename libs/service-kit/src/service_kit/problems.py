"""Every error answer is one RFC 9457 problem: a stable type and code, the field at fault, the request's id, and nothing
of the input or of our insides."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import asyncpg
import sqlalchemy.exc
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from service_kit.errors import DomainError, ErrorKind, TooManyRequests
from service_kit.field_errors import field_error
from service_kit.log_setup import get_logger
from service_kit.rate_limits import QuotaSpent

PROBLEM_TYPE_PREFIX = "urn:invoice-central:problem:"
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
_ERRORS_MAX = 50
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

STATUS_OF_KIND: Mapping[ErrorKind, int] = {
    ErrorKind.INVALID: 422,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.PRECONDITION_FAILED: 412,
    ErrorKind.PRECONDITION_REQUIRED: 428,
    ErrorKind.TOO_LARGE: 413,
    ErrorKind.TOO_MANY_REQUESTS: 429,
    ErrorKind.UNAVAILABLE: 503,
}
_HTTP_SLUGS = {
    400: "malformed-request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "unsupported-media-type",
}
_LOST_DATABASE = (sqlalchemy.exc.TimeoutError, asyncpg.PostgresConnectionError, ConnectionError, TimeoutError)
# SQLSTATE: connection exceptions, insufficient resources, operator intervention; serialization, deadlock, lock timeout.
_PASSING_CLASSES = frozenset({"08", "53", "57"})
_PASSING_STATES = frozenset({"40001", "40P01", "55P03"})


def problem(
    *,
    status: int,
    slug: str,
    title: str,
    detail: str,
    request_id: str,
    errors: Sequence[Mapping[str, str]] = (),
    facts: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    content: dict[str, Any] = {
        "type": PROBLEM_TYPE_PREFIX + slug,
        "title": title or slug.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": slug,
        "request_id": request_id,
    }
    if errors:
        content["errors"] = list(errors)
    if facts:
        content["facts"] = dict(facts)
    return JSONResponse(content, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def install_problem_handlers(api: FastAPI) -> None:
    api.add_exception_handler(DomainError, _domain_error)
    api.add_exception_handler(RequestValidationError, _validation_error)
    api.add_exception_handler(HTTPException, _http_error)


def unexpected(error: Exception, *, request_id: str) -> JSONResponse:
    """The answer to an exception that nobody expected: 503 without the database, else 500 and a logged traceback."""
    if _database_is_away(error):
        get_logger("http").warning("database unavailable", error=type(error).__name__, request_id=request_id)
        return problem(
            status=503,
            slug="unavailable",
            title="Not available at the moment",
            detail="a part that this needs does not answer; send the same request again",
            request_id=request_id,
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )
    get_logger("http").error("request failed", request_id=request_id, exc_info=error)
    return problem(
        status=500,
        slug="internal-error",
        title="Something went wrong on our side",
        detail=f"the failure is recorded under {request_id}",
        request_id=request_id,
    )


def _database_is_away(error: Exception) -> bool:
    """Not reachable, shutting down, full, or a lock that came too late: the same request can succeed later."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        state = str(getattr(error.orig, "sqlstate", "") or "")
        return error.connection_invalidated or state in _PASSING_STATES or state[:2] in _PASSING_CLASSES
    return isinstance(error, _LOST_DATABASE)


def request_id_of(scope: Mapping[str, Any]) -> str:
    return str(scope.get("state", {}).get("request_id", ""))


async def _domain_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, DomainError):
        raise error
    if isinstance(error, QuotaSpent):
        request.state.rate_limit = error.allowance
    return problem(
        status=STATUS_OF_KIND[error.kind],
        slug=error.slug,
        title=error.title,
        detail=error.detail,
        request_id=request_id_of(request.scope),
        errors=[{"pointer": error.pointer, "detail": error.detail}] if error.pointer else (),
        facts=error.facts,
        headers=_headers_of(error),
    )


def _headers_of(error: DomainError) -> Mapping[str, str]:
    if isinstance(error, TooManyRequests):
        return {"Retry-After": str(error.retry_after_seconds)}
    if error.kind is ErrorKind.UNAUTHENTICATED:
        return {"WWW-Authenticate": "Bearer"}
    if error.kind is ErrorKind.UNAVAILABLE:
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return {}


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    if isinstance(error.body, bytes) and error.body:
        # The framework leaves a body as bytes when it is not said to be JSON, and then validates the bytes.
        return problem(
            status=415,
            slug="unsupported-media-type",
            title="The body is of a kind that is not read here",
            detail="send the body with the header Content-Type: application/json",
            request_id=request_id_of(request.scope),
            headers={"Accept": "application/json"},
        )
    rows = _once(field_error(row, body=error.body) for row in error.errors()[:_ERRORS_MAX])
    return problem(
        status=422,
        slug="invalid-request",
        title="The request is not valid",
        detail="; ".join(f"{row.get('pointer') or row.get('parameter', '')}: {row['detail']}" for row in rows[:3]),
        request_id=request_id_of(request.scope),
        errors=rows,
    )


def _once(rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Branches of a union often fail for the same reason."""
    kept: list[dict[str, str]] = []
    for row in rows:
        if row not in kept:
            kept.append(row)
    return kept


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    slug = _HTTP_SLUGS.get(error.status_code, f"http-{error.status_code}")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods_there(request)))
    return problem(
        status=error.status_code,
        slug=slug,
        title="",
        detail=str(error.detail),
        request_id=request_id_of(request.scope),
        headers=headers,
    )


def _methods_there(request: Request) -> set[str]:
    """RFC 9110, section 10.2.1: ``Allow`` lists all methods of the address, where a router knows those of one route."""
    return {
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    }
