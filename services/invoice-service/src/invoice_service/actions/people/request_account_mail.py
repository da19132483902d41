"""Asks for a mail about an account: its row and the event that tells notification-service, in one transaction."""

import math
from datetime import datetime, timedelta
from uuid import UUID

from contracts.events.accounts import AccountMailKind, AccountMailRequested
from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.announce import announce
from invoice_service.tables.people import AccountMail


async def request_account_mail(
    session: AsyncSession,
    *,
    organization_id: UUID,
    kind: AccountMailKind,
    to: str,
    language: str,
    good_for_seconds: int,
    sign_in_url: str,
    now: datetime,
    user_id: UUID | None = None,
    invitation_id: UUID | None = None,
    person_name: str = "",
    organization_name: str = "",
    inviter_name: str = "",
    role: str = "",
    mail_id: UUID | None = None,
) -> UUID:
    """The mail's id. The transaction's organisation must be ``organization_id``.

    ``good_for_seconds`` is how long what the mail opens stays good, and 0 for a notice that opens nothing. No secret is
    made here: it is minted while the mail is made.
    """
    chosen = mail_id or new_id()
    mail = AccountMail(
        organization_id=organization_id,
        id=chosen,
        kind=kind,
        user_id=user_id,
        invitation_id=invitation_id,
        created_at=now,
        good_until=now + timedelta(seconds=good_for_seconds),
    )
    session.add(mail)
    await session.flush()
    event = AccountMailRequested(
        organization_id=organization_id,
        mail_id=chosen,
        kind=kind,
        to=to,
        language=language,
        person_name=person_name,
        organization_name=organization_name,
        inviter_name=inviter_name,
        role=role,
        expires_in_hours=math.ceil(good_for_seconds / 3600),
        sign_in_url=sign_in_url,
        happened_at=now if kind is AccountMailKind.PASSWORD_CHANGED else None,
    )
    await announce(session, event)
    return chosen
