"""A served API at a real socket: who is slow, greedy or not speaking HTTP is ended, and others do not notice."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from service_kit.clock import SystemClock
from service_kit.database import uninterrupted
from service_kit.http import create_api, listening, serve
from service_kit.http_door import HttpDoor
from service_kit.testing.waiting import run_until

BODY_BYTES_MAX = 100_000
UNTIL_CLOSED_SECONDS = 8.0


class Served:
    def __init__(self, port: int) -> None:
        self.port = port
        self.finished: list[str] = []
        self.cancelled: list[str] = []

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def exchange(self, *parts: bytes) -> "Answer":
        """Send everything, then read until the server closes."""
        reader, writer = await self.connect()
        try:
            for part in parts:
                writer.write(part)
            return await Answer.read(reader)
        finally:
            writer.close()

    async def is_well(self) -> bool:
        answer = await self.exchange(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return answer.status == 200


class Answer:
    """What came until the end of the connection; status 0 when nothing did."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        head, _, self.body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1]) if first else 0
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @classmethod
    async def read(cls, reader: asyncio.StreamReader) -> "Answer":
        async with asyncio.timeout(UNTIL_CLOSED_SECONDS):
            return cls(await reader.read())

    @classmethod
    async def read_one(cls, reader: asyncio.StreamReader) -> "Answer":
        """Up to its own end, wherever the connection's end is."""
        async with asyncio.timeout(UNTIL_CLOSED_SECONDS):
            head = cls(await reader.readuntil(b"\r\n\r\n"))
            return cls(head.raw + await reader.readexactly(int(head.headers["content-length"])))

    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        assert self.headers["x-content-type-options"] == "nosniff"
        assert self.headers["cache-control"] == "no-store"
        assert "server" not in self.headers
        body: dict[str, Any] = json.loads(self.body)
        assert body["request_id"] == self.headers["x-request-id"]
        assert body["status"] == self.status
        return body


@asynccontextmanager
async def served(**door: Any) -> AsyncIterator[Served]:
    with listening(host="127.0.0.1", port=0) as free:
        port = free.getsockname()[1]
    at = Served(port)
    stop = asyncio.Event()
    api = _example_api(at, HttpDoor(**door))
    serving = asyncio.create_task(serve([(api, "127.0.0.1", port)], stop=stop))
    await run_until(lambda: _accepts(port), timeout_seconds=10)
    try:
        yield at
    finally:
        stop.set()
        async with asyncio.timeout(15):
            await serving


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _example_api(at: Served, door: HttpDoor) -> FastAPI:
    api = create_api(
        title="Example",
        service="example",
        clock=SystemClock(),
        ready_checks=[],
        body_bytes_max=BODY_BYTES_MAX,
        door=door,
    )

    @api.post("/things")
    async def things(request: Request) -> int:
        return len(await request.body())

    @api.get("/address")
    async def address(request: Request) -> str:
        return str(request.state.client_address)

    @api.get("/hangs")
    async def hangs() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            at.cancelled.append("hangs")
            raise

    @api.get("/commits")
    async def commits() -> None:
        await uninterrupted(_commit(at))

    @api.get("/large")
    async def large() -> Response:
        return Response(b"x" * 20_000_000)

    return api


async def _commit(at: Served) -> None:
    await asyncio.sleep(1)
    at.finished.append("commit")


def request(method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: example.test", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def test_headers_that_come_too_slowly_are_given_up() -> None:
    async with served(header_seconds=1) as at:
        reader, writer = await at.connect()
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
        dripping = asyncio.create_task(_drip(writer, b"X-More: 1\r\n", every=0.2))

        answer = await Answer.read(reader)

        dripping.cancel()
        assert (answer.status, answer.problem()["code"]) == (408, "request-too-slow")
        assert answer.headers["connection"] == "close"
        assert await at.is_well()


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with served(header_seconds=1) as at:
        reader, _ = await at.connect()

        assert (await Answer.read(reader)).raw == b""


async def test_one_byte_after_an_answer_does_not_keep_a_connection_for_ever() -> None:
    async with served(header_seconds=1, keep_alive_seconds=30) as at:
        reader, writer = await at.connect()
        writer.write(request("GET", "/livez"))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"G")

        rest = await Answer.read(reader)

        assert b"408" in rest.raw


