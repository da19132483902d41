"""Take up the intent to mail somebody about their account. It waits for nothing, so it is on its way at once.

Account mails are rows of the same table as those about invoices, without an invoice: reserving, trying, doubt and the
one resend are then the same code, and a rule that holds for one holds for the other. A table of their own would have
needed a second copy of the three steps around the call, which are the ones that must never differ.
"""

from contracts.events.accounts import AccountMailRequested
from service_kit.database import app_now
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service import queries
from notification_service.actions.new_mails import insert_mail
from notification_service.actions.settle_mail import settle_mail
from notification_service.domain.delivery import MailState
from notification_service.mail_rendering.message import message_id_of
from notification_service.tables import MailRow


async def plan_account_mail(
    session: AsyncSession, *, event: AccountMailRequested, asked_at: int, message_id_domain: str
) -> None:
    """Safe to repeat: the first word about a mail counts. Raises `new_mails.MailWithoutRecipient`."""
    now = await app_now(session)
    known = await queries.lock_mail(session, organization_id=event.organization_id, mail_id=event.mail_id)
    if known is not None:
        get_logger().info("mail_already_planned", mail_id=str(event.mail_id), state=known.state.value)
        return
    mail = MailRow(
        organization_id=event.organization_id,
        mail_id=event.mail_id,
        kind=event.kind,
        state=MailState.WAITING,
        asked_at=asked_at,
        content=event.model_dump(mode="json"),
        message_id=message_id_of(event.mail_id, domain=message_id_domain),
        dated_at=now.replace(microsecond=0),
        created_at=now,
        updated_at=now,
    )
    await insert_mail(session, mail, recipients=[event.to] if event.to.strip() else [], now=now)
    await settle_mail(session, mail, None, now=now)
