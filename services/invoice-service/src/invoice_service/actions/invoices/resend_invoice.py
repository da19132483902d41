"""Asks for one more mail about an issued invoice: a new intent, with the stored document and today's link."""

from uuid import UUID

from contracts.document import InvoiceDocument
from contracts.events.invoice import MailKind, MailRequested
from service_kit.database import app_now
from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.announce import announce
from invoice_service.actions.deliveries.expect_deliveries import expect_deliveries
from invoice_service.actions.invoices.send_invoice import SendWish
from invoice_service.actions.outgoing import collects_by_stripe, file_of, mail_about, touch
from invoice_service.domain.invoice_refusals import DocumentNotStored, InvoiceNotIssued, LinkNotActive
from invoice_service.domain.page_token import PageAddresses
from invoice_service.domain.recipients import check_message, check_recipients
from invoice_service.domain.statuses import DocumentStatus, LinkStatus
from invoice_service.queries.invoices import lock_invoice
from invoice_service.queries.organizations import get_organization
from invoice_service.queries.receivables import find_document, lock_balance
from invoice_service.tables.invoices import Document, Invoice


async def resend_invoice(
    session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, wish: SendWish, pages: PageAddresses
) -> Invoice:
    """The invoice with its new mail. Raises domain errors and then has changed nothing."""
    invoice = await lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    document = await _sendable_document(session, invoice=invoice)
    balance = await lock_balance(session, invoice=invoice)
    _check_link(invoice, due_minor=balance.due_minor)
    to = tuple(invoice.recipients["to"]) if wish.to is None else wish.to
    recipients = check_recipients(to=to, cc=wish.cc)
    message = check_message(wish.message or "")
    organization = await get_organization(session, organization_id=organization_id)
    now = await app_now(session)
    mail_id = new_id()
    invoice.recipients = {"to": list(recipients.to), "cc": list(recipients.cc)}
    invoice.mail_id = mail_id
    touch(invoice, now=now)
    expect_deliveries(session, invoice=invoice, mail_id=mail_id, kind=MailKind.RESEND, now=now)
    await announce(
        session,
        MailRequested(
            organization_id=organization_id,
            invoice_id=invoice.id,
            mail=mail_about(
                invoice=invoice,
                organization=organization,
                mail_id=mail_id,
                kind=MailKind.RESEND,
                message=message,
                pages=pages,
            ),
            document=InvoiceDocument.model_validate(invoice.snapshot),
            files=(file_of(document),),
            collection_method=invoice.collection_method,
            amount_due_minor=balance.due_minor,
            currency=invoice.currency,
            payment_url=invoice.link_url if balance.due_minor > 0 else "",
            sandbox=invoice.link_sandbox,
        ),
    )
    return invoice


async def _sendable_document(session: AsyncSession, *, invoice: Invoice) -> Document:
    if invoice.document_status is not DocumentStatus.ISSUED:
        raise InvoiceNotIssued(f"the invoice is {invoice.document_status}; only an issued one is mailed")
    document = await find_document(session, invoice=invoice)
    if document is None:
        raise DocumentNotStored("its document is not ready; try again when the invoice shows it")
    return document


def _check_link(invoice: Invoice, *, due_minor: int) -> None:
    """Where nothing is due, the mail asks for nothing and needs no link."""
    if due_minor > 0 and collects_by_stripe(invoice) and invoice.link_status is not LinkStatus.ACTIVE:
        raise LinkNotActive(f"its payment link is {invoice.link_status}; try again when it is active")
