"""The outermost layer of every API, as plain ASGI: one id and one correlation per request, requests that are bounded in
size and time and well-formed before anything reads them, security headers, and a problem instead of a stack trace."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit import correlation
from service_kit.cross_origin import CrossOrigin
from service_kit.http_door import HttpDoor
from service_kit.identifiers import new_id
from service_kit.json_bodies import MalformedBody, check_json
from service_kit.log_setup import get_logger
from service_kit.problems import RETRY_AFTER_SECONDS, problem, request_id_of, unexpected
from service_kit.rate_limits import Allowance

REQUEST_ID_HEADER = "X-Request-Id"
ADDRESS_BYTES_MAX = 8_192
HEADER_BYTES_MAX = 16_384
HEADERS_MAX = 100
_LINGERING_SECONDS = 2


class _Refused(Exception):
    """The request goes no further; the answer is ready, and ``body_read`` says whether all of the body is here."""

    def __init__(self, answer: JSONResponse, *, body_read: bool = False) -> None:
        super().__init__(answer.status_code)
        self.answer = answer
        self.body_read = body_read


class _ClientGone(Exception):
    """The connection ended inside the body: nobody waits for an answer, and half a body must not be acted on."""


class RequestGuard:
    """Sets ``request_id`` and ``client_address`` in the request's state, and tells its ``rate_limit`` in the answer."""

    def __init__(
        self, app: ASGIApp, *, body_bytes_max: int, json_checked: bool = True, door: HttpDoor | None = None
    ) -> None:
        self.app = app
        self.body_bytes_max = body_bytes_max
        self.json_checked = json_checked
        self.door = door or HttpDoor()
        self.security_headers = self.door.security_headers()
        origins = self.door.cors_origins
        self.inner: ASGIApp = CrossOrigin(self._guarded, origins=origins) if origins else self._guarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = new_request_id()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["client_address"] = self.door.trusted_proxies.client_address(scope)
        headers = Headers(scope=scope)
        thread = correlation.new_correlation(
            correlation_id=headers.get(correlation.CORRELATION_HEADER, request_id),
            causation_id=request_id,
            traceparent=headers.get("traceparent", ""),
        )
        with correlation.bound(thread):
            await self.inner(scope, receive, _Answering(send, state=state, headers=self.security_headers))

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._sound_body(scope, receive)
        except _ClientGone:
            return
        except _Refused as refused:
            await _refuse(refused, receive, send)
            return
        answer = await self._answered(scope, _replayed(body, receive), send)
        if answer is not None:
            await answer(scope, receive, send)

    async def _sound_body(self, scope: Scope, receive: Receive) -> bytes:
        """Raises `_Refused` or `_ClientGone`."""
        _check_head(scope)
        try:
            async with asyncio.timeout(self.door.body_seconds):
                body = await _whole_body(scope, receive, body_bytes_max=self.body_bytes_max)
        except TimeoutError:
            raise _Refused(_body_too_slow(scope)) from None
        if self.json_checked:
            try:
                check_json(content_type=Headers(scope=scope).get("content-type", ""), body=body)
            except MalformedBody as reason:
                raise _Refused(_malformed(scope, str(reason)), body_read=True) from None
        return body

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> JSONResponse | None:
        """None when the application answered. A commit that has begun is finished even when the time is up.

        An answer that is a long stream says so as ``stream_seconds`` in the request's state before it begins.
        """
        started = _Started(send)
        try:
            async with asyncio.timeout(self.door.handler_seconds) as limit:
                started.begun = partial(_grant_time, limit, scope)
                await self.app(scope, receive, started)
        except Exception as error:
            # The edge: whatever was not expected becomes an answer here, unless one is already on its way.
            if limit.expired():
                get_logger("http").error("request took too long", request_id=request_id_of(scope), path=scope["path"])
                answer = _took_too_long(scope)
            else:
                answer = unexpected(error, request_id=request_id_of(scope))
            if started.started:
                raise
            return answer
        return None


def new_request_id() -> str:
    return f"req_{new_id().hex}"


