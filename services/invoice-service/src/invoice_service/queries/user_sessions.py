"""The sessions of one person by name. All of it needs `queries.people.set_person`."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.tables.people import UserSession

SESSIONS_SHOWN_MAX = 100


async def live_sessions(
    session: AsyncSession, *, user_id: UUID, now: datetime, seen_after: datetime
) -> list[UserSession]:
    """Neither ended, nor over, nor idle since ``seen_after``; the one used last comes first."""
    statement = (
        select(UserSession)
        .where(
            col(UserSession.user_id) == user_id,
            col(UserSession.ended_at).is_(None),
            col(UserSession.expires_at) > now,
            col(UserSession.last_seen_at) > seen_after,
        )
        .order_by(col(UserSession.last_seen_at).desc(), col(UserSession.id).desc())
        .limit(SESSIONS_SHOWN_MAX)
    )
    return list((await session.exec(statement)).all())


async def mark_sessions_ended(
    session: AsyncSession,
    *,
    user_id: UUID,
    now: datetime,
    only: UUID | None = None,
    but: UUID | None = None,
) -> list[UUID]:
    """The ids of those that ended now: all, ``only`` one, or all ``but`` one."""
    statement = (
        sa.update(UserSession)
        .where(col(UserSession.user_id) == user_id, col(UserSession.ended_at).is_(None))
        .values(ended_at=now)
        .returning(col(UserSession.id))
    )
    if only is not None:
        statement = statement.where(col(UserSession.id) == only)
    if but is not None:
        statement = statement.where(col(UserSession.id) != but)
    return list((await session.exec(statement)).scalars())
