"""People as an operator sees them: where they belong and since when, never what they prove themselves with."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service_kit.errors import DomainError, ErrorKind
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.email_addresses import email_key
from invoice_service.queries.people import find_user_by_email, set_person
from invoice_service.queries.user_sessions import live_sessions
from invoice_service.tables.people import Membership, User, UserSession


class PersonUnknown(DomainError):
    slug = "person-unknown"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such person"


@dataclass(frozen=True)
class PersonSeen:
    """``roles`` are pairs of organisation and role, as far as row security shows them."""

    user_id: UUID
    email: str
    name: str
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None
    roles: tuple[tuple[UUID, str], ...]
    sessions: tuple[UserSession, ...] = field(default=())


async def find_people(session: AsyncSession, *, organization_id: UUID | None, count_max: int) -> list[PersonSeen]:
    """The newest first: members of one organisation, else all whom the role of the transaction may see."""
    statement = select(User).order_by(col(User.created_at).desc(), col(User.id).desc()).limit(count_max)
    if organization_id is not None:
        members = select(Membership.user_id).where(col(Membership.organization_id) == organization_id)
        statement = statement.where(col(User.id).in_(members))
    users = list((await session.exec(statement)).all())
    roles = await _roles(session, [user.id for user in users])
    return [_seen(user, roles) for user in users]


async def everybody(session: AsyncSession) -> list[UUID]:
    """Sees all only as the owner of the schema. In the order in which their rows are to be locked."""
    return list((await session.exec(select(User.id).order_by(col(User.id)))).all())


async def see_person(session: AsyncSession, *, email: str, now: datetime, seen_after: datetime) -> PersonSeen:
    """With the sessions that still open something. Raises `PersonUnknown`."""
    found = await find_user_by_email(session, email_key=email_key(email))
    if found is None:
        raise PersonUnknown("nobody signs in with this address")
    await set_person(session, found.user_id)
    (user,) = (await session.exec(select(User).where(col(User.id) == found.user_id))).all()
    roles = await _roles(session, [user.id])
    sessions = await live_sessions(session, user_id=user.id, now=now, seen_after=seen_after)
    return _seen(user, roles, tuple(sessions))


async def _roles(session: AsyncSession, users: list[UUID]) -> dict[UUID, list[tuple[UUID, str]]]:
    statement = (
        select(Membership)
        .where(col(Membership.user_id).in_(users))
        .order_by(col(Membership.created_at), col(Membership.organization_id))
    )
    roles: dict[UUID, list[tuple[UUID, str]]] = {}
    for row in (await session.exec(statement)).all():
        roles.setdefault(row.user_id, []).append((row.organization_id, row.role))
    return roles


def _seen(user: User, roles: dict[UUID, list[tuple[UUID, str]]], sessions: tuple[UserSession, ...] = ()) -> PersonSeen:
    return PersonSeen(
        user_id=user.id,
        email=user.email,
        name=user.name,
        has_password=user.password_hash is not None,
        created_at=user.created_at,
        disabled_at=user.disabled_at,
        roles=tuple(roles.get(user.id, ())),
        sessions=sessions,
    )
