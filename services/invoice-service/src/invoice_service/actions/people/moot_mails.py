"""Whether what a mail about an account opens still has a purpose. Asked at each minting and at each use."""

from datetime import datetime
from uuid import UUID

from contracts.events.accounts import AccountMailKind
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.queries.account_mails import find_and_lock_user
from invoice_service.queries.invitations import find_and_lock_invitation
from invoice_service.queries.people import set_person
from invoice_service.tables.people import AccountMail, AccountSecret


async def why_moot(session: AsyncSession, *, mail: AccountMail, minted: list[AccountSecret], now: datetime) -> str:
    """Empty while it has one. ``mail`` is locked; so is afterwards the invitation or the person it is about."""
    if mail.kind is AccountMailKind.PASSWORD_CHANGED:
        return "a notice opens nothing"
    if any(secret.used_at is not None for secret in minted):
        return "it was used"
    if now >= mail.good_until:
        return "its time is over"
    if mail.invitation_id is not None:
        return await _why_not_accepted(session, mail, mail.invitation_id, now)
    return "" if mail.user_id is None else await _why_not_reset(session, mail, mail.user_id)


async def _why_not_accepted(session: AsyncSession, mail: AccountMail, invitation_id: UUID, now: datetime) -> str:
    invitation = await find_and_lock_invitation(
        session, organization_id=mail.organization_id, invitation_id=invitation_id
    )
    if invitation is None or invitation.revoked_at is not None:
        return "the invitation was revoked"
    if invitation.accepted_at is not None:
        return "the invitation was accepted"
    if now >= invitation.expires_at:
        return "the invitation has expired"
    return "" if invitation.mail_id == mail.id else "a newer mail was sent for the invitation"


async def _why_not_reset(session: AsyncSession, mail: AccountMail, user_id: UUID) -> str:
    await set_person(session, user_id)
    person = await find_and_lock_user(session, user_id=user_id)
    if person is None or person.disabled_at is not None:
        return "the account is disabled"
    changed = person.password_changed_at
    return "the password was changed since" if changed is not None and changed >= mail.created_at else ""
