"""Withdraws an issued invoice: at once where no link was ever ordered, else only when every link is proven closed.

Suspense alone does not refuse it: *applied* and *in flight* do. With nothing applied, only money that fits no debt of
this invoice waits there; it stays booked at the void invoice, shown as overpaid, as money after a void does.
"""

from uuid import UUID

from contracts.events.invoice import InvoiceVoidRequested
from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.announce import announce
from invoice_service.actions.end_voiding import become_void
from invoice_service.actions.outgoing import touch
from invoice_service.domain.invoice_refusals import InvoiceNotIssued, MoneyIsApplied, PaymentRefused
from invoice_service.domain.lifecycle import DocumentMove, Outcome, closing_link, move_document
from invoice_service.domain.statuses import DocumentStatus, PaymentStatus
from invoice_service.queries.invoices import lock_invoice
from invoice_service.queries.receivables import lock_balance
from invoice_service.tables.invoices import Invoice

REASON_MAX = 500


async def void_invoice(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, reason: str) -> Invoice:
    """The invoice, *void* or *voiding*. Asking again changes nothing. Raises `InvoiceNotIssued` or `MoneyIsApplied`."""
    if len(reason) > REASON_MAX or "\x00" in reason:
        raise PaymentRefused(f"use at most {REASON_MAX} printable characters", pointer="/reason")
    invoice = await lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    if invoice.document_status is DocumentStatus.DRAFT:
        raise InvoiceNotIssued("a draft is deleted, not voided")
    step = move_document(status=invoice.document_status, move=DocumentMove.ASK_TO_VOID)
    if step.outcome is not Outcome.MADE:
        return invoice
    await _check_no_money(session, invoice=invoice)
    invoice.document_status = step.status
    invoice.void_reason = reason
    touch(invoice, now=await app_now(session))
    if invoice.link_attempt == 0:
        await become_void(session, invoice=invoice)
        return invoice
    invoice.link_status = closing_link(invoice.link_status)
    invoice.link_url = ""
    await announce(
        session,
        InvoiceVoidRequested(
            organization_id=organization_id, invoice_id=invoice.id, attempt=invoice.link_attempt, reason=reason
        ),
    )
    return invoice


async def _check_no_money(session: AsyncSession, *, invoice: Invoice) -> None:
    balance = await lock_balance(session, invoice=invoice)
    if balance.applied_minor != 0 or balance.payment_status is PaymentStatus.PROCESSING:
        raise MoneyIsApplied("reverse or refund the payments of this invoice first, then void it")
