"""A new API key. Its text exists only in the answer of this action; the database gets a proof of it."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.api_keys import (
    LIVE_PREFIX,
    SECRET_BYTES,
    TEST_PREFIX,
    ExpiryPassed,
    check_scopes,
    key_proof,
    key_text,
)
from invoice_service.tables.organizations import ApiKey


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
    created_by: str = "",
) -> NewApiKey:
    """``created_by`` is the id of a person or key, or a word. Raises `ScopesUnknown` and `ExpiryPassed`."""
    wanted = check_scopes(scopes)
    if expires_at is not None and expires_at <= now:
        raise ExpiryPassed("give a moment in the future, or none for a key that stays", pointer="/expires_at")
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
        scopes=[scope.value for scope in wanted],
        created_at=now,
        expires_at=expires_at,
        created_by=created_by,
    )
    session.add(row)
    await session.flush()
    return NewApiKey(row=row, text=text)
