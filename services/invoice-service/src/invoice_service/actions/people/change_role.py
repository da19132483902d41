"""Gives a member another role, which counts from their next request on."""

from datetime import datetime
from uuid import UUID

from service_kit.errors import DomainError, ErrorKind
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.permissions import Role
from invoice_service.domain.refusals import check_version
from invoice_service.queries.members import lock_member, lock_owners
from invoice_service.tables.people import Membership


class LastOwner(DomainError):
    slug = "last-owner"
    kind = ErrorKind.CONFLICT
    title = "An organisation needs an owner"


async def change_role(
    session: AsyncSession,
    *,
    organization_id: UUID,
    user_id: UUID,
    role: Role,
    expected_version: int | None,
    now: datetime,
) -> Role:
    """The role that they had. Raises `MemberNotFound`, `VersionStale` or `LastOwner`."""
    member = await lock_with_owners(session, organization_id=organization_id, user_id=user_id, stays=role is Role.OWNER)
    check_version(current=member.version, expected=expected_version)
    before = Role(member.role)
    if role is not before:
        member.role = role
        member.version += 1
        member.updated_at = now
        await session.flush()
    return before


async def lock_with_owners(session: AsyncSession, *, organization_id: UUID, user_id: UUID, stays: bool) -> Membership:
    """The membership, while nobody else changes who owns the organisation. ``stays`` says that this one will own it.

    Raises `MemberNotFound`, or `LastOwner` if nobody would be left.
    """
    owners = await lock_owners(session, organization_id=organization_id)
    member = await lock_member(session, organization_id=organization_id, user_id=user_id)
    if not stays and member.role is Role.OWNER and all(owner.user_id == user_id for owner in owners):
        raise LastOwner("this is the only owner; make somebody else an owner first")
    return member
