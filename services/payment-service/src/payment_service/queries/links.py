"""Reads and locks around the links of an invoice. The collection's row is always locked before any of its links."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.domain.link_orders import OPEN_STATUSES
from payment_service.tables import CheckoutSession, Collection, PaymentLink

_LINKS_REMEMBERED_MAX = 200
_OPEN = [status.value for status in OPEN_STATUSES]


async def lock_collection(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> Collection:
    """The invoice's own row, made when it is not there yet. Holding it, nothing else changes the invoice's links."""
    await session.exec(
        insert(Collection).values(organization_id=organization_id, invoice_id=invoice_id).on_conflict_do_nothing()
    )
    statement = (
        select(Collection)
        .where(Collection.organization_id == organization_id, Collection.invoice_id == invoice_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).one()


async def link_by_id(session: AsyncSession, *, organization_id: UUID, link_id: UUID) -> PaymentLink:
    """As it is now, not as this session may have read it before."""
    statement = (
        select(PaymentLink)
        .where(PaymentLink.organization_id == organization_id, PaymentLink.id == link_id)
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).one()


async def maybe_link_by_id(session: AsyncSession, *, organization_id: UUID, link_id: UUID) -> PaymentLink | None:
    statement = select(PaymentLink).where(PaymentLink.organization_id == organization_id, PaymentLink.id == link_id)
    return (await session.exec(statement)).one_or_none()


async def link_of_attempt(
    session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, attempt: int
) -> PaymentLink | None:
    statement = select(PaymentLink).where(
        PaymentLink.organization_id == organization_id,
        PaymentLink.invoice_id == invoice_id,
        PaymentLink.attempt == attempt,
    )
    return (await session.exec(statement)).one_or_none()


async def open_links_of_invoice(
    session: AsyncSession, *, organization_id: UUID, invoice_id: UUID
) -> Sequence[PaymentLink]:
    """Lowest attempt first."""
    statement = (
        select(PaymentLink)
        .where(
            PaymentLink.organization_id == organization_id,
            PaymentLink.invoice_id == invoice_id,
            col(PaymentLink.status).in_(_OPEN),
        )
        .order_by(col(PaymentLink.attempt))
    )
    return (await session.exec(statement)).all()


async def link_at_stripe(
    session: AsyncSession, *, organization_id: UUID, connection_id: UUID, stripe_link_id: str
) -> PaymentLink | None:
    """The only way from something at Stripe to an invoice: the link's id that we stored ourselves."""
    statement = select(PaymentLink).where(
        PaymentLink.organization_id == organization_id,
        PaymentLink.connection_id == connection_id,
        PaymentLink.stripe_link_id == stripe_link_id,
    )
    return (await session.exec(statement)).one_or_none()


async def open_links_of_connection(
    session: AsyncSession, *, organization_id: UUID, connection_id: UUID
) -> Sequence[PaymentLink]:
    statement = select(PaymentLink).where(
        PaymentLink.organization_id == organization_id,
        PaymentLink.connection_id == connection_id,
        col(PaymentLink.status).in_(_OPEN),
    )
    return (await session.exec(statement)).all()


async def any_link_at_stripe(session: AsyncSession, *, organization_id: UUID, connection_id: UUID) -> str | None:
    statement = (
        select(PaymentLink.stripe_link_id)
        .where(
            PaymentLink.organization_id == organization_id,
            PaymentLink.connection_id == connection_id,
            col(PaymentLink.stripe_link_id).is_not(None),
        )
        .order_by(col(PaymentLink.id).desc())
        .limit(1)
    )
    return (await session.exec(statement)).one_or_none()


async def links_made_before(
    session: AsyncSession, *, organization_id: UUID, connection_id: UUID, moment: datetime
) -> Sequence[str]:
    """Stripe's ids of the newest links that were recorded before ``moment``."""
    statement = (
        select(PaymentLink.stripe_link_id)
        .where(
            PaymentLink.organization_id == organization_id,
            PaymentLink.connection_id == connection_id,
            col(PaymentLink.made_at) < moment,
        )
        .order_by(col(PaymentLink.made_at).desc())
        .limit(_LINKS_REMEMBERED_MAX)
    )
    return [known for known in (await session.exec(statement)).all() if known]


async def links_to_read(
    session: AsyncSession, *, organization_id: UUID, connection_id: UUID, count_max: int
) -> Sequence[PaymentLink]:
    """Links through which money may still come, those not looked at for longest first."""
    statement = (
        select(PaymentLink)
        .where(
            PaymentLink.organization_id == organization_id,
            PaymentLink.connection_id == connection_id,
            sa.or_(col(PaymentLink.status).in_(["active", "closing"]), col(PaymentLink.in_flight).is_(True)),
            col(PaymentLink.stripe_link_id).is_not(None),
        )
        .order_by(col(PaymentLink.sessions_read_at).asc().nulls_first())
        .limit(count_max)
    )
    return (await session.exec(statement)).all()


async def settled_sessions(session: AsyncSession, *, organization_id: UUID, link_ids: Sequence[UUID]) -> set[str]:
    """Sessions whose payment is known or has failed; reading them again would tell nothing new."""
    statement = select(CheckoutSession.session_id).where(
        CheckoutSession.organization_id == organization_id,
        col(CheckoutSession.link_id).in_(link_ids),
        col(CheckoutSession.payment_status).in_(["paid", "failed"]),
    )
    return set((await session.exec(statement)).all())


async def note_sessions_read(
    session: AsyncSession, *, organization_id: UUID, link_ids: Sequence[UUID], now: datetime
) -> None:
    """Nothing but the time: the rows may have changed since they were read."""
    await session.exec(
        sa.update(PaymentLink)
        .where(col(PaymentLink.organization_id) == organization_id, col(PaymentLink.id).in_(link_ids))
        .values(sessions_read_at=now)
        .execution_options(synchronize_session=False)
    )
