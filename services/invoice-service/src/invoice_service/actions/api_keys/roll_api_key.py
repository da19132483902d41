"""Replaces an API key: a new one with the same name and scopes, while the old one still works for a while."""

from datetime import datetime, timedelta
from uuid import UUID

from contracts.ids import format_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.api_keys.create_api_key import NewApiKey, create_api_key
from invoice_service.domain.api_keys import (
    LIVE_PREFIX,
    ApiKeyOver,
    ApiKeyRolled,
    KeyStatus,
    check_may_give,
    check_scopes,
    status_of_key,
)
from invoice_service.domain.permissions import Permission
from invoice_service.queries.api_keys import lock_api_key
from invoice_service.tables.organizations import ApiKey

OVERLAP_DEFAULT_SECONDS = 86_400
OVERLAP_SECONDS_MAX = 7 * 86_400


async def roll_api_key(
    session: AsyncSession,
    *,
    organization_id: UUID,
    key_id: UUID,
    overlap_seconds: int,
    own: frozenset[Permission],
    pepper: str,
    created_by: str,
    now: datetime,
) -> NewApiKey:
    """A key that had an end gets a successor that lives as long as it was meant to, counted from ``now``.

    Raises `ApiKeyNotFound`, `ApiKeyOver`, `ApiKeyRolled`, and `ScopesNotHeld` when ``own`` does not cover its scopes.
    """
    old = await lock_api_key(session, organization_id=organization_id, key_id=key_id)
    _check_can_be_rolled(old, now)
    check_may_give(check_scopes(old.scopes), own=own)
    made = await create_api_key(
        session,
        organization_id=organization_id,
        name=old.name,
        scopes=old.scopes,
        live=old.prefix == LIVE_PREFIX,
        pepper=pepper,
        now=now,
        expires_at=None if old.expires_at is None else now + (old.expires_at - old.created_at),
        created_by=created_by,
    )
    overlap_end = now + timedelta(seconds=overlap_seconds)
    old.expires_at = overlap_end if old.expires_at is None else min(old.expires_at, overlap_end)
    old.replaced_by = made.row.id
    await session.flush()
    return made


def _check_can_be_rolled(key: ApiKey, now: datetime) -> None:
    status = status_of_key(revoked_at=key.revoked_at, expires_at=key.expires_at, now=now)
    if status in (KeyStatus.REVOKED, KeyStatus.EXPIRED):
        raise ApiKeyOver(f"the key is {status}; make a new one", facts={"status": status.value})
    if key.replaced_by is not None:
        successor = format_id("key", key.replaced_by)
        raise ApiKeyRolled(f"roll {successor}, which replaces it, or make a new key", facts={"replaced_by": successor})
