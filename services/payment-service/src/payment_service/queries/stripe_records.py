"""What Stripe said, written so that saying it twice changes nothing."""

import hashlib
import json
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.domain.stripe_objects import SessionAtStripe
from payment_service.tables import CheckoutSession, FetchedObject, ProviderEntry, StripeEventRow


async def store_event(session: AsyncSession, row: StripeEventRow) -> bool:
    """False when this event of this account was stored before, by whichever way it came."""
    result = await session.exec(
        insert(StripeEventRow).values(**row.model_dump()).on_conflict_do_nothing().returning(col(StripeEventRow.id))
    )
    return result.first() is not None


async def event_row(session: AsyncSession, *, organization_id: UUID, row_id: UUID) -> StripeEventRow:
    statement = select(StripeEventRow).where(
        StripeEventRow.organization_id == organization_id, StripeEventRow.id == row_id
    )
    return (await session.exec(statement)).one()


async def store_session(
    session: AsyncSession, *, organization_id: UUID, connection_id: UUID, seen: SessionAtStripe, now: datetime
) -> None:
    """Keep the object as it was read. The same content a second time is the same row."""
    body = json.dumps(seen.raw, sort_keys=True)
    await session.exec(
        insert(FetchedObject)
        .values(
            organization_id=organization_id,
            object_id=seen.id,
            sha256=hashlib.sha256(body.encode()).hexdigest(),
            connection_id=connection_id,
            body=body,
            fetched_at=now,
        )
        .on_conflict_do_nothing()
    )


async def note_session_of_link(
    session: AsyncSession, *, organization_id: UUID, link_id: UUID, seen: SessionAtStripe, now: datetime
) -> None:
    """Remember where the session stands. What is paid stays paid, however late an older reading is written."""
    fresh = {
        "status": seen.status,
        "payment_status": "failed" if seen.failed else seen.payment_status,
        "payment_intent_id": seen.payment_intent.id if seen.payment_intent else "",
        "read_at": now,
    }
    statement = insert(CheckoutSession).values(
        organization_id=organization_id, session_id=seen.id, link_id=link_id, **fresh
    )
    await session.exec(
        statement.on_conflict_do_update(
            index_elements=["organization_id", "session_id"],
            set_=fresh,
            where=col(CheckoutSession.payment_status) != "paid",
        )
    )


async def add_provider_entry(session: AsyncSession, entry: ProviderEntry) -> bool:
    """False when money with this id of Stripe's was recorded before."""
    result = await session.exec(
        insert(ProviderEntry).values(**entry.model_dump()).on_conflict_do_nothing().returning(col(ProviderEntry.id))
    )
    return result.first() is not None


async def captured_minor(session: AsyncSession, *, organization_id: UUID, link_id: UUID, currency: str) -> int:
    statement = select(sa.func.coalesce(sa.func.sum(col(ProviderEntry.amount_minor)), 0)).where(
        ProviderEntry.organization_id == organization_id,
        ProviderEntry.link_id == link_id,
        ProviderEntry.kind == "capture",
        ProviderEntry.currency == currency,
    )
    return int((await session.exec(statement)).one())


async def in_flight(session: AsyncSession, *, organization_id: UUID, link_id: UUID) -> bool:
    """True while a session of this link is complete and its money under way."""
    statement = select(sa.func.count()).where(
        CheckoutSession.organization_id == organization_id,
        CheckoutSession.link_id == link_id,
        CheckoutSession.status == "complete",
        CheckoutSession.payment_status == "unpaid",
    )
    return (await session.exec(statement)).one() > 0
