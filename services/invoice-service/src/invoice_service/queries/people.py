"""Users, sessions, memberships and invitations by name."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from contracts.events.accounts import AccountMailKind
from service_kit.database import run_sql
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.permissions import Role
from invoice_service.tables.organizations import Organization
from invoice_service.tables.people import Membership


@dataclass(frozen=True)
class SessionFacts:
    """What a cookie stands for; ``now`` is the schema's own time."""

    user_id: UUID
    session_id: UUID
    email: str
    name: str
    language: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    disabled_at: datetime | None
    now: datetime


@dataclass(frozen=True)
class UserFacts:
    """What is needed to check a password before anything else is known."""

    user_id: UUID
    email: str
    name: str
    language: str
    password_hash: str | None = field(repr=False)
    disabled_at: datetime | None


@dataclass(frozen=True)
class SecretFacts:
    organization_id: UUID
    mail_id: UUID
    kind: AccountMailKind
    user_id: UUID | None
    invitation_id: UUID | None
    expires_at: datetime
    used_at: datetime | None
    now: datetime


@dataclass(frozen=True)
class OwnMembership:
    organization_id: UUID
    organization_name: str
    role: Role


async def set_person(session: AsyncSession, user_id: UUID) -> None:
    """Point row security at the rows of this person, for the rest of the transaction."""
    await run_sql(session, "select set_config('app.user_id', :value, true)", {"value": str(user_id)})


async def find_session(session: AsyncSession, *, token_hmac: bytes) -> SessionFacts | None:
    """Works without an organisation and without a person: it is how the person is found."""
    statement = (
        "select user_id, session_id, email, name, language, created_at, last_seen_at, expires_at, ended_at, "
        "disabled_at, app_now() as now from find_session(:proof)"
    )
    found = await run_sql(session, statement, {"proof": token_hmac})
    row = found.mappings().one_or_none()
    return SessionFacts(**row) if row else None


async def find_user_by_email(session: AsyncSession, *, email_key: str) -> UserFacts | None:
    """Works without a person: it is how a person is found who signs in."""
    statement = "select user_id, email, name, language, password_hash, disabled_at from find_user_by_email(:email_key)"
    found = await run_sql(session, statement, {"email_key": email_key})
    row = found.mappings().one_or_none()
    return UserFacts(**row) if row else None


async def find_account_secret(session: AsyncSession, *, token_hmac: bytes) -> SecretFacts | None:
    """Works without an organisation: it is how the mail is found that brought the secret."""
    statement = (
        "select organization_id, mail_id, kind, user_id, invitation_id, expires_at, used_at, app_now() as now "
        "from find_account_secret(:proof)"
    )
    row = (await run_sql(session, statement, {"proof": token_hmac})).mappings().one_or_none()
    return SecretFacts(**{**row, "kind": AccountMailKind(row["kind"])}) if row else None


async def own_memberships(session: AsyncSession, *, user_id: UUID) -> list[OwnMembership]:
    """Needs `set_person`. By the name of the organisation."""
    statement = (
        select(Membership.organization_id, Organization.name, Membership.role)
        .join(Organization, col(Organization.id) == col(Membership.organization_id))
        .where(col(Membership.user_id) == user_id)
        .order_by(col(Organization.name), col(Membership.organization_id))
    )
    rows = (await session.exec(statement)).all()
    return [OwnMembership(organization_id, name, Role(role)) for organization_id, name, role in rows]


async def touch_session(session: AsyncSession, *, session_id: UUID, now: datetime) -> None:
    """Needs `set_person`."""
    await run_sql(
        session,
        sa.text("update user_sessions set last_seen_at = :now where id = :id").bindparams(now=now, id=session_id),
    )
