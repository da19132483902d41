"""The one condition that *retry* and *send manually instead* share: the newest link of an issued invoice failed."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.outgoing import collects_by_stripe
from invoice_service.domain.invoice_refusals import InvoiceNotIssued, LinkNotFailed
from invoice_service.domain.statuses import DocumentStatus, LinkStatus
from invoice_service.queries.invoices import lock_invoice
from invoice_service.tables.invoices import Invoice


async def lock_with_failed_link(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> Invoice:
    """Raises `InvoiceNotIssued` or `LinkNotFailed`."""
    invoice = await lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    if invoice.document_status is not DocumentStatus.ISSUED:
        raise InvoiceNotIssued(f"the invoice is {invoice.document_status}")
    if not collects_by_stripe(invoice) or invoice.link_status is not LinkStatus.FAILED:
        raise LinkNotFailed(
            f"it is collected by {invoice.collection_method} and its link is {invoice.link_status}, not failed"
        )
    return invoice
