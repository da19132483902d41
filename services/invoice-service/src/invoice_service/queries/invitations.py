"""Invitations of one organisation, and how many mails went out for them."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from contracts.events.accounts import AccountMailKind
from service_kit.errors import DomainError, ErrorKind
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.tables.people import AccountMail, Invitation

_OPEN = col(Invitation.accepted_at).is_(None) & col(Invitation.revoked_at).is_(None)


class InvitationNotFound(DomainError):
    slug = "invitation-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such invitation"


async def find_and_lock_invitation(
    session: AsyncSession, *, organization_id: UUID, invitation_id: UUID
) -> Invitation | None:
    """Held until the transaction ends, whatever has become of it."""
    statement = select(Invitation).where(
        col(Invitation.organization_id) == organization_id, col(Invitation.id) == invitation_id
    )
    locked = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return (await session.exec(locked)).one_or_none()


async def lock_open_invitation(session: AsyncSession, *, organization_id: UUID, invitation_id: UUID) -> Invitation:
    """Neither accepted nor revoked; it may have expired. Raises `InvitationNotFound`."""
    row = await find_and_lock_invitation(session, organization_id=organization_id, invitation_id=invitation_id)
    if row is None or row.accepted_at is not None or row.revoked_at is not None:
        raise InvitationNotFound("there is no open invitation with this id; list them with GET /v1/invitations")
    return row


async def find_open_invitation(session: AsyncSession, *, organization_id: UUID, email_key: str) -> Invitation | None:
    """There is at most one for an address; it may have expired. Held until the transaction ends."""
    statement = select(Invitation).where(
        col(Invitation.organization_id) == organization_id, col(Invitation.email_key) == email_key, _OPEN
    )
    locked = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return (await session.exec(locked)).one_or_none()


async def open_invitations(session: AsyncSession, *, organization_id: UUID) -> list[Invitation]:
    """The newest first; their number is bounded when they are made."""
    statement = (
        select(Invitation)
        .where(col(Invitation.organization_id) == organization_id, _OPEN)
        .order_by(col(Invitation.created_at).desc(), col(Invitation.id).desc())
    )
    return list((await session.exec(statement)).all())


async def count_open_invitations(session: AsyncSession, *, organization_id: UUID) -> int:
    statement = select(sa.func.count()).where(col(Invitation.organization_id) == organization_id, _OPEN)
    return (await session.exec(statement)).one()


async def invitation_mails_since(
    session: AsyncSession, *, organization_id: UUID, since: datetime, email_key: str | None = None
) -> list[datetime]:
    """When they were asked for, the oldest first; all of the organisation's, or those to one address."""
    statement = (
        select(AccountMail.created_at)
        .join(
            Invitation,
            (col(Invitation.organization_id) == col(AccountMail.organization_id))
            & (col(Invitation.id) == col(AccountMail.invitation_id)),
        )
        .where(
            col(AccountMail.organization_id) == organization_id,
            col(AccountMail.kind) == AccountMailKind.INVITATION,
            col(AccountMail.created_at) > since,
        )
        .order_by(col(AccountMail.created_at))
    )
    if email_key is not None:
        statement = statement.where(col(Invitation.email_key) == email_key)
    return list((await session.exec(statement)).all())
