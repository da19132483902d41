"""Ends an API key at once: from the next request on it opens nothing."""

from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.queries.api_keys import lock_api_key
from invoice_service.tables.organizations import ApiKey


async def revoke_api_key(session: AsyncSession, *, organization_id: UUID, key_id: UUID, now: datetime) -> ApiKey:
    """Safe to repeat, and good for a key in its overlap. Raises `ApiKeyNotFound`."""
    row = await lock_api_key(session, organization_id=organization_id, key_id=key_id)
    if row.revoked_at is None:
        row.revoked_at = now
        await session.flush()
    return row
