"""API keys of one organisation, those that have ended included."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.api_keys import ApiKeyNotFound
from invoice_service.domain.list_order import Place
from invoice_service.tables.organizations import ApiKey


async def lock_api_key(session: AsyncSession, *, organization_id: UUID, key_id: UUID) -> ApiKey:
    """The row as it is now, held until the transaction ends. Raises `ApiKeyNotFound`."""
    statement = select(ApiKey).where(col(ApiKey.organization_id) == organization_id, col(ApiKey.id) == key_id)
    held = statement.with_for_update().execution_options(populate_existing=True)
    row = (await session.exec(held)).one_or_none()
    if row is None:
        raise ApiKeyNotFound("there is no API key with this id; list them with GET /v1/api-keys")
    return row


async def page_of_api_keys(
    session: AsyncSession, *, organization_id: UUID, after: Place | None, limit: int
) -> list[ApiKey]:
    """The newest first, from behind ``after``."""
    statement = select(ApiKey).where(col(ApiKey.organization_id) == organization_id)
    if after is not None:
        statement = statement.where(sa.tuple_(col(ApiKey.created_at), col(ApiKey.id)) < after)
    newest_first = statement.order_by(col(ApiKey.created_at).desc(), col(ApiKey.id).desc()).limit(limit)
    return list((await session.exec(newest_first)).all())
