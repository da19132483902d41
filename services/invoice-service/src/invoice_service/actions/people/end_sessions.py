"""Ends sessions of one person: from the next request on their cookies open nothing.

All of it needs `queries.people.set_person`, and is safe to repeat.
"""

from datetime import datetime
from uuid import UUID

from service_kit.errors import DomainError, ErrorKind
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.queries.user_sessions import mark_sessions_ended


class SessionNotFound(DomainError):
    slug = "session-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such session"


async def end_session(session: AsyncSession, *, user_id: UUID, session_id: UUID, now: datetime) -> None:
    """Raises `SessionNotFound` for one that has ended already or is another person's."""
    if not await mark_sessions_ended(session, user_id=user_id, only=session_id, now=now):
        raise SessionNotFound("you have no such session; list yours with GET /v1/sessions")


async def end_all_sessions(session: AsyncSession, *, user_id: UUID, now: datetime, but: UUID | None = None) -> int:
    """How many ended; ``but`` keeps one, such as that of the person who asks."""
    return len(await mark_sessions_ended(session, user_id=user_id, but=but, now=now))
