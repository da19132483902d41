"""The three ways in start from settings alone, do their work against real servers, and stop when asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from contracts.catalogue import Service
from invoice_service import app, worker
from invoice_service.settings import Settings
from invoice_tests.make import ACCOUNT_SECRET, PAGE_SECRET, PAYMENT_SECRET, PEPPER, SERVICE_SECRET, Account
from service_kit.settings import MissingSetting
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.fixtures import outbox_of
from service_kit.testing.waiting import eventually
from service_kit.worker_process import run_worker


@pytest.fixture
def settings(service_database: ServiceDatabase, broker: KitBroker) -> Settings:
    return Settings.model_validate(
        {
            "instance": broker.instance,
            "environment": "test",
            "database_url": service_database.url("invoice"),
            "worker_database_url": service_database.url("invoice", "worker"),
            "broker_url": broker.url,
            "page_token_secret": PAGE_SECRET,
            "api_key_pepper": PEPPER,
            "account_secret": ACCOUNT_SECRET,
            "service_token_secret": SERVICE_SECRET,
            "payment_token_secret": PAYMENT_SECRET,
            "worker_health_port": 0,
        }
    )


@asynccontextmanager
async def _working(settings: Settings) -> AsyncIterator[None]:
    config = worker.build(settings)
    stop = asyncio.Event()
    running = asyncio.create_task(run_worker(config, stop=stop))
    try:
        await asyncio.wait_for(config.ready.wait(), 20)
        yield
    finally:
        stop.set()
        await running
        await config.database.dispose()
        await config.worker_database.dispose()


async def test_the_worker_renders_what_was_sent_and_publishes_it(
    account: Account, settings: Settings, service_database: ServiceDatabase
) -> None:
    draft = await account.draft()

    async with _working(settings):
        await account.post(f"/v1/invoices/{draft['id']}/send", {})

        async def published() -> bool:
            rows = await service_database.fetch("select type from invoice.outbox where published_at is not null")
            return [row["type"] for row in rows] == ["invoice.sent.v1"]

        assert await eventually(published, timeout_seconds=20)

    [said] = await outbox_of(service_database, Service.INVOICE)
    sent = await account.get(f"/v1/invoices/{draft['id']}")
    pdf = await account.send("GET", f"/v1/invoices/{draft['id']}/pdf")
    assert said.subject == draft["id"]
    assert sent["document"]["file_state"] == "stored"
    assert pdf.content.startswith(b"%PDF-")


async def test_the_apis_are_ready_when_the_schema_is(settings: Settings) -> None:
    apps = app.build(settings)
    try:
        for listener in (apps.public, apps.private):
            transport = httpx.ASGITransport(app=listener)
            async with httpx.AsyncClient(transport=transport, base_url="http://any.test") as client:
                ready = await client.get("/readyz")
                assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    finally:
        await apps.dependencies.database.dispose()


async def test_a_schema_that_is_behind_is_not_ready(settings: Settings, service_database: ServiceDatabase) -> None:
    await service_database.fetch("update invoice.alembic_version set version_num = '0001'")
    apps = app.build(settings)
    try:
        transport = httpx.ASGITransport(app=apps.public)
        async with httpx.AsyncClient(transport=transport, base_url="http://any.test") as client:
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.get("/livez")).status_code == 200
    finally:
        await apps.dependencies.database.dispose()


@pytest.mark.parametrize(
    "missing",
    [
        "database_url",
        "page_token_secret",
        "api_key_pepper",
        "account_secret",
        "service_token_secret",
        "payment_token_secret",
        "public_url",
    ],
)
def test_the_api_does_not_start_without_what_it_needs(missing: str) -> None:
    values = {
        "public_url": "https://invoices.example.com",
        "database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/none",
        "page_token_secret": PAGE_SECRET,
        "api_key_pepper": PEPPER,
        "account_secret": ACCOUNT_SECRET,
        "service_token_secret": SERVICE_SECRET,
        "payment_token_secret": PAYMENT_SECRET,
    }

    with pytest.raises(MissingSetting, match=f"IC_{missing.upper()}"):
        app.build(Settings.model_validate({name: value for name, value in values.items() if name != missing}))


async def test_the_description_of_the_api_is_shown_only_where_it_is_wanted(settings: Settings) -> None:
    hidden = app.build(settings)
    shown = app.build(settings.model_copy(update={"docs_enabled": True}))
    try:
        described = shown.public.openapi()
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=hidden.public), base_url="http://any.test"
        ) as client:
            assert (await client.get("/openapi.json")).status_code == 404
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=shown.public), base_url="http://any.test"
        ) as client:
            assert (await client.get("/openapi.json")).json()["openapi"].startswith("3.1")
    finally:
        await hidden.dependencies.database.dispose()
        await shown.dependencies.database.dispose()
    operations = [
        operation
        for path in described["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    ]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)
    assert all("security" in operation for operation in operations)
    refusals = {status: answer for one in operations for status, answer in one["responses"].items() if status >= "400"}
    assert {"401", "403", "404", "409", "412", "422", "428", "429", "503"} <= set(refusals)
    for answer in refusals.values():
        component = described["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
        assert component["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


async def test_the_public_door_heeds_its_settings_and_the_private_one_lets_no_other_site_in(settings: Settings) -> None:
    origin = "https://console.example.com"
    apps = app.build(settings.model_copy(update={"cors_origins": origin, "public_url": "https://invoices.example.com"}))
    answers: dict[str, httpx.Response] = {}
    try:
        for name, listener in (("public", apps.public), ("private", apps.private)):
            transport = httpx.ASGITransport(app=listener)
            async with httpx.AsyncClient(transport=transport, base_url="http://any.test") as client:
                answers[name] = await client.get("/livez", headers={"Origin": origin})
    finally:
        await apps.dependencies.database.dispose()

    assert answers["public"].headers["access-control-allow-origin"] == origin
    assert "max-age=" in answers["public"].headers["strict-transport-security"]
    assert "access-control-allow-origin" not in answers["private"].headers
    assert apps.dependencies.accounts.origins == {origin, "https://invoices.example.com"}
