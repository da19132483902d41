"""Takes an invoice whose link failed or closed unpaid out of Stripe's hands: a document without a link is made.

It goes with the first mail where that has not gone yet; after that, a person sends it again.
"""

from uuid import UUID

from contracts.events.invoice import CollectionMethod
from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.invoices.failed_link import lock_with_failed_link
from invoice_service.actions.invoices.send_invoice import order_document
from invoice_service.actions.outgoing import touch
from invoice_service.domain.statuses import DocumentState
from invoice_service.tables.invoices import Invoice


async def send_manually_instead(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> Invoice:
    """What it says to others follows with the new document. Raises what `lock_with_failed_link` does."""
    invoice = await lock_with_failed_link(session, organization_id=organization_id, invoice_id=invoice_id)
    invoice.collection_method = CollectionMethod.MANUAL
    invoice.collection_version += 1
    invoice.document_state = DocumentState.RENDERING
    touch(invoice, now=await app_now(session))
    await order_document(session, invoice=invoice)
    return invoice
