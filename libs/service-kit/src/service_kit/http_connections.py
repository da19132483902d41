"""One connection of a listener: it ends when the head of a request does not come, when the answer is not read, or when
there are too many of its kind, and even then the answer is a problem with the headers of any other."""

import asyncio
import sys
from typing import Any

import h11
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from service_kit.http_door import HttpDoor
from service_kit.log_setup import get_logger
from service_kit.problems import RETRY_AFTER_SECONDS, problem
from service_kit.request_guard import REQUEST_ID_HEADER, new_request_id

_LINGERING_SECONDS = 2
_PROBES = frozenset({"/livez", "/readyz"})
_HINTED_TITLES = {
    408: ("request-too-slow", "The head of the request did not arrive in time"),
    431: ("headers-too-large", "The head of the request is too large"),
    501: ("not-implemented", "This way of sending is not known here"),
}


class Connection(H11Protocol):
    """uvicorn's own has a limit for idle connections only: one byte in an hour keeps it open."""

    door: HttpDoor

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._application = self.app
        self.app = self._admitted
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > 2 * self.door.connections_max:
            transport.abort()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._head_timer)
        _cancel(self._unread_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_reader()
        elif not self._working():
            self._expect_head()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._expect_reader()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            _cancel(self._unread_timer)

    def send_400_response(self, msg: str) -> None:
        """Called while the parser's error is being handled, which knows the better status."""
        hint = getattr(sys.exc_info()[1], "error_status_hint", 400)
        slug, title = _HINTED_TITLES.get(hint, ("malformed-request", "The request cannot be read"))
        self._refuse(hint if hint in _HINTED_TITLES else 400, slug, title, "the request is not sound HTTP/1.1")

    def _working(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        _cancel(self._head_timer)
        self._head_timer = self.loop.call_later(self.door.header_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        if self._working() or self.transport.is_closing():
            return
        if self.conn.trailing_data[0]:
            self._refuse(408, *_HINTED_TITLES[408], "send the request again")
        else:
            self.transport.close()
            self._expect_reader()

    def _expect_reader(self) -> None:
        """A closed connection lives on until the last byte is taken, which a client can put off for ever."""
        _cancel(self._unread_timer)
        self._unread_timer = self.loop.call_later(self.door.unread_seconds, self.transport.abort)

    def _refuse(self, status: int, slug: str, title: str, detail: str) -> None:
        answer = self._problem(status, slug, title, detail)
        headers = [(name, value) for name, value in answer.raw_headers]
        try:
            for event in (
                h11.Response(status_code=status, headers=headers),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:
            # Another answer has begun on this connection; all that can be said is its end.
            get_logger("http").info("connection cut", reason=slug)
        self._refused = True
        if self.transport.can_write_eof():
            # Closing over unread bytes would reset the connection before the answer is read.
            self.transport.write_eof()
            self.loop.call_later(_LINGERING_SECONDS, self.transport.close)
        else:
            self.transport.close()
        self._expect_reader()

    def _problem(self, status: int, slug: str, title: str, detail: str) -> JSONResponse:
        request_id = new_request_id()
        headers = {**self.door.security_headers(), REQUEST_ID_HEADER: request_id, "Connection": "close"}
        if status == 503:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return problem(status=status, slug=slug, title=title, detail=detail, request_id=request_id, headers=headers)

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self.connections) <= self.door.connections_max or scope["path"] in _PROBES:
            await self._application(scope, receive, send)
            return
        get_logger("http").warning("too many connections", limit=self.door.connections_max)
        answer = self._problem(503, "overloaded", "Too much at once", "there are too many connections; come back soon")
        await answer(scope, receive, send)


def connection_class(door: HttpDoor) -> type[Connection]:
    return type("Connection", (Connection,), {"door": door})


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
