"""Who belongs to one organisation, with the names and addresses that its members may see of each other."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from contracts.ids import MalformedId, parse_id
from service_kit.errors import DomainError, ErrorKind
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.permissions import Role
from invoice_service.tables.people import Membership, User

Position = tuple[datetime | date | str, UUID]


class MemberNotFound(DomainError):
    slug = "member-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such member"


@dataclass(frozen=True)
class Member:
    user_id: UUID
    name: str
    email: str
    role: Role
    since: datetime
    version: int


async def page_of_members(
    session: AsyncSession, *, organization_id: UUID, after: Position | None, limit: int
) -> list[Member]:
    """Who came first comes first, from behind ``after``."""
    statement = _members(organization_id)
    if after is not None:
        statement = statement.where(sa.tuple_(col(Membership.created_at), col(Membership.user_id)) > after)
    statement = statement.order_by(col(Membership.created_at), col(Membership.user_id)).limit(limit)
    return [Member(*row) for row in (await session.exec(statement)).all()]


async def get_member(session: AsyncSession, *, organization_id: UUID, user_id: UUID) -> Member:
    """Raises `MemberNotFound`."""
    statement = _members(organization_id).where(col(Membership.user_id) == user_id)
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        raise _unknown()
    return Member(*row)


async def is_member(session: AsyncSession, *, organization_id: UUID, email_key: str) -> bool:
    """Whether a person with this address belongs to the organisation. Of others' people nothing is seen."""
    statement = _members(organization_id).where(col(User.email_key) == email_key)
    return (await session.exec(statement)).first() is not None


async def name_of_member(session: AsyncSession, *, organization_id: UUID, actor: str) -> str:
    """What a mail may call the person behind an actor's id; empty for an API key, whose name is free text."""
    try:
        member = await get_member(session, organization_id=organization_id, user_id=parse_id("usr", actor))
    except (MalformedId, MemberNotFound):
        return ""
    return member.name or member.email


async def lock_owners(session: AsyncSession, *, organization_id: UUID) -> list[Membership]:
    """The memberships of all owners who are not disabled, held until the transaction ends. Whoever changes memberships
    takes this lock first, so that two owners cannot take each other's place away at the same moment."""
    statement = (
        select(Membership)
        .join(User, col(User.id) == col(Membership.user_id))
        .where(col(Membership.organization_id) == organization_id, col(Membership.role) == Role.OWNER)
        .where(col(User.disabled_at).is_(None))
        .order_by(col(Membership.user_id))
        .with_for_update(of=Membership)
        .execution_options(populate_existing=True)
    )
    return list((await session.exec(statement)).all())


async def lock_member(session: AsyncSession, *, organization_id: UUID, user_id: UUID) -> Membership:
    """Held until the transaction ends. Raises `MemberNotFound`."""
    statement = (
        select(Membership)
        .where(col(Membership.organization_id) == organization_id, col(Membership.user_id) == user_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        raise _unknown()
    return row


def _members(organization_id: UUID) -> Any:
    return (
        select(User.id, User.name, User.email, Membership.role, Membership.created_at, Membership.version)  # type: ignore[call-overload]
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(col(Membership.organization_id) == organization_id)
    )


def _unknown() -> MemberNotFound:
    return MemberNotFound("the organisation has no such member; list them with GET /v1/members")
