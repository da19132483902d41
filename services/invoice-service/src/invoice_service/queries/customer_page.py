"""What the customer's page shows, read as it is at this moment; an invoice without a page is no row."""

import zoneinfo
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from contracts.document import InvoiceDocument
from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.customer_view import Movement, Replacement, Standing
from invoice_service.domain.page_token import PageAddresses, PageClaim
from invoice_service.domain.refusals import InvoiceNotFound
from invoice_service.domain.statuses import DocumentStatus
from invoice_service.queries.invoice_details import invoice_detail
from invoice_service.queries.invoices import get_invoice
from invoice_service.queries.organizations import get_organization
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.ledger import InvoiceBalance, LedgerEntry

_SHOWN = frozenset([DocumentStatus.ISSUED, DocumentStatus.VOIDING, DocumentStatus.VOID, DocumentStatus.UNCOLLECTIBLE])


@dataclass(frozen=True)
class PageFacts:
    """``pay_url`` is the newest link's, whatever its state; ``document_id`` is the newest stored file."""

    document: InvoiceDocument
    standing: Standing
    today: date
    pay_url: str
    recipient: str
    document_id: UUID | None


async def page_facts(session: AsyncSession, *, claim: PageClaim, pages: PageAddresses) -> PageFacts | None:
    """None where the page does not exist: no such invoice, not issued, or the address was revoked."""
    now = await app_now(session)
    try:
        detail = await invoice_detail(
            session, organization_id=claim.organization_id, invoice_id=claim.invoice_id, now=now
        )
    except InvoiceNotFound:
        return None
    invoice, balance = detail.row.invoice, detail.row.balance
    shown = invoice.document_status in _SHOWN and invoice.page_generation == claim.generation
    if not shown or balance is None or invoice.snapshot is None:
        return None
    organization = await get_organization(session, organization_id=claim.organization_id)
    time_zone = zoneinfo.ZoneInfo(organization.time_zone)
    return PageFacts(
        document=InvoiceDocument.model_validate(invoice.snapshot),
        standing=_standing(
            invoice,
            balance,
            movements=_movements(detail.entries, currency=invoice.currency, time_zone=time_zone),
            voided_on=_day(invoice.voided_at, time_zone),
            replacement=await _replacement(session, invoice, pages),
        ),
        today=detail.row.today,
        pay_url=invoice.link_url,
        recipient=next(iter(invoice.recipients.get("to", [])), ""),
        document_id=detail.document_id,
    )


def _standing(
    invoice: Invoice,
    balance: InvoiceBalance,
    *,
    movements: tuple[Movement, ...],
    voided_on: date | None,
    replacement: Replacement | None,
) -> Standing:
    return Standing(
        document_status=invoice.document_status,
        collection_method=invoice.collection_method,
        link_status=invoice.link_status,
        sandbox=invoice.link_sandbox,
        payment_status=balance.payment_status,
        total_minor=balance.total_minor,
        applied_minor=balance.applied_minor,
        surplus_minor=balance.suspense_minor,
        due_minor=balance.due_minor,
        movements=movements,
        voided_on=voided_on,
        replacement=replacement,
    )


def _movements(
    entries: tuple[LedgerEntry, ...], *, currency: str, time_zone: zoneinfo.ZoneInfo
) -> tuple[Movement, ...]:
    """Money in the invoice's own currency; anything else is between the customer and the seller."""
    return tuple(
        Movement(on=entry.occurred_at.astimezone(time_zone).date(), kind=entry.kind, amount_minor=entry.received_minor)
        for entry in entries
        if entry.received_minor and entry.currency == currency
    )


def _day(moment: datetime | None, time_zone: zoneinfo.ZoneInfo) -> date | None:
    return moment.astimezone(time_zone).date() if moment else None


async def _replacement(session: AsyncSession, invoice: Invoice, pages: PageAddresses) -> Replacement | None:
    """The invoice that stands in for this one, once it is issued."""
    if invoice.replaced_by is None:
        return None
    try:
        other = await get_invoice(session, organization_id=invoice.organization_id, invoice_id=invoice.replaced_by)
    except InvoiceNotFound:
        return None
    if other.document_status is not DocumentStatus.ISSUED or other.number is None or other.due_date is None:
        return None
    address = pages.address_of(
        organization_id=other.organization_id, invoice_id=other.id, generation=other.page_generation
    )
    return Replacement(number=other.number, total_minor=other.total_minor, due_date=other.due_date, address=address)
