"""What notification-service says of a mail about an account; news in any order ends in the same picture."""

from contracts.events.notification import AccountMailSettled
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.account_mails import is_further
from invoice_service.queries.invitations import find_and_lock_invitation
from invoice_service.tables.people import AccountMail


async def settle_account_mail(session: AsyncSession, *, mail: AccountMail, news: AccountMailSettled) -> None:
    """``mail`` is locked. An invitation shows only what became of its newest mail. Safe to repeat."""
    if not is_further(said=news.outcome, known=mail.outcome):
        return
    mail.outcome = news.outcome.value
    if mail.invitation_id is not None:
        invitation = await find_and_lock_invitation(
            session, organization_id=mail.organization_id, invitation_id=mail.invitation_id
        )
        if invitation is not None and invitation.mail_id == mail.id:
            invitation.mail_outcome, invitation.mail_reason = news.outcome.value, news.reason
    await session.flush()
