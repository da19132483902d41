"""Which pages of other origins may call the API, and that every answer, a preflight's too, has the headers of all."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Response
from pydantic import ValidationError
from service_kit.clock import SystemClock
from service_kit.http import create_api
from service_kit.http_door import HttpDoor, MalformedOrigins, listed_origins
from service_kit.settings import ServiceSettings

CONSOLE = "https://console.example.com"
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
}


def example_api(door: HttpDoor) -> FastAPI:
    api = create_api(
        title="Example", service="example", clock=SystemClock(), ready_checks=[], body_bytes_max=10_000, door=door
    )

    @api.post("/things")
    async def things(thing: dict[str, int]) -> int:
        return len(thing)

    @api.get("/broken")
    async def broken() -> None:
        raise RuntimeError

    @api.get("/page")
    async def page() -> Response:
        return Response("x", headers={"Cache-Control": "private", "Vary": "Accept", "ETag": '"1"'})

    return api


def client_of(api: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="https://api.example.com")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(example_api(HttpDoor(cors_origins=(CONSOLE,), https=True))) as http:
        yield http


def preflight(origin: str, *, method: str = "POST", headers: str = "content-type") -> dict[str, str]:
    return {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}


async def test_a_listed_origin_may_send_what_the_api_uses_with_cookies(client: httpx.AsyncClient) -> None:
    wanted = "authorization, content-type, idempotency-key, if-match, x-csrf-token, x-organization-id"

    answer = await client.options("/things", headers=preflight(CONSOLE, headers=wanted))

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == CONSOLE
    assert answer.headers["access-control-allow-credentials"] == "true"
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert set(wanted.split(", ")) <= allowed


async def test_a_listed_origin_may_read_what_the_api_tells_in_headers(client: httpx.AsyncClient) -> None:
    answer = await client.get("/page", headers={"Origin": CONSOLE})

    exposed = {name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")}
    told = {"etag", "x-request-id", "ratelimit", "ratelimit-policy", "retry-after", "link", "idempotency-replayed"}
    assert told <= exposed
    assert {part.strip() for part in answer.headers["vary"].split(",")} == {"Accept", "Origin"}


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://console.example.com.evil.test",
        "https://evil.test",
        "http://console.example.com",
        "https://console.example.com:8443",
        "HTTPS://console.example.com",
        "",
    ],
)
async def test_every_other_origin_gets_no_leave_and_learns_nothing(client: httpx.AsyncClient, origin: str) -> None:
    refused = await client.options("/things", headers=preflight(origin))
    plain = await client.get("/page", headers={"Origin": origin})

    assert (refused.status_code, refused.json()["code"]) == (403, "origin-refused")
    for answer in (refused, plain):
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("asked", [{"method": "TRACE"}, {"headers": "x-invented"}])
async def test_a_listed_origin_may_not_do_what_the_api_does_not_use(
    client: httpx.AsyncClient, asked: dict[str, str]
) -> None:
    answer = await client.options("/things", headers=preflight(CONSOLE, **asked))

    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


async def test_errors_can_be_read_by_a_listed_origin_too(client: httpx.AsyncClient) -> None:
    """Also those that are answered before the application: otherwise a console could only say "network error"."""
    answers = [
        await client.get("/broken", headers={"Origin": CONSOLE}),
        await client.post("/things", content=b"x" * 20_000, headers={"Origin": CONSOLE}),
        await client.post("/things", json={"a": "b"}, headers={"Origin": CONSOLE}),
        await client.get("/nowhere", headers={"Origin": CONSOLE}),
    ]

    assert [answer.status_code for answer in answers] == [500, 413, 422, 404]
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {CONSOLE}


async def test_every_answer_carries_an_id_and_the_security_headers(client: httpx.AsyncClient) -> None:
    answers = [
        await client.get("/livez"),
        await client.get("/nowhere"),
        await client.get("/broken"),
        await client.put("/things"),
        await client.head("/things"),
        await client.options("/things"),
        await client.post("/things", content=b"x" * 20_000),
        await client.post("/things", content=b"{", headers={"Content-Type": "application/json"}),
        await client.options("/things", headers=preflight(CONSOLE)),
        await client.options("/things", headers=preflight("https://evil.test")),
    ]

    assert [answer.status_code for answer in answers] == [200, 404, 500, 405, 405, 405, 413, 400, 200, 403]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY
        assert answer.headers["x-request-id"].startswith("req_")
        assert "server" not in answer.headers


async def test_a_route_may_say_otherwise_about_its_own_answer(client: httpx.AsyncClient) -> None:
    assert (await client.get("/page")).headers["cache-control"] == "private"


async def test_without_https_in_front_nothing_is_said_about_it_and_without_origins_nobody_is_let_in() -> None:
    async with client_of(example_api(HttpDoor())) as http:
        answer = await http.get("/page", headers={"Origin": CONSOLE})
        refused = await http.options("/things", headers=preflight(CONSOLE))

    assert "strict-transport-security" not in answer.headers
    assert not [name for name in (*answer.headers, *refused.headers) if name.startswith("access-control")]
    assert refused.status_code == 405


@pytest.mark.parametrize(
    "listed",
    [
        "*",
        "null",
        "https://*.example.com",
        "http://console.example.com",
        "https://console.example.com/",
        "https://Console.example.com",
        "https://console.example.com:443",
        "https://user@console.example.com",
        "https://",
        "console.example.com",
        "https://console.example.com:99999",
    ],
)
def test_an_origin_that_is_no_exact_https_origin_is_refused_at_start(
    listed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IC_CORS_ORIGINS", f"{CONSOLE}, {listed}")

    with pytest.raises(MalformedOrigins):
        listed_origins(listed)
    with pytest.raises(ValidationError, match="IC_CORS_ORIGINS: "):
        ServiceSettings()


def test_origins_reach_only_the_door_that_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_CORS_ORIGINS", f"{CONSOLE}, https://[2001:db8::1]:8443")

    settings = ServiceSettings()

    assert settings.http_door(cross_origin=True).cors_origins == (CONSOLE, "https://[2001:db8::1]:8443")
    assert settings.http_door().cors_origins == ()


def test_a_demo_may_name_a_plain_origin_and_production_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_CORS_ORIGINS", "http://127.0.0.1:5173")
    with pytest.raises(ValidationError, match="not an https origin"):
        ServiceSettings()

    monkeypatch.setenv("IC_ENVIRONMENT", "demo")

    assert ServiceSettings().http_door(cross_origin=True).cors_origins == ("http://127.0.0.1:5173",)
