"""Nobody who sends an invoice notices that the broker is away: what we have to say waits, and is said once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from contracts.catalogue import Service
from invoice_service import app, worker
from invoice_service.settings import Settings
from invoice_tests.make import ACCOUNT_SECRET, PAGE_SECRET, PAYMENT_SECRET, PEPPER, SERVICE_SECRET, Account
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.servers import endpoint
from service_kit.testing.tcp_proxy import TcpProxy, tcp_proxy
from service_kit.testing.waiting import run_until
from yarl import URL

LISTENERS = (Service.PAYMENT, Service.NOTIFICATION)


@pytest.fixture
async def road(broker: KitBroker) -> AsyncIterator[TcpProxy]:
    """The only way from the worker to the broker."""
    host, port = endpoint(broker.url)
    async with tcp_proxy(host=host, port=port) as proxy:
        yield proxy


@pytest.fixture
def settings(service_database: ServiceDatabase, broker: KitBroker, road: TcpProxy) -> Settings:
    return Settings.model_validate(
        {
            "instance": broker.instance,
            "environment": "test",
            "database_url": service_database.url("invoice"),
            "worker_database_url": service_database.url("invoice", "worker"),
            "broker_url": str(URL(broker.url).with_host("127.0.0.1").with_port(road.listening_port)),
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
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(settings, stop=stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def _public_readiness(settings: Settings) -> int:
    apps = app.build(settings)
    transport = httpx.ASGITransport(app=apps.public)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://any.test") as client:
            return (await client.get("/readyz")).status_code
    finally:
        await apps.dependencies.database.dispose()


@pytest.mark.parametrize("fault", [TcpProxy.refuse, TcpProxy.black_hole], ids=["refuses", "swallows"])
async def test_an_invoice_sent_while_the_broker_is_away_is_said_once_when_it_is_back(
    account: Account,
    settings: Settings,
    service_database: ServiceDatabase,
    broker: KitBroker,
    road: TcpProxy,
    fault: Callable[[TcpProxy], None],
) -> None:
    draft = await account.draft()

    async def in_outbox(*, waiting: bool) -> bool:
        rows = await service_database.fetch("select type, published_at is null as waiting from invoice.outbox")
        return [(row["type"], row["waiting"]) for row in rows] == [("invoice.sent.v1", waiting)]

    fault(road)
    async with _working(settings):
        sent = await account.send("POST", f"/v1/invoices/{draft['id']}/send", {})
        await run_until(lambda: in_outbox(waiting=True), timeout_seconds=20)
        await run_until(lambda: road.accepted >= 2)
        readiness = await _public_readiness(settings)
        said_meanwhile = [await broker.depth(broker.inbox_queue(service)) for service in LISTENERS]
        road.heal()
        await run_until(lambda: in_outbox(waiting=False), timeout_seconds=30)

    assert (sent.status_code, sent.json()["headline"]) == (200, "sending")
    assert readiness == 200
    assert said_meanwhile == [0, 0]
    for service in LISTENERS:
        [message] = await broker.take_all(broker.inbox_queue(service))
        assert (message.headers["ce-type"], message.headers["ce-subject"]) == ("invoice.sent.v1", draft["id"])
