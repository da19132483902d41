"""The kit's tables as a service would declare them, and the events that the tests send."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from contracts.catalogue import Service
from contracts.envelope import Envelope, event_source, new_envelope
from contracts.event import Event
from contracts.events.invoice import InvoiceVoidRequested
from contracts.events.payment import PaymentLinkFailed
from contracts.ids import format_id
from service_kit.clock import SystemClock
from service_kit.database import Database, run_sql
from service_kit.handlers import Delivery
from service_kit.idempotency import IdempotencyColumns
from service_kit.identifiers import new_id
from service_kit.inbox import InboxColumns
from service_kit.outbox import OutboxColumns, record_event
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

registry = sa.orm.registry()


class Rows(SQLModel, registry=registry):
    metadata = sa.MetaData(schema="payment")


class Outbox(OutboxColumns, Rows, table=True):
    __tablename__ = "outbox"


class Inbox(InboxColumns, Rows, table=True):
    __tablename__ = "inbox"


class IdempotencyKey(IdempotencyColumns, Rows, table=True):
    __tablename__ = "idempotency_keys"


def link_failed(organization_id: UUID, *, invoice_id: UUID | None = None, attempt: int = 1) -> PaymentLinkFailed:
    """An event of ours with one subscriber, invoice-service."""
    return PaymentLinkFailed(
        organization_id=organization_id,
        invoice_id=invoice_id or new_id(),
        link_id=new_id(),
        attempt=attempt,
        reason_code="refused",
        message="no",
    )


def void_requested(organization_id: UUID, *, invoice_id: UUID | None = None, attempt: int = 1) -> InvoiceVoidRequested:
    """An event that we listen to."""
    return InvoiceVoidRequested(
        organization_id=organization_id, invoice_id=invoice_id or new_id(), attempt=attempt, reason="test"
    )


def enveloped(event: Event, *, service: Service = Service.INVOICE, sequence: int = 1) -> Envelope:
    return new_envelope(
        event=event,
        event_id=new_id(),
        source=event_source(service.value),
        subject=format_id("inv", event.aggregate_id()),
        time=SystemClock().now(),
        correlation_id="cor_test",
        causation_id="req_test",
        traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        sequence=sequence,
    )


async def record(database: Database, *events: PaymentLinkFailed) -> list[UUID]:
    """All ``events`` in one transaction of their organisation."""
    async with database.transaction(organization_id=events[0].organization_id) as session:
        return [await record_event(session, Outbox, event, service=Service.PAYMENT) for event in events]


async def add_effect(session: AsyncSession, delivery: Delivery, note: str = "") -> None:
    values: dict[str, Any] = {"organization_id": delivery.organization_id, "event_id": delivery.id, "note": note}
    await run_sql(
        session,
        "insert into effects (organization_id, event_id, note) values (:organization_id, :event_id, :note)",
        values,
    )
