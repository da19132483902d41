"""Organisations and API keys by name."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.refusals import OrganizationNotFound
from invoice_service.tables.organizations import ApiKey, Organization


@dataclass(frozen=True)
class KeyFacts:
    """What is needed to check a key before its organisation is known; ``now`` is the schema's own time."""

    organization_id: UUID
    name: str
    prefix: str
    secret_hmac: bytes
    scopes: frozenset[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    now: datetime


async def get_organization(session: AsyncSession, *, organization_id: UUID) -> Organization:
    """The organisation of the transaction; it exists, since a key or a message names it."""
    return (await session.exec(select(Organization).where(col(Organization.id) == organization_id))).one()


async def find_organization(session: AsyncSession, *, organization_id: UUID) -> Organization:
    """For an id that a person typed. Raises `OrganizationNotFound`."""
    row = await session.get(Organization, organization_id)
    if row is None:
        raise OrganizationNotFound("there is no organisation with this id")
    return row


async def lock_organization(session: AsyncSession, *, organization_id: UUID) -> Organization:
    """Held until the transaction ends; others may still add rows that belong to it."""
    statement = select(Organization).where(col(Organization.id) == organization_id).with_for_update(key_share=True)
    return (await session.exec(statement.execution_options(populate_existing=True))).one()


async def find_api_key(session: AsyncSession, *, key_id: UUID) -> KeyFacts | None:
    """Works without an organisation: it is how the organisation is found."""
    statement = sa.text(
        "select organization_id, name, prefix, secret_hmac, scopes, expires_at, revoked_at, last_used_at, "
        "app_now() as now from find_api_key(:key_id)"
    ).bindparams(key_id=key_id)
    row = (await (await session.connection()).execute(statement)).mappings().one_or_none()
    if row is None:
        return None
    return KeyFacts(**{**row, "scopes": frozenset(row["scopes"])})


async def touch_api_key(session: AsyncSession, *, organization_id: UUID, key_id: UUID, now: datetime) -> None:
    own = (col(ApiKey.organization_id) == organization_id) & (col(ApiKey.id) == key_id)
    await session.exec(sa.update(ApiKey).where(own).values(last_used_at=now))


async def list_api_keys(session: AsyncSession, *, organization_id: UUID) -> list[ApiKey]:
    statement = select(ApiKey).where(col(ApiKey.organization_id) == organization_id).order_by(col(ApiKey.created_at))
    return list((await session.exec(statement)).all())
