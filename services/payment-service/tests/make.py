"""One builder per noun with dull defaults, and the desk: this service at work on one organisation's behalf."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

from contracts.catalogue import Service
from contracts.document import InvoiceDocument, Layout, Party, Totals
from contracts.event import Event
from contracts.events.invoice import (
    CollectionMethod,
    InvoiceBalanceChanged,
    InvoiceCollectionChanged,
    InvoiceSent,
    InvoiceVoidRequested,
    LinkOrder,
    Mail,
    MailKind,
    PaymentLinkRequested,
)
from contracts.events.payment import StripeConnectionChanged
from payment_service.actions.connect_account import connect_account
from payment_service.actions.receive_webhook import receive_webhook
from payment_service.event_handlers import payment_handlers
from payment_service.key_vault import read_master_keys
from payment_service.keyring import FixedKeyring, Keyring
from payment_service.stripe_door import StripeDoor
from payment_service.stripe_setup import StripeSetup
from payment_service.worker import ADVISORY_CLASS_ID
from payment_tests.fakes import KEY
from service_kit.identifiers import new_id
from service_kit.inbox_worker import InboxWorker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.fixtures import outbox_of
from service_kit.testing.waiting import run_until
from service_kit.worker_session import WorkerSession
from stripe import WebhookSignature

AnyEvent = TypeVar("AnyEvent", bound=Event)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WEBHOOK_BASE_URL = "https://payments.example.test"


def keyring(text: str = f"k1:{base64.b64encode(b'm' * 32).decode()}") -> Keyring:
    return FixedKeyring(read_master_keys(text))


def setup(door: StripeDoor, **overrides: Any) -> StripeSetup:
    values: dict[str, Any] = {
        "door": door,
        "keyring": keyring(),
        "sandbox": True,
        "webhook_base_url": WEBHOOK_BASE_URL,
        "poll_seconds": 3600,
    }
    return StripeSetup(**values | overrides)


def order(*, attempt: int = 1, amount_minor: int = 12345, currency: str = "EUR", **overrides: Any) -> LinkOrder:
    values: dict[str, Any] = {
        "attempt": attempt,
        "amount_minor": amount_minor,
        "currency": currency,
        "invoice_number": "INV-2026-0001",
        "description": "Website",
        "return_url": "https://invoices.example.test/i/token",
    }
    return LinkOrder(**values | overrides)


def document() -> InvoiceDocument:
    return InvoiceDocument(
        number="INV-2026-0001",
        issue_date=date(2026, 11, 22),
        due_date=date(2026, 12, 6),
        currency="EUR",
        language="en",
        layout=Layout.MODERN,
        seller=Party(name="Seller"),
        buyer=Party(name="Buyer"),
        customer_id=new_id(),
        lines=(),
        totals=Totals(lines_minor=12345, net_minor=12345, tax_minor=0, gross_minor=12345, payable_minor=12345),
    )


def mail() -> Mail:
    return Mail(mail_id=new_id(), kind=MailKind.INVOICE, to=("buyer@example.test",), sender_name="Seller")


@dataclass
class Invoice:
    """One invoice as invoice-service would speak of it."""

    organization_id: UUID
    id: UUID = field(default_factory=new_id)

    def sent(self, **ordered: Any) -> InvoiceSent:
        link = order(**ordered)
        return InvoiceSent(
            organization_id=self.organization_id,
            invoice_id=self.id,
            customer_id=new_id(),
            document=document(),
            document_sha256="0" * 64,
            files=(),
            collection_method=CollectionMethod.STRIPE,
            amount_due_minor=link.amount_minor,
            currency=link.currency,
            link=link,
            mail=mail(),
        )

    def balance_changed(self, *, due: int, attempt: int, with_link: bool = True) -> InvoiceBalanceChanged:
        return InvoiceBalanceChanged(
            organization_id=self.organization_id,
            invoice_id=self.id,
            amount_due_minor=due,
            currency="EUR",
            attempt=attempt,
            link=order(attempt=attempt, amount_minor=due) if with_link else None,
        )

    def link_requested(self, *, attempt: int) -> PaymentLinkRequested:
        return PaymentLinkRequested(
            organization_id=self.organization_id, invoice_id=self.id, link=order(attempt=attempt)
        )

    def collected_by_hand(self, *, attempt: int) -> InvoiceCollectionChanged:
        return InvoiceCollectionChanged(
            organization_id=self.organization_id,
            invoice_id=self.id,
            collection_method=CollectionMethod.MANUAL,
            collection_version=2,
            attempt=attempt,
            document=document(),
            files=(),
        )

    def void_requested(self, *, attempt: int) -> InvoiceVoidRequested:
        return InvoiceVoidRequested(organization_id=self.organization_id, invoice_id=self.id, attempt=attempt)


@dataclass
class Desk:
    """One organisation's payment-service: what is said to it, what it says, and its rows."""

    rows: ServiceDatabase
    setup: StripeSetup
    organization_id: UUID = field(default_factory=new_id)

    def invoice(self) -> Invoice:
        return Invoice(organization_id=self.organization_id)

    async def connect(self, key: str = KEY) -> StripeConnectionChanged:
        return await connect_account(
            database=self.rows.open("payment"),
            setup=self.setup,
            organization_id=self.organization_id,
            secret_key=key,
        )

    async def say(self, *events: Event) -> None:
        """Put what invoice-service says into the inbox, as intake would."""
        for event in events:
            await self.rows.fetch(
                "insert into payment.inbox (consumer, event_id, organization_id, type, payload)"
                " values ($1, $2, $3, $4, $5)",
                Service.PAYMENT.value,
                new_id(),
                event.organization_id,
                event.event_type,
                event.model_dump_json(),
            )
        await self.rows.fetch("notify payment_inbox")

    async def heard(self, kind: type[AnyEvent]) -> list[AnyEvent]:
        """What this service has said of one kind, in order."""
        said = await outbox_of(self.rows, Service.PAYMENT)
        return [envelope.data for envelope in said if isinstance(envelope.data, kind)]

    async def hear(self, kind: type[AnyEvent], *, count: int = 1) -> list[AnyEvent]:
        """Wait until at least ``count`` events of this kind were said."""

        async def enough() -> bool:
            return len(await self.heard(kind)) >= count

        await run_until(enough, timeout_seconds=15)
        return await self.heard(kind)

    async def quiet(self, *, hurry: bool = False) -> None:
        """Wait until nothing is due and nothing runs. ``hurry`` lets what waits for later happen now."""

        async def nothing_due() -> bool:
            if hurry:
                await self.rows.fetch(
                    "update payment.inbox set next_at = payment.app_now() where state = 'ready'"
                    " and type <> 'task.poll_connection'"
                )
                await self.rows.fetch("notify payment_inbox")
            late = "" if hurry else "and next_at <= payment.app_now()"
            found = await self.rows.fetch(
                f"select 1 from payment.inbox where state = 'leased' or (state = 'ready' {late}"
                " and type <> 'task.poll_connection') limit 1"
            )
            return not found

        await run_until(nothing_due, timeout_seconds=20)

    async def poll_now(self) -> None:
        before = len(await self.rows.fetch("select 1 from payment.inbox where type = 'task.poll_connection'"))
        assert before == 1
        await self.rows.fetch(
            "update payment.inbox set next_at = payment.app_now() - interval '1 s', first_error = 'asked'"
            " where type = 'task.poll_connection' and state = 'ready'"
        )
        await self.rows.fetch("notify payment_inbox")

        async def polled() -> bool:
            found = await self.rows.fetch(
                "select 1 from payment.inbox where type = 'task.poll_connection' and state = 'ready'"
                " and first_error is null"
            )
            return bool(found)

        await run_until(polled, timeout_seconds=10)
        await self.quiet()

    async def links(self) -> list[dict[str, Any]]:
        rows = await self.rows.fetch("select * from payment.payment_links order by attempt")
        return [dict(row) for row in rows]

    async def entries(self) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.rows.fetch("select * from payment.provider_entries")]

    async def parked(self) -> list[dict[str, Any]]:
        rows = await self.rows.fetch("select type, park_reason from payment.inbox where state = 'parked'")
        return [dict(row) for row in rows]

    async def opaque_id(self) -> str:
        (row,) = await self.rows.fetch("select opaque_id from payment.webhook_endpoints where status = 'active'")
        return str(row["opaque_id"])

    async def deliver(self, body: bytes, *, secret: str, opaque_id: str | None = None) -> None:
        """One webhook, signed now, straight to the action behind the route."""
        header = WebhookSignature.generate_signature_header(body.decode(), secret, int(NOW.timestamp()))
        await receive_webhook(
            database=self.rows.open("payment"),
            keyring=self.setup.keyring,
            opaque_id=opaque_id or await self.opaque_id(),
            body=body,
            signature=header,
            now=NOW,
        )


