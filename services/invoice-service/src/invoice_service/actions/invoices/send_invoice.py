"""Issues a draft: in one transaction it gets its number, is frozen, and its document is ordered from ourselves.

Everything that can refuse is asked before the first change, and the row is locked, so of many sends at once one issues
and the others see an issued invoice.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts.canonical import canonical_sha256
from contracts.events.invoice import CollectionMethod, MailKind
from pydantic import BaseModel
from service_kit.database import app_now
from service_kit.identifiers import new_id
from service_kit.inbox import enqueue_task
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.deliveries.expect_deliveries import expect_deliveries
from invoice_service.actions.invoices.freeze_document import (
    DocumentDates,
    agreed_document,
    drafted_lines,
    freeze_document,
)
from invoice_service.actions.outgoing import touch
from invoice_service.actions.stripe.check_stripe_usable import check_stripe_usable
from invoice_service.domain.invoice_refusals import DueDatePassed
from invoice_service.domain.lifecycle import DocumentMove, move_document
from invoice_service.domain.numbering import invoice_number, series_name
from invoice_service.domain.receivables import Balance, payment_status
from invoice_service.domain.recipients import Recipients, check_message, check_recipients
from invoice_service.domain.statuses import DocumentState
from invoice_service.domain.stripe_fit import stripe_objection
from invoice_service.queries.customers import get_customer
from invoice_service.queries.invoices import lock_invoice
from invoice_service.queries.organizations import get_organization
from invoice_service.queries.receivables import take_number
from invoice_service.queries.search import index_invoice
from invoice_service.tables.customers import Customer
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.ledger import InvoiceBalance
from invoice_service.tables.messages import Inbox

RENDER_DOCUMENT = "task.render_document"


class RenderTask(BaseModel):
    """One document is rendered for each way of collection: ``collection_version`` grows when that changes."""

    invoice_id: UUID
    collection_version: int


@dataclass(frozen=True)
class SendWish:
    """What the sender chose; None means as drafted, or to the customer's address."""

    method: CollectionMethod | None = None
    to: tuple[str, ...] | None = None
    cc: tuple[str, ...] = ()
    message: str | None = None


async def send_invoice(
    session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, wish: SendWish, actor: str
) -> Invoice:
    """The issued invoice. Raises domain errors and then has changed nothing; a second send finds `InvoiceNotDraft`."""
    invoice = await lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    step = move_document(status=invoice.document_status, move=DocumentMove.ISSUE)
    organization = await get_organization(session, organization_id=organization_id)
    customer = await get_customer(session, organization_id=organization_id, customer_id=invoice.customer_id)
    method = wish.method or invoice.collection_method
    computed = agreed_document(invoice)
    if method is CollectionMethod.STRIPE:
        await _check_stripe(session, invoice=invoice)
    recipients = _recipients(wish, customer)
    message = check_message(invoice.message if wish.message is None else wish.message)
    now = await app_now(session)
    issue_date = now.astimezone(ZoneInfo(organization.time_zone)).date()
    due_date = _due_date(invoice, issue_date)

    series = series_name(prefix=organization.invoice_prefix, issue_date=issue_date)
    sequence_number = await take_number(session, organization_id=organization_id, series=series)
    number = invoice_number(series=series, sequence_number=sequence_number)
    dates = DocumentDates(issue_date, due_date)
    document = freeze_document(invoice, computed, organization, customer, number, dates)

    invoice.document_status = step.status
    invoice.collection_method = method
    invoice.number, invoice.series, invoice.sequence_number = number, series, sequence_number
    invoice.issue_date, invoice.due_date, invoice.issued_at, invoice.sent_by = issue_date, due_date, now, actor
    invoice.snapshot = document.model_dump(mode="json")
    invoice.snapshot_sha256 = canonical_sha256(document)
    invoice.recipients = {"to": list(recipients.to), "cc": list(recipients.cc)}
    invoice.message = message
    invoice.mail_id = new_id()
    invoice.document_state = DocumentState.RENDERING
    touch(invoice, now=now)
    await session.flush()
    session.add(_opening_balance(invoice, now))
    expect_deliveries(session, invoice=invoice, mail_id=invoice.mail_id, kind=MailKind.INVOICE, now=now)
    await index_invoice(session, invoice=invoice)
    await order_document(session, invoice=invoice)
    return invoice


async def order_document(session: AsyncSession, *, invoice: Invoice) -> None:
    """Give ourselves the task to render the document of the invoice's present way of collection."""
    await enqueue_task(
        session,
        Inbox,
        task_type=RENDER_DOCUMENT,
        organization_id=invoice.organization_id,
        payload=RenderTask(invoice_id=invoice.id, collection_version=invoice.collection_version),
    )


async def _check_stripe(session: AsyncSession, *, invoice: Invoice) -> None:
    await check_stripe_usable(session, organization_id=invoice.organization_id)
    objection = stripe_objection(
        currency=invoice.currency, total_minor=invoice.total_minor, lines=drafted_lines(invoice)
    )
    if objection is not None:
        raise objection


def _recipients(wish: SendWish, customer: Customer) -> Recipients:
    default = (customer.email,) if customer.email else ()
    return check_recipients(to=default if wish.to is None else wish.to, cc=wish.cc)


def _due_date(invoice: Invoice, issue_date: date) -> date:
    due_date = invoice.due_date or issue_date + timedelta(days=invoice.payment_terms_days)
    if due_date < issue_date:
        raise DueDatePassed(f"{due_date} is before {issue_date}; choose a later due date", pointer="/due_date")
    return due_date


def _opening_balance(invoice: Invoice, now: datetime) -> InvoiceBalance:
    opening = Balance(total_minor=invoice.total_minor)
    return InvoiceBalance(
        organization_id=invoice.organization_id,
        invoice_id=invoice.id,
        currency=invoice.currency,
        total_minor=opening.total_minor,
        due_minor=opening.due_minor,
        payment_status=payment_status(balance=opening),
        updated_at=now,
    )