async def test_an_idle_connection_is_closed_after_its_answer() -> None:
    async with served(keep_alive_seconds=1, header_seconds=30) as at:
        answer = await at.exchange(request("GET", "/livez"))

        assert answer.status == 200
        assert "connection" not in answer.headers


async def test_a_connection_may_be_used_for_longer_than_one_head_may_take() -> None:
    async with served(header_seconds=0.5) as at:
        reader, writer = await at.connect()
        for _ in range(2):
            writer.write(request("GET", "/commits"))
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(4) == b"null"
        writer.close()

        assert at.finished == ["commit"] * 2


@pytest.mark.parametrize("framing", ["Content-Length: 5000", "Transfer-Encoding: chunked"])
async def test_a_body_that_drips_is_given_up(framing: str) -> None:
    async with served(body_seconds=1) as at:
        reader, writer = await at.connect()
        writer.write(request("POST", "/things", framing))
        dripping = asyncio.create_task(_drip(writer, b"1\r\nx\r\n", every=0.2))

        answer = await Answer.read_one(reader)

        await run_until(lambda: (at.port, writer.get_extra_info("sockname")[1]) not in _established())
        dripping.cancel()
        assert (answer.status, answer.problem()["code"]) == (408, "body-too-slow")
        assert answer.headers["connection"] == "close"
        assert await at.is_well()


async def test_a_declared_body_over_the_limit_is_refused_before_it_is_sent() -> None:
    async with served() as at:
        answer = await at.exchange(request("POST", "/things", "Content-Length: 100001", "Expect: 100-continue"))

        assert (answer.status, answer.problem()["code"]) == (413, "body-too-large")
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("framing", ["Content-Length: 6000000", "Transfer-Encoding: chunked"])
async def test_who_sends_far_too_much_still_gets_to_read_why_it_is_refused(framing: str) -> None:
    """A connection closed over unread bytes is reset, and a browser would call that a network error."""
    pieces = [b"4e20\r\n" + b"x" * 20_000 + b"\r\n"] * 300

    async with served() as at:
        answer = await at.exchange(request("POST", "/things", framing), *pieces)

        assert (answer.status, answer.problem()["code"]) == (413, "body-too-large")


