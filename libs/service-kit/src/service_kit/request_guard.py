"""The outermost layer of every API, as plain ASGI: one id and one correlation per request, bodies that are bounded and
well-formed before anything reads them, security headers, and a problem instead of a stack trace."""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit import correlation
from service_kit.identifiers import new_id
from service_kit.problems import problem, request_id_of, unexpected
from service_kit.rate_limits import Allowance

REQUEST_ID_HEADER = "X-Request-Id"
_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Set only where the answer does not bring its own."""


class MalformedBody(ValueError):
    """The body cannot be read; the message says why and is safe to send back."""


class _TooLarge(Exception):
    pass


class _ClientGone(Exception):
    """The connection ended inside the body: nobody waits for an answer, and half a body must not be acted on."""


class RequestGuard:
    def __init__(self, app: ASGIApp, *, body_bytes_max: int, json_checked: bool = True) -> None:
        self.app = app
        self.body_bytes_max = body_bytes_max
        self.json_checked = json_checked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = f"req_{new_id().hex}"
        scope.setdefault("state", {})["request_id"] = request_id
        headers = Headers(scope=scope)
        thread = correlation.new_correlation(
            correlation_id=headers.get(correlation.CORRELATION_HEADER, request_id),
            causation_id=request_id,
            traceparent=headers.get("traceparent", ""),
        )
        with correlation.bound(thread):
            await self._guarded(scope, receive, _Answering(send, state=scope["state"]))

    async def _guarded(self, scope: Scope, receive: Receive, answering: "_Answering") -> None:
        refusal: JSONResponse | None
        try:
            body = await _whole_body(scope, receive, body_bytes_max=self.body_bytes_max)
            _check_address(scope)
            if self.json_checked:
                _check_json(Headers(scope=scope).get("content-type", ""), body)
        except _ClientGone:
            return
        except _TooLarge:
            refusal = self._too_large(scope)
        except MalformedBody as reason:
            refusal = _malformed(scope, str(reason))
        else:
            refusal = await self._answered(scope, _replayed(body, receive), answering)
        if refusal is not None:
            await refusal(scope, receive, answering)

    async def _answered(self, scope: Scope, receive: Receive, answering: "_Answering") -> JSONResponse | None:
        try:
            await self.app(scope, receive, answering)
        except Exception as error:
            # The edge: whatever was not expected becomes an answer here, unless one is already on its way.
            answer = unexpected(error, request_id=request_id_of(scope))
            if answering.started:
                raise
            return answer
        return None

    def _too_large(self, scope: Scope) -> JSONResponse:
        return problem(
            status=413,
            slug="body-too-large",
            title="The body is too large",
            detail=f"at most {self.body_bytes_max} bytes are read",
            request_id=request_id_of(scope),
            headers={"Connection": "close"},
        )


class _Answering:
    """Sends on, adding the headers that every answer has."""

    def __init__(self, send: Send, *, state: Mapping[str, Any]) -> None:
        self.send = send
        self.state = state
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID_HEADER] = self.state["request_id"]
            allowance = self.state.get("rate_limit")
            if isinstance(allowance, Allowance):
                headers.update(allowance.fields())
            for name, value in _SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await self.send(message)


async def _whole_body(scope: Scope, receive: Receive, *, body_bytes_max: int) -> bytes:
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isdigit() and int(declared) > body_bytes_max:
        raise _TooLarge
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _ClientGone
        body += message.get("body", b"")
        if len(body) > body_bytes_max:
            raise _TooLarge
        if not message.get("more_body", False):
            break
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _check_address(scope: Scope) -> None:
    """Postgres' text has no NUL, so no address of ours has one either."""
    if "\x00" in scope.get("path", "") or b"%00" in scope.get("query_string", b""):
        raise MalformedBody("the address contains the character NUL")


def _check_json(content_type: str, body: bytes) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if not body or not (media_type == "application/json" or media_type.endswith("+json")):
        return
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise MalformedBody("the body is not UTF-8") from None
    except RecursionError:
        raise MalformedBody("the body is nested too deeply") from None
    except MalformedBody:
        raise
    except ValueError:
        raise MalformedBody("the body is not valid JSON") from None
    if _SUSPICIOUS_ESCAPE.search(body):
        _check_text(value)


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBody(f"{name} is not a JSON number")


def _check_text(value: Any) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedBody("the body contains half of a surrogate pair") from None
    if _has_nul(value):
        raise MalformedBody("the body contains the character NUL (\\u0000)")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)


def _malformed(scope: Scope, detail: str) -> JSONResponse:
    return problem(
        status=400,
        slug="malformed-request",
        title="The request cannot be read",
        detail=detail,
        request_id=request_id_of(scope),
    )
