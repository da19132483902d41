"""Mints a secret while its mail is made. Only its proof is stored; the text goes to the caller and into that mail."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from contracts.events.accounts import AccountMailKind
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.moot_mails import why_moot
from invoice_service.domain.account_mails import SECRETS_PER_MAIL_MAX, AccountMailMoot, AccountMailUnknown
from invoice_service.domain.account_secrets import AccountSecrets, Purpose, new_secret_text
from invoice_service.queries.account_mails import find_and_lock_account_mail, secrets_of_mail
from invoice_service.tables.people import AccountSecret

_PURPOSES = {AccountMailKind.INVITATION: Purpose.INVITE, AccountMailKind.PASSWORD_RESET: Purpose.RESET}
_PATHS = {Purpose.INVITE: "invitation", Purpose.RESET: "reset-password"}


@dataclass(frozen=True)
class MintedSecret:
    text: str = field(repr=False)
    purpose: Purpose
    expires_at: datetime

    def address(self, *, public_url: str) -> str:
        """What the mail's button opens."""
        return f"{public_url.rstrip('/')}/{_PATHS[self.purpose]}/{self.text}"


async def mint_account_secret(
    session: AsyncSession, *, organization_id: UUID, mail_id: UUID, secrets: AccountSecrets, now: datetime
) -> MintedSecret:
    """Another secret each time; earlier ones stay good, since a copy of the mail may be under way.

    Raises `AccountMailUnknown`, or `AccountMailMoot` when nothing is left to open.
    """
    mail = await find_and_lock_account_mail(session, organization_id=organization_id, mail_id=mail_id)
    if mail is None:
        raise AccountMailUnknown("the organisation has no such mail")
    minted = await secrets_of_mail(session, organization_id=organization_id, mail_id=mail_id)
    reason = await why_moot(session, mail=mail, minted=minted, now=now)
    if not reason and len(minted) >= SECRETS_PER_MAIL_MAX:
        reason = "it was tried too often"
    if reason:
        raise AccountMailMoot(f"{reason}, so the mail is not to be sent")
    purpose = _PURPOSES[mail.kind]
    text = new_secret_text(purpose)
    session.add(
        AccountSecret(
            organization_id=organization_id,
            token_hmac=secrets.proof(purpose, text),
            mail_id=mail_id,
            created_at=now,
            expires_at=mail.good_until,
        )
    )
    await session.flush()
    return MintedSecret(text=text, purpose=purpose, expires_at=mail.good_until)
