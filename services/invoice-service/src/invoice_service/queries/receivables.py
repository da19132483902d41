"""Invoices with their balance, ledger and documents. Whoever changes one locks its row first, then its balance."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.invoice_refusals import DocumentNotFound, PaymentNotFound
from invoice_service.domain.statuses import DocumentStatus, EntryKind
from invoice_service.tables.invoices import Document, Invoice
from invoice_service.tables.ledger import InvoiceBalance, LedgerEntry
from invoice_service.tables.pictures import StripeConnection


async def find_and_lock_invoice(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> Invoice | None:
    """The row as it is now, held until the transaction ends; None for unknown, foreign and deleted ones alike."""
    statement = (
        select(Invoice)
        .where(
            col(Invoice.organization_id) == organization_id,
            col(Invoice.id) == invoice_id,
            col(Invoice.document_status) != DocumentStatus.DELETED,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).one_or_none()


async def lock_balance(session: AsyncSession, *, invoice: Invoice) -> InvoiceBalance:
    """The balance of an invoice that was issued; it exists since then."""
    statement = (
        select(InvoiceBalance)
        .where(
            col(InvoiceBalance.organization_id) == invoice.organization_id,
            col(InvoiceBalance.invoice_id) == invoice.id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).one()


async def get_balance(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> InvoiceBalance:
    """Of an invoice that was issued; as the transaction sees it, changes of its own included."""
    await session.flush()
    return await session.get_one(InvoiceBalance, (organization_id, invoice_id))


async def take_number(session: AsyncSession, *, organization_id: UUID, series: str) -> int:
    """The next number of ``series``; whoever else wants one waits for this transaction, so a rollback leaves no gap."""
    statement = sa.text(
        "insert into number_series as s (organization_id, series, last_number) values (:organization_id, :series, 1) "
        "on conflict (organization_id, series) do update set last_number = s.last_number + 1 returning last_number"
    )
    connection = await session.connection()
    number: int = (
        await connection.execute(statement, {"organization_id": organization_id, "series": series})
    ).scalar_one()
    return number


async def provider_entry_is_posted(session: AsyncSession, *, organization_id: UUID, provider_entry_id: UUID) -> bool:
    statement = select(LedgerEntry.id).where(
        col(LedgerEntry.organization_id) == organization_id, col(LedgerEntry.provider_entry_id) == provider_entry_id
    )
    return (await session.exec(statement)).first() is not None


async def get_manual_entry(
    session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, payment_id: UUID
) -> LedgerEntry:
    """The posting that recorded a manual payment of this invoice. Raises `PaymentNotFound`."""
    statement = select(LedgerEntry).where(
        col(LedgerEntry.organization_id) == organization_id,
        col(LedgerEntry.invoice_id) == invoice_id,
        col(LedgerEntry.payment_id) == payment_id,
        col(LedgerEntry.kind) == EntryKind.MANUAL,
    )
    entry = (await session.exec(statement)).one_or_none()
    if entry is None:
        raise PaymentNotFound("this invoice has no manual payment with this id")
    return entry


async def is_reversed(session: AsyncSession, *, entry: LedgerEntry) -> bool:
    statement = select(LedgerEntry.id).where(
        col(LedgerEntry.organization_id) == entry.organization_id, col(LedgerEntry.reverses_id) == entry.id
    )
    return (await session.exec(statement)).first() is not None


async def has_foreign_suspense(session: AsyncSession, *, invoice: Invoice) -> bool:
    """Whether money in another currency than the invoice's waits at it."""
    statement = (
        select(LedgerEntry.currency)
        .where(
            col(LedgerEntry.organization_id) == invoice.organization_id,
            col(LedgerEntry.invoice_id) == invoice.id,
            col(LedgerEntry.currency) != invoice.currency,
        )
        .group_by(col(LedgerEntry.currency))
        .having(sa.func.sum(col(LedgerEntry.suspense_minor)) > 0)
    )
    return (await session.exec(statement)).first() is not None


async def find_document(session: AsyncSession, *, invoice: Invoice) -> Document | None:
    """The stored file of the invoice's present way of collection."""
    statement = select(Document).where(
        col(Document.organization_id) == invoice.organization_id,
        col(Document.invoice_id) == invoice.id,
        col(Document.collection_version) == invoice.collection_version,
    )
    return (await session.exec(statement)).one_or_none()


async def get_document(session: AsyncSession, *, organization_id: UUID, document_id: UUID) -> Document:
    """Raises `DocumentNotFound`."""
    document = await session.get(Document, (organization_id, document_id))
    if document is None:
        raise DocumentNotFound("there is no document with this id")
    return document


async def find_connection(session: AsyncSession, *, organization_id: UUID) -> StripeConnection | None:
    return await session.get(StripeConnection, organization_id, populate_existing=True)