class _Started:
    """Sends on, and knows whether an answer has begun; ``begun`` is called once, when it does."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.started = False
        self.begun: Callable[[], None] = lambda: None

    async def __call__(self, message: Message) -> None:
        if not self.started:
            self.started = True
            self.begun()
        await self.send(message)


def _grant_time(limit: asyncio.Timeout, scope: Scope) -> None:
    stream_seconds = scope["state"].get("stream_seconds")
    if stream_seconds is not None:
        limit.reschedule(asyncio.get_running_loop().time() + stream_seconds)


class _Answering:
    """Sends on, adding the headers that every answer has."""

    def __init__(self, send: Send, *, state: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.send = send
        self.state = state
        self.headers = headers

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID_HEADER] = self.state["request_id"]
            allowance = self.state.get("rate_limit")
            if isinstance(allowance, Allowance):
                headers.update(allowance.fields())
            for name, value in self.headers.items():
                headers.setdefault(name, value)
        await self.send(message)


async def _whole_body(scope: Scope, receive: Receive, *, body_bytes_max: int) -> bytes:
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isdigit() and int(declared) > body_bytes_max:
        raise _Refused(_too_large(scope, body_bytes_max))
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _ClientGone
        body += message.get("body", b"")
        if len(body) > body_bytes_max:
            raise _Refused(_too_large(scope, body_bytes_max))
        if not message.get("more_body", False):
            break
    return bytes(body)


async def _refuse(refused: _Refused, receive: Receive, send: Send) -> None:
    """Answer at once, but end the answer only when the body is here or a moment has passed: a connection that is closed
    over unread bytes is reset, often before the answer is read, and a browser would say "network error"."""
    answer = refused.answer
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    if not refused.body_read:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGERING_SECONDS):
                while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
                    continue
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _check_head(scope: Scope) -> None:
    """Raises `_Refused`. Postgres' text has no NUL, so no address of ours has one either."""
    query, headers = scope.get("query_string", b""), scope["headers"]
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
        answer = _malformed(scope, "the request has both a Content-Length and a Transfer-Encoding")
        answer.headers["Connection"] = "close"
        raise _Refused(answer)
    if len(scope.get("raw_path") or b"") + len(query) > ADDRESS_BYTES_MAX:
        raise _Refused(_head_too_large(scope, 414, "address-too-long", f"at most {ADDRESS_BYTES_MAX} bytes are read"))
    if len(headers) > HEADERS_MAX or sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES_MAX:
        detail = f"at most {HEADERS_MAX} headers and {HEADER_BYTES_MAX} bytes are read"
        raise _Refused(_head_too_large(scope, 431, "headers-too-large", detail))
    if "\x00" in scope.get("path", "") or b"%00" in query:
        raise _Refused(_malformed(scope, "the address contains the character NUL"))


def _head_too_large(scope: Scope, status: int, slug: str, detail: str) -> JSONResponse:
    return problem(
        status=status,
        slug=slug,
        title="The head of the request is too large",
        detail=detail,
        request_id=request_id_of(scope),
        headers={"Connection": "close"},
    )


def _too_large(scope: Scope, body_bytes_max: int) -> JSONResponse:
    return problem(
        status=413,
        slug="body-too-large",
        title="The body is too large",
        detail=f"at most {body_bytes_max} bytes are read",
        request_id=request_id_of(scope),
        headers={"Connection": "close"},
    )


def _body_too_slow(scope: Scope) -> JSONResponse:
    return problem(
        status=408,
        slug="body-too-slow",
        title="The body did not arrive in time",
        detail="nothing was done; send the request again",
        request_id=request_id_of(scope),
        headers={"Connection": "close"},
    )


def _took_too_long(scope: Scope) -> JSONResponse:
    return problem(
        status=503,
        slug="took-too-long",
        title="The work was given up because it took too long",
        detail="it may have been done; send the same request again, with the same Idempotency-Key if it had one",
        request_id=request_id_of(scope),
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def _malformed(scope: Scope, detail: str) -> JSONResponse:
    return problem(
        status=400,
        slug="malformed-request",
        title="The request cannot be read",
        detail=detail,
        request_id=request_id_of(scope),
    )
