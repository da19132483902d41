"""Notes for each recipient of a mail that it is on its way, so that an invoice shows its mail before any news of it."""

from datetime import datetime
from uuid import UUID

from contracts.events.invoice import MailKind
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.tables.invoices import Invoice
from invoice_service.tables.pictures import Delivery


def expect_deliveries(session: AsyncSession, *, invoice: Invoice, mail_id: UUID, kind: MailKind, now: datetime) -> None:
    """One row for each of the invoice's recipients. ``mail_id`` is new."""
    addresses = (*invoice.recipients["to"], *invoice.recipients.get("cc", []))
    session.add_all(
        Delivery(
            organization_id=invoice.organization_id,
            mail_id=mail_id,
            recipient=address,
            invoice_id=invoice.id,
            kind=kind,
            created_at=now,
            updated_at=now,
        )
        for address in addresses
    )
