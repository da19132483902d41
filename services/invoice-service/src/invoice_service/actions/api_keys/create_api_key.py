"""A new API key. Its text exists only in the answer of this action; the database gets a proof of it."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service_kit.errors import DomainError, ErrorKind
from service_kit.identifiers import new_id
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.api_keys import LIVE_PREFIX, SCOPES, SECRET_BYTES, TEST_PREFIX, key_proof, key_text
from invoice_service.tables.organizations import ApiKey


class ScopesUnknown(DomainError):
    slug = "scopes-unknown"
    kind = ErrorKind.INVALID
    title = "The scopes of an API key are read and write"


class ApiKeyNotFound(DomainError):
    slug = "api-key-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such API key"


@dataclass(frozen=True)
class NewApiKey:
    row: ApiKey
    text: str = field(repr=False)


async def create_api_key(
    session: AsyncSession,
    *,
    organization_id: UUID,
    name: str,
    scopes: Iterable[str],
    live: bool,
    pepper: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> NewApiKey:
    """Raises `ScopesUnknown`."""
    wanted = frozenset(scopes)
    if not wanted or not wanted <= SCOPES:
        raise ScopesUnknown("give read, write or both", pointer="/scopes")
    key_id = new_id()
    prefix = LIVE_PREFIX if live else TEST_PREFIX
    text = key_text(prefix=prefix, key_id=key_id, secret=secrets.token_urlsafe(SECRET_BYTES))
    row = ApiKey(
        organization_id=organization_id,
        id=key_id,
        name=name,
        prefix=prefix,
        secret_hmac=key_proof(text=text, pepper=pepper),
        last4=text[-4:],
        scopes=sorted(wanted),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    await session.flush()
    return NewApiKey(row=row, text=text)


async def revoke_api_key(session: AsyncSession, *, organization_id: UUID, key_id: UUID, now: datetime) -> ApiKey:
    """From the next request on the key opens nothing. Safe to repeat. Raises `ApiKeyNotFound`."""
    statement = select(ApiKey).where(col(ApiKey.organization_id) == organization_id, col(ApiKey.id) == key_id)
    row = (await session.exec(statement.with_for_update())).one_or_none()
    if row is None:
        raise ApiKeyNotFound("there is no API key with this id; list them with api-key list")
    if row.revoked_at is None:
        row.revoked_at = now
        await session.flush()
    return row
