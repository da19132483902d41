"""The three ways in, from their settings: what invoice-service publishes goes in, what it must hear comes out."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from contracts.catalogue import Service, decode
from contracts.envelope import new_envelope
from contracts.event import Event
from contracts.events.payment import PaymentLinkCreated, PaymentReceived, StripeConnectionChanged
from contracts.ids import format_id
from payment_service import app, cli, worker
from payment_service.settings import Settings
from payment_tests.benches import SANDBOX_KEY, sandbox_bench
from payment_tests.make import NOW, Invoice
from service_kit.clock import SystemClock
from service_kit.identifiers import new_id
from service_kit.service_tokens import sign
from service_kit.settings import MissingSetting
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from service_kit.topology import exchange_name
from stripe_sandbox.testing import free_port

SERVICE_SECRET = "service-secret-of-the-tests-0123456789"


def _settings(rows: ServiceDatabase, broker: KitBroker, stripe_url: str, public_port: int) -> Settings:
    return Settings(
        instance=broker.instance,
        environment="test",  # type: ignore[arg-type]
        database_url=rows.url("payment"),
        worker_database_url=rows.url("payment", "worker"),
        owner_database_url=rows.url("payment", "owner"),
        broker_url=broker.url,
        service_token_secret=SERVICE_SECRET,
        public_port=public_port,
        private_port=free_port(),
        worker_health_port=free_port(),
        stripe_api_base=stripe_url,
        master_keys=f"k1:{base64.b64encode(b'm' * 32).decode()}",
        webhook_base_url=f"http://127.0.0.1:{public_port}",
        poll_seconds=3600,
        stripe_requests_per_second=100,
    )


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    parts = [
        asyncio.create_task(app.run(settings, stop=stop)),
        asyncio.create_task(worker.run(settings, stop=stop)),
    ]
    try:
        await run_until(lambda: _ready(settings), timeout_seconds=30)
        yield
    finally:
        stop.set()
        await asyncio.gather(*parts)


async def _ready(settings: Settings) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
        for port in (settings.public_port, settings.private_port, settings.worker_health_port):
            try:
                answer = await http.get(f"http://127.0.0.1:{port}/readyz")
            except httpx.TransportError:
                return False
            if answer.status_code != 200:
                return False
    return True


async def _publish(broker: KitBroker, event: Event) -> None:
    envelope = new_envelope(
        event=event,
        event_id=new_id(),
        source="/invoice-service",
        subject=format_id("inv", event.aggregate_id()),
        time=NOW,
        correlation_id="cor_test",
        causation_id="",
        traceparent="",
        sequence=1,
    )
    await broker.send(
        exchange=exchange_name(broker.instance, Service.INVOICE),
        routing_key=event.event_type,
        body=envelope.body(),
        headers=envelope.headers(),
    )


async def _next(broker: KitBroker, kind: type[Event]) -> Any:
    """The next event of this kind that invoice-service would receive."""
    found: list[Event] = []

    async def taken() -> bool:
        message = await broker.take(broker.inbox_queue(Service.INVOICE))
        if message is not None:
            event = decode(headers=message.headers, body=message.body).data
            found.extend([event] if isinstance(event, kind) else [])
        return bool(found)

    await run_until(taken, timeout_seconds=30)
    return found[0]


async def test_from_a_published_invoice_to_a_published_payment(
    service_database: ServiceDatabase, broker: KitBroker
) -> None:
    invoice = Invoice(organization_id=new_id())
    async with sandbox_bench() as bench:
        settings = _settings(service_database, broker, bench.running.url, free_port())
        async with _running(settings):
            async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
                organization = format_id("org", invoice.organization_id)
                token = sign(
                    secret=SERVICE_SECRET,
                    issuer="invoice-service",
                    audience="payment-service",
                    organization_id=invoice.organization_id,
                    actor="key:test",
                    now=SystemClock().now(),
                )
                answer = await http.put(
                    f"http://127.0.0.1:{settings.private_port}/internal/organizations/{organization}/stripe/secret-key",
                    json={"secret_key": SANDBOX_KEY},
                    headers={"Authorization": f"Bearer {token}"},
                )
            assert answer.status_code == 200, answer.text
            assert (await _next(broker, StripeConnectionChanged)).version == 1
            assert (await _next(broker, StripeConnectionChanged)).webhook_status == "active"

            await _publish(broker, invoice.sent())
            created = await _next(broker, PaymentLinkCreated)
            await bench.pay(created.url.rsplit("/", 1)[-1])
            received = await _next(broker, PaymentReceived)

    assert (received.invoice_id, received.amount_minor, received.source) == (invoice.id, 12345, "webhook")


@pytest.mark.parametrize("missing", ["database_url", "worker_database_url", "broker_url", "master_keys"])
async def test_a_worker_without_a_setting_ends_at_once_and_names_it(
    service_database: ServiceDatabase, broker: KitBroker, missing: str
) -> None:
    settings = _settings(service_database, broker, "http://127.0.0.1:1", 0).model_copy(update={missing: ""})

    with pytest.raises(MissingSetting, match=f"IC_{missing.upper()}"):
        await worker.run(settings, stop=asyncio.Event())


async def test_an_app_without_a_token_secret_ends_at_once_and_names_it(
    service_database: ServiceDatabase, broker: KitBroker
) -> None:
    settings = _settings(service_database, broker, "http://127.0.0.1:1", 0).model_copy(
        update={"service_token_secret": ""}
    )

    with pytest.raises(MissingSetting, match="IC_SERVICE_TOKEN_SECRET"):
        await app.run(settings, stop=asyncio.Event())


async def test_what_is_parked_can_be_listed_shown_and_replayed_by_hand(
    service_database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parked_id, organization_id = new_id(), new_id()
    await service_database.fetch(
        "insert into payment.inbox (consumer, event_id, organization_id, type, payload, state, park_reason)"
        " values ('tasks', $1, $2, 'task.apply_stripe_event', '{\"event_row_id\": \"x\"}', 'parked', 'for a person')",
        parked_id,
        organization_id,
    )
    monkeypatch.setenv("IC_WORKER_DATABASE_URL", service_database.url("payment", "worker"))

    async def typed(*words: str) -> tuple[int, dict[str, Any]]:
        status = await asyncio.to_thread(cli.main, words)
        return status, json.loads(capsys.readouterr().out or "{}")

    listed = await typed("parked", "list")
    shown = await typed("parked", "show", str(parked_id))
    replayed = await typed("parked", "replay", str(parked_id))
    again = await typed("parked", "replay", str(parked_id))

    assert [row["park_reason"] for row in listed[1]["parked"]] == ["for a person"]
    assert "payload" not in listed[1]["parked"][0]
    assert shown[1]["parked"][0]["payload"] == {"event_row_id": "x"}
    assert (replayed[0], again[0]) == (0, 1)
    (row,) = await service_database.fetch("select state, attempts from payment.inbox")
    assert (row["state"], row["attempts"]) == ("ready", 0)


async def test_migrating_again_changes_nothing(
    service_database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IC_OWNER_DATABASE_URL", service_database.url("payment", "owner"))
    monkeypatch.setenv("IC_INSTANCE", service_database.roles_of)

    status = await asyncio.to_thread(cli.main, ["migrate"])

    assert (status, json.loads(capsys.readouterr().out)) == (0, {"migrated": "payment"})
