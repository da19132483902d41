"""Invoices of one organisation, by id and in pages. A deleted draft is shown nowhere."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import defer
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from invoice_service.domain.headline import Headline
from invoice_service.domain.list_order import UNDATED, InvoiceOrder, Place, is_descending
from invoice_service.domain.refusals import InvoiceNotFound
from invoice_service.domain.statuses import DocumentStatus
from invoice_service.queries.headline_filter import headline_is
from invoice_service.queries.search import invoices_that_match
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.ledger import InvoiceBalance


@dataclass(frozen=True)
class InvoiceFilters:
    """``today`` is the date in the organisation's time zone; each of ``words`` begins a word of what is found."""

    organization_id: UUID
    today: date
    status: DocumentStatus | Headline | None = None
    customer_id: UUID | None = None
    words: tuple[str, ...] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    order: InvoiceOrder = InvoiceOrder.NEWEST


def place_in_order(invoice: Invoice, order: InvoiceOrder) -> Place:
    if order in (InvoiceOrder.DUE_FIRST, InvoiceOrder.DUE_LAST):
        return invoice.due_date or UNDATED, invoice.id
    return invoice.created_at, invoice.id


async def get_invoice(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> Invoice:
    """Raises `InvoiceNotFound`."""
    return await _one(session, _named(organization_id, invoice_id))


async def lock_invoice(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> Invoice:
    """The row as it is now, held until the transaction ends. Raises `InvoiceNotFound`."""
    statement = _named(organization_id, invoice_id).with_for_update()
    return await _one(session, statement.execution_options(populate_existing=True))


async def page_of_invoices(
    session: AsyncSession, *, filters: InvoiceFilters, after: Place | None, limit: int
) -> list[tuple[Invoice, InvoiceBalance | None]]:
    """From behind ``after``, each with its balance once it is issued, without what only one invoice's page shows."""
    statement = (
        select(Invoice, InvoiceBalance)
        .outerjoin(
            InvoiceBalance,
            (col(InvoiceBalance.organization_id) == col(Invoice.organization_id))
            & (col(InvoiceBalance.invoice_id) == col(Invoice.id)),
        )
        .where(col(Invoice.document_status) != DocumentStatus.DELETED, *_conditions(filters))
    )
    heavy: tuple[Any, ...] = (Invoice.lines, Invoice.allowances, Invoice.snapshot)
    statement = statement.options(*(defer(column, raiseload=True) for column in heavy))
    value, row_id = _value_in(filters.order), col(Invoice.id)
    place = sa.tuple_(value, row_id)
    if is_descending(filters.order):
        statement = statement.order_by(value.desc(), row_id.desc())
        statement = statement if after is None else statement.where(place < after)
    else:
        statement = statement.order_by(value, row_id)
        statement = statement if after is None else statement.where(place > after)
    return [(invoice, balance) for invoice, balance in await session.exec(statement.limit(limit))]


def _value_in(order: InvoiceOrder) -> sa.SQLColumnExpression[Any]:
    """Word for word the expression of an index: `UNDATED` is infinity to Postgres."""
    if order in (InvoiceOrder.DUE_FIRST, InvoiceOrder.DUE_LAST):
        infinity = sa.literal_column("'infinity'::date", sa.Date())
        return sa.case((col(Invoice.due_date).is_(None), infinity), else_=col(Invoice.due_date))
    return col(Invoice.created_at)


def _conditions(filters: InvoiceFilters) -> list[sa.ColumnElement[bool]]:
    conditions = [col(Invoice.organization_id) == filters.organization_id]
    if isinstance(filters.status, DocumentStatus):
        conditions.append(col(Invoice.document_status) == filters.status)
    elif filters.status is not None:
        conditions.append(headline_is(filters.status, today=filters.today))
    if filters.customer_id is not None:
        conditions.append(col(Invoice.customer_id) == filters.customer_id)
    for word in filters.words:
        conditions.append(col(Invoice.id).in_(invoices_that_match(filters.organization_id, word)))
    if filters.created_from is not None:
        conditions.append(col(Invoice.created_at) >= filters.created_from)
    if filters.created_to is not None:
        conditions.append(col(Invoice.created_at) <= filters.created_to)
    return conditions


def _named(organization_id: UUID, invoice_id: UUID) -> SelectOfScalar[Invoice]:
    return select(Invoice).where(
        col(Invoice.organization_id) == organization_id,
        col(Invoice.id) == invoice_id,
        col(Invoice.document_status) != DocumentStatus.DELETED,
    )


async def _one(session: AsyncSession, statement: SelectOfScalar[Invoice]) -> Invoice:
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        raise InvoiceNotFound("there is no invoice with this id; list them with GET /v1/invoices")
    return row
