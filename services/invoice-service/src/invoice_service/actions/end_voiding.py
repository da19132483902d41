"""The two ways out of *voiding*: void, when nobody can pay any more, or issued again, because a payment won."""

from contracts.events.invoice import InvoiceVoided
from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.announce import announce
from invoice_service.domain.lifecycle import DocumentMove, move_document
from invoice_service.domain.statuses import DocumentStatus
from invoice_service.tables.invoices import Invoice


async def become_void(session: AsyncSession, *, invoice: Invoice) -> None:
    """The last step of a void; says `InvoiceVoided`."""
    now = await app_now(session)
    step = move_document(status=invoice.document_status, move=DocumentMove.VOID)
    invoice.document_status, invoice.voided_at = step.status, now
    await announce(
        session,
        InvoiceVoided(organization_id=invoice.organization_id, invoice_id=invoice.id, reason=invoice.void_reason),
    )


def keep_against_void(invoice: Invoice) -> None:
    """Money came or is under way: a wish to void is given up. An invoice that is void already stays void."""
    was_voiding = invoice.document_status is DocumentStatus.VOIDING
    invoice.document_status = move_document(status=invoice.document_status, move=DocumentMove.KEEP).status
    if was_voiding:
        invoice.void_reason = ""
