"""What exports read beside the lists: every posting that moved money, with its invoice and customer."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.list_order import Place
from invoice_service.tables.customers import Customer
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.ledger import LedgerEntry


@dataclass(frozen=True)
class PaymentFilters:
    organization_id: UUID
    customer_id: UUID | None = None
    invoice_id: UUID | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True)
class PaymentInExport:
    entry: LedgerEntry
    invoice_number: str | None
    customer_id: UUID | None
    customer_name: str | None


async def page_of_payments(
    session: AsyncSession, *, filters: PaymentFilters, after: Place | None, limit: int
) -> list[PaymentInExport]:
    """Postings with money in them, those that take it back included; the newest first, from behind ``after``."""
    organization = col(LedgerEntry.organization_id)
    statement = (
        select(LedgerEntry, Invoice.number, Customer.id, Customer.name)
        .outerjoin(
            Invoice, (col(Invoice.organization_id) == organization) & (col(Invoice.id) == col(LedgerEntry.invoice_id))
        )
        .outerjoin(
            Customer,
            (col(Customer.organization_id) == organization) & (col(Customer.id) == col(Invoice.customer_id)),
        )
        .where(*_conditions(filters))
    )
    if after is not None:
        statement = statement.where(sa.tuple_(col(LedgerEntry.recorded_at), col(LedgerEntry.id)) < after)
    newest_first = statement.order_by(col(LedgerEntry.recorded_at).desc(), col(LedgerEntry.id).desc()).limit(limit)
    return [PaymentInExport(*row) for row in await session.exec(newest_first)]


def _conditions(filters: PaymentFilters) -> list[sa.ColumnElement[bool]]:
    conditions = [
        col(LedgerEntry.organization_id) == filters.organization_id,
        col(LedgerEntry.received_minor) != 0,
    ]
    if filters.customer_id is not None:
        conditions.append(col(Invoice.customer_id) == filters.customer_id)
    if filters.invoice_id is not None:
        conditions.append(col(LedgerEntry.invoice_id) == filters.invoice_id)
    if filters.created_from is not None:
        conditions.append(col(LedgerEntry.recorded_at) >= filters.created_from)
    if filters.created_to is not None:
        conditions.append(col(LedgerEntry.recorded_at) <= filters.created_to)
    return conditions
