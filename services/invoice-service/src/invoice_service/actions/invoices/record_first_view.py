"""Keeps the moment a customer first opened an invoice's page; every later view leaves it as it is."""

from uuid import UUID

import sqlalchemy as sa
from service_kit.database import app_now
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.tables.invoices import Invoice


async def record_first_view(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> None:
    """Safe to repeat. The invoice's version stays, since nothing that anyone edits has changed."""
    first = (
        (col(Invoice.organization_id) == organization_id)
        & (col(Invoice.id) == invoice_id)
        & col(Invoice.first_viewed_at).is_(None)
    )
    await session.exec(sa.update(Invoice).where(first).values(first_viewed_at=await app_now(session)))
