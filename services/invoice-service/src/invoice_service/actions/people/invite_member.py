"""Invites a person by mail, and sends that mail again. Whether the address has an account is never looked up."""

from datetime import datetime
from uuid import UUID

from contracts.events.accounts import AccountMailKind
from contracts.ids import format_id
from service_kit.errors import DomainError, ErrorKind
from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.request_account_mail import request_account_mail
from invoice_service.domain.account_mails import QUEUED
from invoice_service.domain.actors import Actor
from invoice_service.domain.email_addresses import email_key
from invoice_service.domain.invitation_limits import GOOD_FOR, QUOTA_WINDOW, check_mails, check_open
from invoice_service.domain.permissions import Role
from invoice_service.queries.invitations import (
    count_open_invitations,
    find_open_invitation,
    invitation_mails_since,
    lock_open_invitation,
)
from invoice_service.queries.members import is_member
from invoice_service.queries.organizations import lock_organization
from invoice_service.tables.organizations import Organization
from invoice_service.tables.people import Invitation


class AlreadyMember(DomainError):
    slug = "already-a-member"
    kind = ErrorKind.CONFLICT
    title = "The person is a member already"


class AlreadyInvited(DomainError):
    """``facts`` has the ``invitation_id`` that is open."""

    slug = "already-invited"
    kind = ErrorKind.CONFLICT
    title = "The person is invited already"


async def invite_member(
    session: AsyncSession,
    *,
    organization_id: UUID,
    email: str,
    role: Role,
    language: str,
    inviter: Actor,
    inviter_name: str,
    sign_in_url: str,
    now: datetime,
) -> Invitation:
    """``language`` may be empty for the organisation's. Raises `AlreadyMember`, `AlreadyInvited`,
    `TooManyOpenInvitations` or `TooManyInvitationMails`."""
    organization = await lock_organization(session, organization_id=organization_id)
    key = email_key(email)
    if await is_member(session, organization_id=organization_id, email_key=key):
        raise AlreadyMember("a member has this address; change their role with PATCH /v1/members", pointer="/email")
    await _make_room(session, organization_id=organization_id, key=key, now=now)
    await _check_mails(session, organization_id=organization_id, key=key, now=now)
    invitation = Invitation(
        organization_id=organization_id,
        id=new_id(),
        email=email,
        email_key=key,
        role=role,
        language=language or organization.language,
        invited_by=inviter.id,
        inviter_name=inviter_name,
        created_at=now,
        expires_at=now + GOOD_FOR,
        mail_id=new_id(),
    )
    session.add(invitation)
    await session.flush()
    await _ask_for_mail(session, organization, invitation, sign_in_url=sign_in_url, now=now)
    return invitation


async def resend_invitation(
    session: AsyncSession, *, organization_id: UUID, invitation_id: UUID, sign_in_url: str, now: datetime
) -> Invitation:
    """A new mail with seven new days; links of earlier mails open nothing any more.

    Raises `InvitationNotFound` or `TooManyInvitationMails`.
    """
    organization = await lock_organization(session, organization_id=organization_id)
    invitation = await lock_open_invitation(session, organization_id=organization_id, invitation_id=invitation_id)
    await _check_mails(session, organization_id=organization_id, key=invitation.email_key, now=now)
    invitation.mail_id = new_id()
    invitation.mail_outcome, invitation.mail_reason = QUEUED, ""
    invitation.expires_at = now + GOOD_FOR
    await session.flush()
    await _ask_for_mail(session, organization, invitation, sign_in_url=sign_in_url, now=now)
    return invitation


async def _make_room(session: AsyncSession, *, organization_id: UUID, key: str, now: datetime) -> None:
    """An expired invitation gives way to a new one; one that is still good is to be sent again instead."""
    known = await find_open_invitation(session, organization_id=organization_id, email_key=key)
    if known is not None and now < known.expires_at:
        name = format_id("ivt", known.id)
        raise AlreadyInvited(
            f"an invitation is open; send it again with POST /v1/invitations/{name}/resend",
            pointer="/email",
            facts={"invitation_id": name},
        )
    if known is not None:
        known.revoked_at = now
        await session.flush()
    check_open(await count_open_invitations(session, organization_id=organization_id))


async def _check_mails(session: AsyncSession, *, organization_id: UUID, key: str, now: datetime) -> None:
    since = now - QUOTA_WINDOW
    check_mails(
        all_mails=await invitation_mails_since(session, organization_id=organization_id, since=since),
        to_this_one=await invitation_mails_since(session, organization_id=organization_id, since=since, email_key=key),
        now=now,
    )


async def _ask_for_mail(
    session: AsyncSession, organization: Organization, invitation: Invitation, *, sign_in_url: str, now: datetime
) -> None:
    await request_account_mail(
        session,
        organization_id=invitation.organization_id,
        kind=AccountMailKind.INVITATION,
        to=invitation.email,
        language=invitation.language,
        good_for_seconds=int(GOOD_FOR.total_seconds()),
        sign_in_url=sign_in_url,
        now=now,
        invitation_id=invitation.id,
        organization_name=organization.name,
        inviter_name=invitation.inviter_name,
        role=invitation.role.value,
        mail_id=invitation.mail_id,
    )
