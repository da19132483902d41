"""Every answer of an API: problems that name the field and repeat nothing, bounded bodies, ids, and probes."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, ClassVar

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict
from service_kit import correlation
from service_kit.clock import SystemClock
from service_kit.database import create_database, run_sql
from service_kit.errors import DomainError, ErrorKind
from service_kit.health import NotReady, ReadyCheck, database_check
from service_kit.http import AddressTaken, create_api, listening, serve
from service_kit.testing.databases import ServiceDatabase

SECRET = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    quantity: Decimal


class Draft(BaseModel):
    model_config = ConfigDict(extra="forbid")
    lines: list[Line]
    metadata: dict[str, Any] = {}


class AlreadyIssued(DomainError):
    slug: ClassVar[str] = "already-issued"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    title: ClassVar[str] = "It was issued before"


def example_api(*checks: ReadyCheck) -> FastAPI:
    api = create_api(
        title="Example", service="example", clock=SystemClock(), ready_checks=checks, body_bytes_max=10_000
    )

    @api.post("/drafts")
    async def create_draft(draft: Draft) -> dict[str, int]:
        return {"lines": len(draft.lines)}

    @api.get("/conflict")
    async def conflict() -> None:
        raise AlreadyIssued("inv_1 was issued", pointer="/status", facts={"number": "INV-1"})

    @api.get("/broken")
    async def broken() -> None:
        raise RuntimeError(f"inside: {SECRET}")

    @api.get("/database-away")
    async def database_away() -> None:
        database = create_database(url="postgresql+asyncpg://nobody@127.0.0.1:1/none", application_name="x")
        async with database.transaction(organization_id=None) as session:
            await run_sql(session, "select 1")

    @api.get("/items")
    async def items(limit: int) -> int:
        return limit

    @api.post("/items")
    async def add_item() -> int:
        return 1

    @api.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @api.get("/thread")
    async def thread() -> dict[str, str]:
        return {"correlation_id": correlation.current().correlation_id, "trace": correlation.current().traceparent}

    return api


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=example_api(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://example.test") as http:
        yield http


def assert_problem(response: httpx.Response, *, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["type"].endswith(f":{code}")
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]
    return body


async def test_a_domain_error_keeps_its_slug_pointer_and_facts(client: httpx.AsyncClient) -> None:
    body = assert_problem(await client.get("/conflict"), status=409, code="already-issued")

    assert body["errors"] == [{"pointer": "/status", "detail": "inv_1 was issued"}]
    assert body["facts"] == {"number": "INV-1"}


async def test_a_validation_error_names_the_field_and_does_not_repeat_the_input(client: httpx.AsyncClient) -> None:
    response = await client.post("/drafts", json={"lines": [{"quantity": SECRET}], "unheard/of": 1})

    body = assert_problem(response, status=422, code="invalid-request")
    assert {error["pointer"] for error in body["errors"]} == {"/lines/0/quantity", "/unheard~1of"}
    assert SECRET not in response.text


async def test_a_query_parameter_at_fault_is_named(client: httpx.AsyncClient) -> None:
    body = assert_problem(await client.get("/items", params={"limit": "many"}), status=422, code="invalid-request")

    assert body["errors"][0]["parameter"] == "query limit"


@pytest.mark.parametrize(
    "body",
    [
        b'{"lines": [{"quantity": NaN}]}',
        b'{"lines": [], "metadata": {"x": Infinity}}',
        b'{"lines": [], "metadata": {"x": "\\u0000"}}',
        b'{"lines": [], "metadata": {"x": "\\ud800"}}',
        b'{"lines": "\xff"}',
        b'{"lines": ',
        b"[" * 5000 + b"]" * 5000,
        b'{"lines": [], "metadata": {"x": ' + b"9" * 5000 + b"}}",
    ],
    ids=["NaN", "Infinity", "NUL", "surrogate", "not UTF-8", "cut off", "deep", "huge number"],
)
async def test_a_body_that_is_not_sound_json_is_refused_before_anything_reads_it(
    client: httpx.AsyncClient, body: bytes
) -> None:
    response = await client.post("/drafts", content=body, headers={"content-type": "application/json"})

    assert_problem(response, status=400, code="malformed-request")


async def test_an_escaped_backslash_before_u0000_is_ordinary_text(client: httpx.AsyncClient) -> None:
    text = json.dumps({"lines": [], "metadata": {"x": "a\\u0000b"}})

    response = await client.post("/drafts", content=text, headers={"content-type": "application/json"})

    assert response.status_code == 200


async def test_a_nul_in_the_address_is_refused(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/items?limit=%00"), status=400, code="malformed-request")
    assert_problem(await client.get("/items/%00"), status=400, code="malformed-request")


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_refused_whether_or_not_its_length_is_declared(
    client: httpx.AsyncClient, declared: bool
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1000

    content: Any = b"x" * 20_000 if declared else chunks()

    assert_problem(await client.post("/raw", content=content), status=413, code="body-too-large")


async def test_unknown_routes_and_methods_are_problems_too(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/nowhere"), status=404, code="not-found")
    refused = await client.delete("/items")
    assert_problem(refused, status=405, code="method-not-allowed")
    assert refused.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_nobody_is_sent_to_the_host_that_a_request_names(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/items/", headers={"Host": "elsewhere.example.com"})

    assert_problem(answer, status=404, code="not-found")
    assert "location" not in answer.headers


async def test_an_unexpected_failure_shows_an_id_and_nothing_of_our_insides(client: httpx.AsyncClient) -> None:
    response = await client.get("/broken")

    body = assert_problem(response, status=500, code="internal-error")
    assert body["request_id"] in body["detail"]
    assert "inside" not in response.text


async def test_a_database_that_is_away_is_503_with_a_time_to_come_back(client: httpx.AsyncClient) -> None:
    response = await client.get("/database-away")

    assert_problem(response, status=503, code="unavailable")
    assert response.headers["retry-after"] == "2"


async def test_a_trace_from_outside_is_continued_and_a_malformed_one_is_not(client: httpx.AsyncClient) -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

    continued = await client.get("/thread", headers={"traceparent": trace, "x-correlation-id": "cor_known"})
    replaced = await client.get("/thread", headers={"traceparent": "nonsense", "x-correlation-id": "<script>"})

    assert continued.json()["correlation_id"] == "cor_known"
    assert continued.json()["trace"][3:35] == "a" * 32
    assert continued.json()["trace"] != trace
    assert "<" not in replaced.json()["correlation_id"]
    assert replaced.json()["trace"].startswith("00-")


async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/livez", "/nowhere", "/broken"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


async def test_docs_are_off_unless_asked_for(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).status_code == 404
    assert (await client.get("/docs")).status_code == 404


async def test_docs_are_a_description_for_programs_and_no_page_with_scripts_of_another_host() -> None:
    api = create_api(title="Example", service="example", clock=SystemClock(), ready_checks=[], docs=True)

    assert (await _get(api, "/openapi.json")).json()["info"]["title"] == "Example"
    assert [(await _get(api, path)).status_code for path in ("/docs", "/redoc")] == [404, 404]


async def test_readiness_is_red_for_what_is_required_and_only_shows_the_rest(
    service_database: ServiceDatabase,
) -> None:
    async def broker_away() -> str:
        raise NotReady("the broker is not reachable")

    database = service_database.open("payment")
    green = example_api(database_check(database, head="0001"), ReadyCheck("broker", broker_away, required=False))
    red = example_api(database_check(database, head="0002"))

    ready, not_ready = await _get(green, "/readyz"), await _get(red, "/readyz")
    green.state.stopping = True
    stopping = await _get(green, "/readyz")

    assert (ready.status_code, ready.json()["checks"]["broker"]["ok"]) == (200, False)
    assert (not_ready.status_code, stopping.status_code) == (503, 503)
    assert "needs 0002" in not_ready.json()["checks"]["database"]["detail"]
    assert (await _get(green, "/livez")).status_code == 200


async def test_a_check_that_hangs_is_a_failed_one() -> None:
    async def hang() -> str:
        await asyncio.Event().wait()
        return ""

    answer = await _get(example_api(ReadyCheck("slow", hang)), "/readyz")

    assert answer.json()["checks"]["slow"] == {"ok": False, "required": True, "detail": "TimeoutError"}


async def test_several_apps_are_served_in_one_loop_and_a_stop_lets_requests_finish() -> None:
    first, second = example_api(), example_api()
    entered = asyncio.Event()

    @first.get("/slow")
    async def slow() -> str:
        entered.set()
        await asyncio.sleep(0.3)
        return "finished"

    stop = asyncio.Event()
    ports = [_free_port(), _free_port()]
    serving = asyncio.create_task(serve([(first, "127.0.0.1", ports[0]), (second, "127.0.0.1", ports[1])], stop=stop))
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=5)) as http:
        assert (await http.get(f"http://127.0.0.1:{ports[1]}/livez")).status_code == 200
        answer = asyncio.create_task(http.get(f"http://127.0.0.1:{ports[0]}/slow"))
        await entered.wait()
        stop.set()
        assert (await answer).json() == "finished"
    async with asyncio.timeout(10):
        await serving


async def test_a_taken_address_is_named() -> None:
    with listening(host="127.0.0.1", port=0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressTaken, match=f"127.0.0.1:{port}"):
            await serve([(example_api(), "127.0.0.1", port)], stop=asyncio.Event())


def _free_port() -> int:
    with listening(host="127.0.0.1", port=0) as free:
        port: int = free.getsockname()[1]
        return port


async def _get(api: FastAPI, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://example.test") as http:
        return await http.get(path)
