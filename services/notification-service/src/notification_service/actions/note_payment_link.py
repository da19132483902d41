"""Remember a payment link, and send every mail that waited for it."""

from contracts.events.payment import PaymentLinkCreated
from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service import queries
from notification_service.actions.settle_mail import settle_mail
from notification_service.tables import PaymentLink


async def note_payment_link(session: AsyncSession, *, event: PaymentLinkCreated) -> None:
    """Safe to repeat. A link of an older attempt is remembered too; the newest is used."""
    now = await app_now(session)
    facts = await queries.lock_invoice(session, organization_id=event.organization_id, invoice_id=event.invoice_id)
    row = PaymentLink(
        organization_id=event.organization_id,
        invoice_id=event.invoice_id,
        attempt=event.attempt,
        url=event.url,
        sandbox=event.sandbox,
        amount_minor=event.amount_minor,
        noted_at=now,
    )
    await queries.note_link(session, row=row)
    mails = await queries.lock_mails_of_invoice(
        session, organization_id=event.organization_id, invoice_id=event.invoice_id
    )
    for mail in mails:
        await settle_mail(session, mail, facts, now=now)
