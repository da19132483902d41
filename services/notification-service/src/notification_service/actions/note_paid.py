"""Nothing is left to pay: a mail that waits for a payment link goes without one, since none may ever come."""

from uuid import UUID

from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service import queries
from notification_service.actions.settle_mail import settle_mail


async def note_paid(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, paid_at: int) -> None:
    """``paid_at`` is the sequence of the event that said so. Safe to repeat, in any order with other events."""
    now = await app_now(session)
    facts = await queries.lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    facts.paid_at = max(paid_at, facts.paid_at or 0)
    mails = await queries.lock_mails_of_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    for mail in mails:
        await settle_mail(session, mail, facts, now=now)
