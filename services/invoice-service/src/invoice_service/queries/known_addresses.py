"""Where a person has signed in before."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.tables.people import UserSession


async def was_here(session: AsyncSession, *, user_id: UUID, address: str, since: datetime) -> bool:
    """Whether this person signed in from ``address`` since then. Needs `queries.people.set_person`."""
    statement = select(UserSession.id).where(
        col(UserSession.user_id) == user_id,
        col(UserSession.address) == address,
        col(UserSession.created_at) > since,
    )
    return (await session.exec(statement.limit(1))).first() is not None
