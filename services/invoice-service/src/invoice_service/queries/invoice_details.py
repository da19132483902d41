"""Everything that is shown for invoices, gathered with one statement a table."""

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.headline import Headline, HeadlineFacts, headline, is_overdue, mail_picture
from invoice_service.domain.list_order import Place
from invoice_service.domain.statuses import DocumentStatus, PaymentStatus
from invoice_service.queries.customers import get_customer, names_of_customers
from invoice_service.queries.invoices import InvoiceFilters, get_invoice, page_of_invoices
from invoice_service.queries.organizations import get_organization
from invoice_service.tables.customers import Customer
from invoice_service.tables.invoices import Document, Invoice
from invoice_service.tables.ledger import InvoiceBalance, LedgerEntry
from invoice_service.tables.organizations import Organization
from invoice_service.tables.pictures import Delivery


@dataclass(frozen=True)
class InvoiceInList:
    """``today`` is the date in the organisation's time zone."""

    invoice: Invoice
    customer_name: str
    balance: InvoiceBalance | None
    newest_mail: tuple[Delivery, ...]
    today: date

    @property
    def payment_status(self) -> PaymentStatus:
        return self.balance.payment_status if self.balance else PaymentStatus.UNPAID

    @property
    def due_minor(self) -> int:
        return self.balance.due_minor if self.balance else self.invoice.total_minor

    @property
    def overdue(self) -> bool:
        return self.invoice.document_status is DocumentStatus.ISSUED and is_overdue(
            due_date=self.invoice.due_date, due_minor=self.due_minor, today=self.today
        )

    @property
    def headline(self) -> Headline:
        return headline(
            HeadlineFacts(
                document_status=self.invoice.document_status,
                document_state=self.invoice.document_state,
                collects_by_stripe=self.invoice.collection_method.value == "stripe",
                link_status=self.invoice.link_status,
                payment_status=self.payment_status,
                mail=mail_picture((row.state, row.duplicate_possible) for row in self.newest_mail),
                due_minor=self.due_minor,
                due_date=self.invoice.due_date,
                today=self.today,
            )
        )


@dataclass(frozen=True)
class InvoiceDetail:
    """``deliveries`` are of every mail, the newest last; ``document_id`` is the newest stored document."""

    row: InvoiceInList
    customer: Customer
    entries: tuple[LedgerEntry, ...]
    deliveries: tuple[Delivery, ...]
    document_id: UUID | None


async def invoice_detail(
    session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, now: datetime
) -> InvoiceDetail:
    """Raises `InvoiceNotFound`."""
    invoice = await get_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    organization = await get_organization(session, organization_id=organization_id)
    customer = await get_customer(session, organization_id=organization_id, customer_id=invoice.customer_id)
    balance = await session.get(InvoiceBalance, (organization_id, invoice_id))
    deliveries = await _deliveries(session, organization_id, invoice_id)
    row = InvoiceInList(
        invoice=invoice,
        customer_name=customer.name,
        balance=balance,
        newest_mail=tuple(delivery for delivery in deliveries if delivery.mail_id == invoice.mail_id),
        today=today_of(organization, now),
    )
    entries = await _entries(session, organization_id, invoice_id)
    return InvoiceDetail(row, customer, entries, deliveries, await newest_document_id(session, invoice=invoice))


async def invoices_in_list(
    session: AsyncSession, *, filters: InvoiceFilters, after: Place | None, limit: int
) -> list[InvoiceInList]:
    """One page, in the order of ``filters``."""
    rows = await page_of_invoices(session, filters=filters, after=after, limit=limit)
    names = await names_of_customers(
        session, organization_id=filters.organization_id, ids={invoice.customer_id for invoice, _ in rows}
    )
    mails = await _newest_mails(session, filters.organization_id, [invoice for invoice, _ in rows])
    return [
        InvoiceInList(
            invoice=invoice,
            customer_name=names[invoice.customer_id],
            balance=balance,
            newest_mail=tuple(row for row in mails if row.mail_id == invoice.mail_id),
            today=filters.today,
        )
        for invoice, balance in rows
    ]


def today_of(organization: Organization, now: datetime) -> date:
    """The date on the organisation's own calendar."""
    return now.astimezone(zoneinfo.ZoneInfo(organization.time_zone)).date()


async def _deliveries(session: AsyncSession, organization_id: UUID, invoice_id: UUID) -> tuple[Delivery, ...]:
    statement = (
        select(Delivery)
        .where(col(Delivery.organization_id) == organization_id, col(Delivery.invoice_id) == invoice_id)
        .order_by(col(Delivery.created_at), col(Delivery.mail_id), col(Delivery.recipient))
    )
    return tuple((await session.exec(statement)).all())


async def _newest_mails(
    session: AsyncSession, organization_id: UUID, invoices: Sequence[Invoice]
) -> tuple[Delivery, ...]:
    mails = {invoice.mail_id for invoice in invoices if invoice.mail_id is not None}
    if not mails:
        return ()
    statement = select(Delivery).where(
        col(Delivery.organization_id) == organization_id, col(Delivery.mail_id).in_(mails)
    )
    return tuple((await session.exec(statement)).all())


async def _entries(session: AsyncSession, organization_id: UUID, invoice_id: UUID) -> tuple[LedgerEntry, ...]:
    statement = (
        select(LedgerEntry)
        .where(col(LedgerEntry.organization_id) == organization_id, col(LedgerEntry.invoice_id) == invoice_id)
        .order_by(col(LedgerEntry.recorded_at), col(LedgerEntry.id))
    )
    return tuple((await session.exec(statement)).all())


async def newest_document_id(session: AsyncSession, *, invoice: Invoice) -> UUID | None:
    """The stored document of the present way of collection, or of the last one that has one."""
    statement = (
        select(Document.id)
        .where(col(Document.organization_id) == invoice.organization_id, col(Document.invoice_id) == invoice.id)
        .order_by(col(Document.collection_version).desc())
    )
    return (await session.exec(statement)).first()
