"""A draft that is not wanted any more: its row stays, it is shown nowhere. An issued invoice is voided instead."""

from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.lifecycle import DocumentMove, move_document
from invoice_service.domain.refusals import check_version
from invoice_service.queries.invoices import lock_invoice


async def delete_draft(
    session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, expected_version: int | None, now: datetime
) -> None:
    """Raises `InvoiceNotFound`, `InvoiceNotDraft` or `VersionStale`. A second time it is not found."""
    invoice = await lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    step = move_document(status=invoice.document_status, move=DocumentMove.DELETE)
    check_version(current=invoice.version, expected=expected_version)
    invoice.document_status = step.status
    invoice.version += 1
    invoice.updated_at = now
    await session.flush()
