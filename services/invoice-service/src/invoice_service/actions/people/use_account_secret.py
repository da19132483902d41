"""What a mailed secret opens: looked at as often as wanted, used once."""

from datetime import datetime

from service_kit.database import set_organization
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.moot_mails import why_moot
from invoice_service.domain.account_mails import AccountSecretDead
from invoice_service.domain.account_secrets import AccountSecrets, Purpose, is_secret_text
from invoice_service.queries.account_mails import find_and_lock_account_mail, mark_secrets_used, secrets_of_mail
from invoice_service.queries.people import SecretFacts, find_account_secret


async def open_account_secret(
    session: AsyncSession, *, purpose: Purpose, text: str, secrets: AccountSecrets, now: datetime
) -> SecretFacts:
    """What a good secret stands for; nothing is changed. Raises `AccountSecretDead` for every other one.

    From here on the transaction sees the organisation of the mail, and for a reset the person; both the mail and what
    it is about are locked until the transaction ends.
    """
    facts = None
    if is_secret_text(purpose, text):
        facts = await find_account_secret(session, token_hmac=secrets.proof(purpose, text))
    if facts is None or facts.used_at is not None or now >= facts.expires_at:
        raise _dead()
    await set_organization(session, facts.organization_id)
    mail = await find_and_lock_account_mail(session, organization_id=facts.organization_id, mail_id=facts.mail_id)
    if mail is None:
        raise _dead()
    minted = await secrets_of_mail(session, organization_id=facts.organization_id, mail_id=facts.mail_id)
    if await why_moot(session, mail=mail, minted=minted, now=now):
        raise _dead()
    return facts


async def use_account_secret(
    session: AsyncSession, *, purpose: Purpose, text: str, secrets: AccountSecrets, now: datetime
) -> SecretFacts:
    """`open_account_secret`, and all secrets of that mail are used from now on: of two at once one gets through."""
    facts = await open_account_secret(session, purpose=purpose, text=text, secrets=secrets, now=now)
    await mark_secrets_used(session, organization_id=facts.organization_id, mail_id=facts.mail_id, now=now)
    return facts


def _dead() -> AccountSecretDead:
    return AccountSecretDead("this link was used, has expired or was withdrawn; ask for a new one")