async def test_a_chunked_body_over_the_limit_is_refused_on_the_way() -> None:
    chunk = b"4e20\r\n" + b"x" * 20_000 + b"\r\n"

    async with served() as at:
        answer = await at.exchange(request("POST", "/things", "Transfer-Encoding: chunked"), *[chunk] * 6)

        assert (answer.status, answer.problem()["code"]) == (413, "body-too-large")
        assert await at.is_well()


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (request("GET", "/" + "x" * 9_000), 414, "address-too-long"),
        (request("GET", "/livez?" + "x" * 9_000), 414, "address-too-long"),
        (request("GET", "/livez", "X-Long: " + "x" * 40_000), 431, "headers-too-large"),
        (request("GET", "/livez", *[f"X-{number}: 1" for number in range(150)]), 431, "headers-too-large"),
        (b"GET /livez HTTP/1.1\r\nX-Long: " + b"x" * 300_000, 431, "headers-too-large"),
        (b"G" * 300_000, 431, "headers-too-large"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, "malformed-request"),
        (b"GET /livez HTTP/1.1\r\n\r\n", 400, "malformed-request"),
        (request("GET", "/livez", "Content-Length: 1", "Content-Length: 2"), 400, "malformed-request"),
        (request("GET", "/livez", "Content-Length: -1"), 400, "malformed-request"),
        (request("POST", "/things", "Transfer-Encoding: gzip, chunked"), 501, "not-implemented"),
        (request("GET", "/livez", "X-Bad: a\x00b"), 400, "malformed-request"),
        (request("POST", "/things", "Transfer-Encoding: chunked") + b"ZZ\r\nx\r\n", 400, "malformed-request"),
    ],
    ids=[
        "path",
        "query",
        "one header",
        "many headers",
        "endless header",
        "endless line",
        "TLS",
        "no host",
        "two lengths",
        "negative length",
        "unknown coding",
        "NUL",
        "broken chunk",
    ],
)
async def test_what_is_too_long_or_no_http_is_a_problem_and_no_stack_trace(
    raw: bytes, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(header_seconds=2, keep_alive_seconds=1) as at:
        answer = await at.exchange(raw)

        assert (answer.status, answer.problem()["code"]) == (status, code)
        assert answer.headers["connection"] == "close"
        assert await at.is_well()
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_length_and_chunks_at_once_are_refused_and_nothing_after_them_is_read() -> None:
    """RFC 9112, 6.1: a proxy in front may have read it otherwise, and then what follows is another one's request."""
    smuggled = request("GET", "/address")
    raw = request("POST", "/things", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + smuggled

    async with served(keep_alive_seconds=1) as at:
        answer = await at.exchange(raw)

    assert (answer.status, answer.problem()["code"]) == (400, "malformed-request")
    assert b"127.0.0.1" not in answer.raw


async def test_work_that_takes_too_long_is_ended_and_said_to_be() -> None:
    async with served(handler_seconds=1, keep_alive_seconds=1) as at:
        answer = await at.exchange(request("GET", "/hangs"))

        assert (answer.status, answer.problem()["code"]) == (503, "took-too-long")
        assert answer.headers["retry-after"] == "2"
        assert at.cancelled == ["hangs"]


async def test_a_commit_that_has_begun_is_finished_although_the_time_is_up() -> None:
    async with served(handler_seconds=0.3, keep_alive_seconds=1) as at:
        answer = await at.exchange(request("GET", "/commits"))

        assert answer.status == 503
        assert at.finished == ["commit"]


async def test_too_many_connections_are_sent_away_and_probes_are_still_answered() -> None:
    async with served(connections_max=10, header_seconds=30) as at:
        held = [await at.connect() for _ in range(10)]

        refused = await at.exchange(request("GET", "/address"))
        well = await at.is_well()
        for _, writer in held:
            writer.close()

        async def admitted() -> bool:
            answer = await at.exchange(request("GET", "/address", "Connection: close"))
            return answer.status == 200

        assert (refused.status, refused.problem()["code"]) == (503, "overloaded")
        assert (refused.headers["retry-after"], refused.headers["connection"]) == ("2", "close")
        assert well
        await run_until(admitted, timeout_seconds=5)


async def test_far_too_many_connections_are_cut_at_once() -> None:
    async with served(connections_max=10, header_seconds=30) as at:
        held = [await at.connect() for _ in range(20)]
        reader, writer = await at.connect()

        assert (await Answer.read(reader)).raw == b""
        assert await at.is_well() is False
        for _, other in [*held, (reader, writer)]:
            other.close()


async def test_an_answer_that_nobody_reads_does_not_hold_its_connection() -> None:
    async with served(unread_seconds=1, keep_alive_seconds=60) as at:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", at.port))
        client.sendall(request("GET", "/large"))

        def is_cut() -> bool:
            return (at.port, client.getsockname()[1]) not in _established()

        await run_until(is_cut, timeout_seconds=UNTIL_CLOSED_SECONDS)
        client.close()
        assert await at.is_well()


async def test_the_server_itself_believes_no_forwarded_address() -> None:
    async with served() as at:
        answer = await at.exchange(request("GET", "/address", "X-Forwarded-For: 198.51.100.9", "Connection: close"))

        assert answer.body == b'"127.0.0.1"'


def _established() -> set[tuple[int, int]]:
    """(own port, other port) of the established connections of this machine, as its kernel lists them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {(int(row[1].partition(":")[2], 16), int(row[2].partition(":")[2], 16)) for row in rows if row[3] == "01"}


async def _drip(writer: asyncio.StreamWriter, piece: bytes, *, every: float) -> None:
    while True:
        writer.write(piece)
        await asyncio.sleep(every)
