"""An invoice is being voided, or is void: mails about it that have not gone out are dropped."""

from uuid import UUID

from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service import queries
from notification_service.actions.settle_mail import settle_mail


async def note_void(
    session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, requested_at: int | None, voided: bool
) -> None:
    """``requested_at`` is the sequence of a request to void, which a payment may still win against. Safe to repeat."""
    now = await app_now(session)
    facts = await queries.lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    if requested_at is not None:
        facts.void_requested_at = max(requested_at, facts.void_requested_at or 0)
    facts.voided = facts.voided or voided
    mails = await queries.lock_mails_of_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    for mail in mails:
        await settle_mail(session, mail, facts, now=now)
