"""Puts an event of ours into the outbox, in the transaction of the change that it tells of."""

from contracts.catalogue import Service
from contracts.event import Event
from service_kit.outbox import record_event
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.tables.messages import Outbox


async def announce(session: AsyncSession, event: Event) -> None:
    """Published only if the caller's transaction commits."""
    await record_event(session, Outbox, event, service=Service.INVOICE)
