"""The one condition that *retry* and *send manually instead* share: the newest link failed, or ended before the debt.

A link ends before the debt when it took money of a wrong amount, or when a void was given up for a payment that failed.
"""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.outgoing import collects_by_stripe
from invoice_service.domain.invoice_refusals import InvoiceNotIssued, LinkNotFailed, NothingToPay
from invoice_service.domain.statuses import DocumentStatus, LinkStatus
from invoice_service.queries.invoices import lock_invoice
from invoice_service.queries.receivables import lock_balance
from invoice_service.tables.invoices import Invoice


async def lock_with_failed_link(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> Invoice:
    """Raises `InvoiceNotIssued`, `LinkNotFailed`, or `NothingToPay` where the link ended because nothing is due."""
    invoice = await lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    if invoice.document_status is not DocumentStatus.ISSUED:
        raise InvoiceNotIssued(f"the invoice is {invoice.document_status}")
    if not collects_by_stripe(invoice) or invoice.link_status not in (LinkStatus.FAILED, LinkStatus.CLOSED):
        raise LinkNotFailed(
            f"it is collected by {invoice.collection_method}, its link is {invoice.link_status}, not failed nor closed"
        )
    if invoice.link_status is LinkStatus.CLOSED and (await lock_balance(session, invoice=invoice)).due_minor == 0:
        raise NothingToPay("the invoice is paid; its link closed for that")
    return invoice
