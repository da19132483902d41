"""Changes of a draft by somebody who has read its present version; an issued invoice is never edited."""

from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.invoices.create_draft import customer_to_bill
from invoice_service.actions.invoices.draft_fields import DraftFields, DraftSaved, columns_of, compute_totals
from invoice_service.domain.lifecycle import InvoiceNotDraft
from invoice_service.domain.refusals import check_version
from invoice_service.domain.statuses import DocumentStatus
from invoice_service.queries.invoices import lock_invoice
from invoice_service.queries.search import index_invoice


async def edit_draft(
    session: AsyncSession,
    *,
    organization_id: UUID,
    invoice_id: UUID,
    fields: DraftFields,
    expected_version: int | None,
    now: datetime,
) -> DraftSaved:
    """Raises `InvoiceNotFound`, `InvoiceNotDraft`, `VersionStale`, `CustomerUnknown`, and as `compute_totals`."""
    invoice = await lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    if invoice.document_status is not DocumentStatus.DRAFT:
        raise InvoiceNotDraft(f"the invoice is {invoice.document_status}; only a draft can be edited")
    check_version(current=invoice.version, expected=expected_version)
    if "customer_id" in fields:
        await customer_to_bill(session, organization_id=organization_id, customer_id=fields["customer_id"])
    for name, value in columns_of(fields).items():
        setattr(invoice, name, value)
    warnings = await compute_totals(session, invoice=invoice)
    invoice.version += 1
    invoice.updated_at = now
    await session.flush()
    await index_invoice(session, invoice=invoice)
    return DraftSaved(invoice=invoice, warnings=warnings)
