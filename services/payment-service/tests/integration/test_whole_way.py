"""The service as it runs: both listeners on real sockets, the worker, a real database, and the sandbox calling back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from contracts.events.payment import (
    ConnectionStatus,
    PaymentLinkClosed,
    PaymentLinkCreated,
    PaymentReceived,
    StripeConnectionChanged,
)
from contracts.ids import format_id
from payment_service.app import private_api, public_api
from payment_tests.benches import SANDBOX_ACCOUNT, SANDBOX_KEY, SandboxBench, sandbox_bench
from payment_tests.make import Desk, desk_with, keyring
from service_kit.clock import SystemClock
from service_kit.service_tokens import sign
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from stripe_sandbox.testing import free_port, serving

SERVICE_SECRET = "service-secret-of-the-tests-0123456789"


@dataclass
class House:
    desk: Desk
    bench: SandboxBench
    private: httpx.AsyncClient

    async def set_key(self, key: str) -> httpx.Response:
        organization_id = self.desk.organization_id
        token = sign(
            secret=SERVICE_SECRET,
            issuer="invoice-service",
            audience="payment-service",
            organization_id=organization_id,
            actor="key:test",
            now=SystemClock().now(),
        )
        return await self.private.put(
            f"/internal/organizations/{format_id('org', organization_id)}/stripe/secret-key",
            json={"secret_key": key},
            headers={"Authorization": f"Bearer {token}"},
        )

    async def webhooks_active(self) -> None:
        async def active() -> bool:
            said = await self.desk.heard(StripeConnectionChanged)
            return bool(said) and said[-1].webhook_status == "active"

        await run_until(active)


@asynccontextmanager
async def _house(rows: ServiceDatabase, **desk: Any) -> AsyncIterator[House]:
    async with sandbox_bench() as bench:
        port, private_port = free_port(), free_port()
        values = {"webhook_base_url": f"http://127.0.0.1:{port}", **desk}
        async with desk_with(rows, bench.door, **values) as made:
            database, clock = rows.open("payment"), SystemClock()
            public = public_api(database=database, keyring=keyring(), clock=clock, head=None)
            private = private_api(
                database=database, setup=made.setup, service_token_secret=SERVICE_SECRET, clock=clock, head=None
            )
            async with serving(public, port=port), serving(private, port=private_port):
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{private_port}", trust_env=False) as http:
                    yield House(desk=made, bench=bench, private=http)


@pytest.fixture
async def house(service_database: ServiceDatabase) -> AsyncIterator[House]:
    async with _house(service_database) as made:
        yield made


async def test_a_key_is_set_and_the_webhook_endpoint_is_registered_with_it(house: House) -> None:
    answer = await house.set_key(SANDBOX_KEY)
    await house.webhooks_active()

    assert answer.status_code == 200, answer.text
    picture = answer.json()
    assert (picture["status"], picture["account_id"], picture["mode"]) == ("ready", SANDBOX_ACCOUNT, "test")
    assert (picture["key_last4"], picture["sandbox"], picture["version"]) == ("4Kd2", True, 1)
    (endpoint,) = await house.bench.door.webhook_endpoints(house.bench.owner)
    assert endpoint.url.endswith(await house.desk.opaque_id())
    said = await house.desk.heard(StripeConnectionChanged)
    assert [event.version for event in said] == [1, 2]
    assert said[-1].status is ConnectionStatus.READY


async def test_a_paid_link_is_one_entry_and_one_payment_received(house: House) -> None:
    await house.set_key(SANDBOX_KEY)
    await house.webhooks_active()
    invoice = house.desk.invoice()
    await house.desk.say(invoice.sent())
    (created,) = await house.desk.hear(PaymentLinkCreated)

    session_id = await house.bench.pay(created.url.rsplit("/", 1)[-1])
    (received,) = await house.desk.hear(PaymentReceived)
    await house.desk.quiet()

    assert (received.amount_minor, received.currency, received.expected_minor) == (12345, "EUR", 12345)
    assert (received.invoice_id, received.link_id, received.attempt) == (invoice.id, created.link_id, 1)
    assert (received.checkout_session_id, received.method, received.late) == (session_id, "card", False)
    assert (received.account_id, received.sandbox, received.source) == (SANDBOX_ACCOUNT, True, "webhook")
    books = (await house.bench.look("ledger"))["accounts"][SANDBOX_ACCOUNT]
    assert [row["id"] for row in books["payment_intents"]] == [received.payment_intent_id]
    (entry,) = await house.desk.entries()
    assert (entry["stripe_id"], entry["amount_minor"]) == (received.payment_intent_id, 12345)
    assert len(await house.desk.heard(PaymentReceived)) == 1
    assert await house.desk.parked() == []


async def test_once_the_balance_is_zero_the_paid_link_is_closed_with_proof(house: House) -> None:
    await house.set_key(SANDBOX_KEY)
    await house.webhooks_active()
    invoice = house.desk.invoice()
    await house.desk.say(invoice.sent())
    (created,) = await house.desk.hear(PaymentLinkCreated)
    await house.bench.pay(created.url.rsplit("/", 1)[-1])
    (received,) = await house.desk.hear(PaymentReceived)

    await house.desk.say(invoice.balance_changed(due=0, attempt=1, with_link=False))
    (closed,) = await house.desk.hear(PaymentLinkClosed)

    assert (closed.reason, closed.captured_minor, closed.in_flight) == ("paid", 12345, False)
    assert closed.proof is not None
    assert closed.proof.completed_session_ids == (received.checkout_session_id,)


async def test_a_manual_payment_while_the_checkout_is_open_ends_that_checkout(house: House) -> None:
    await house.set_key(SANDBOX_KEY)
    invoice = house.desk.invoice()
    await house.desk.say(invoice.sent())
    (created,) = await house.desk.hear(PaymentLinkCreated)
    old_link = created.url.rsplit("/", 1)[-1]
    session_id = await house.bench.open(old_link)

    await house.desk.say(invoice.balance_changed(due=8642, attempt=2))
    (_, replacement) = await house.desk.hear(PaymentLinkCreated, count=2)
    (closed,) = await house.desk.heard(PaymentLinkClosed)

    assert closed.attempt == 1
    assert closed.proof is not None
    assert closed.proof.expired_session_ids == (session_id,)
    assert (replacement.attempt, replacement.amount_minor) == (2, 8642)
    refused = await house.bench.http.post(f"/_sandbox/pay/{session_id}", json={})
    assert refused.status_code >= 400
    books = (await house.bench.look("ledger"))["accounts"][SANDBOX_ACCOUNT]
    assert books["links_active"] == [replacement.url.rsplit("/", 1)[-1]]
    assert books["payment_intents"] == []


async def test_fifty_deliveries_side_by_side_of_each_event_are_one_payment(house: House) -> None:
    await house.set_key(SANDBOX_KEY)
    await house.webhooks_active()
    await house.desk.say(house.desk.invoice().sent())
    (created,) = await house.desk.hear(PaymentLinkCreated)
    await house.bench.control("faults", kind="delivery", action="hold", times=100)
    await house.bench.pay(created.url.rsplit("/", 1)[-1])
    held = {row["event_id"] for row in await house.bench.look("deliveries") if row["state"] == "held"}
    assert len(held) >= 2
    await house.bench.http.delete("/_sandbox/faults")

    for event_id in held:
        await asyncio.gather(*(house.bench.control("events/redeliver", event=event_id) for _ in range(50)))
    await house.bench.control("deliveries/release", order="backwards")
    await house.desk.hear(PaymentReceived)

    async def all_delivered() -> bool:
        return all(row["state"] == "delivered" for row in await house.bench.look("deliveries"))

    await run_until(all_delivered, timeout_seconds=40)
    await house.desk.quiet()
    assert len(await house.desk.heard(PaymentReceived)) == 1
    assert len(await house.desk.entries()) == 1
    assert await house.desk.parked() == []


async def test_with_every_webhook_dropped_the_poller_finds_the_payment(house: House) -> None:
    await house.set_key(SANDBOX_KEY)
    await house.webhooks_active()
    await house.desk.say(house.desk.invoice().sent())
    (created,) = await house.desk.hear(PaymentLinkCreated)
    await house.bench.control("faults", kind="delivery", action="drop", times=1000)
    await house.bench.pay(created.url.rsplit("/", 1)[-1])

    await house.desk.poll_now()
    await house.desk.poll_now()

    (received,) = await house.desk.heard(PaymentReceived)
    assert (received.amount_minor, received.source) == (12345, "poller")
    assert len(await house.desk.entries()) == 1


async def test_no_secret_is_in_any_row_event_or_answer(house: House) -> None:
    answer = await house.set_key(SANDBOX_KEY)
    await house.webhooks_active()
    await house.desk.say(house.desk.invoice().sent())
    await house.desk.hear(PaymentLinkCreated)

    tables = await house.desk.rows.fetch("select tablename from pg_tables where schemaname = 'payment'")
    dump = ""
    for table in tables:
        for row in await house.desk.rows.fetch(f"select t::text as line from payment.{table['tablename']} t"):
            dump += str(row["line"])

    assert "4Kd2" in dump
    assert "Canary" not in dump + answer.text
    assert "whsec_" not in dump + answer.text