def event_body(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


@asynccontextmanager
async def desk_with(rows: ServiceDatabase, door: StripeDoor, **overrides: Any) -> AsyncIterator[Desk]:
    """The inbox worker runs as in production, without a broker: events are put into the inbox by hand."""
    made = Desk(rows=rows, setup=setup(door, **overrides))
    async with working(made):
        yield made


@asynccontextmanager
async def working(desk: Desk) -> AsyncIterator[None]:
    wake, stop = asyncio.Event(), asyncio.Event()
    session = WorkerSession(
        url=desk.rows.url("payment", "worker"), class_id=ADVISORY_CLASS_ID, wakes={"payment_inbox": wake}
    )
    worker = InboxWorker(
        service=Service.PAYMENT,
        database=desk.rows.open("payment"),
        worker_database=desk.rows.open("payment", "worker"),
        handlers=payment_handlers(desk.setup),
        session=session,
        class_id=ADVISORY_CLASS_ID,
        poll_seconds=0.2,
        wake=wake,
    )
    parts = [asyncio.create_task(session.run(stop)), asyncio.create_task(worker.run(stop=stop))]
    try:
        await asyncio.wait_for(session.held.wait(), timeout=10)
        yield
    finally:
        stop.set()
        wake.set()
        await asyncio.gather(*parts)
