"""Opens a session for a person who has just proven who they are. The text goes into a cookie and is stored nowhere."""

from datetime import datetime, timedelta
from uuid import UUID

from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.domain.account_secrets import AccountSecrets, Purpose, is_secret_text, new_secret_text
from invoice_service.domain.actors import ADDRESS_MAX, USER_AGENT_MAX, Actor
from invoice_service.queries.people import find_session, set_person
from invoice_service.queries.user_sessions import live_sessions, mark_sessions_ended
from invoice_service.tables.people import UserSession

SESSIONS_MAX = 20


async def open_session(session: AsyncSession, desk: AccountDesk, *, user_id: UUID, origin: Actor, now: datetime) -> str:
    """Needs `set_person`. Beyond `SESSIONS_MAX` the ones that were used longest ago end."""
    text = new_secret_text(Purpose.SESSION)
    seen_after = now - timedelta(seconds=desk.idle_seconds)
    alive = await live_sessions(session, user_id=user_id, now=now, seen_after=seen_after)
    for row in alive[SESSIONS_MAX - 1 :]:
        await mark_sessions_ended(session, user_id=user_id, now=now, only=row.id)
    session.add(
        UserSession(
            user_id=user_id,
            id=new_id(),
            token_hmac=desk.secrets.proof(Purpose.SESSION, text),
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(seconds=desk.lifetime_seconds),
            address=origin.address[:ADDRESS_MAX],
            user_agent="".join(filter(str.isprintable, origin.user_agent))[:USER_AGENT_MAX],
        )
    )
    await session.flush()
    return text


async def end_presented(session: AsyncSession, *, secrets: AccountSecrets, text: str, now: datetime) -> None:
    """Ends the session of a cookie that came along with a sign-in, whoever's it is.

    Call it when the person who signs in is locked: whoever changes a password locks people before their sessions too.
    Afterwards row security may point at another person; call `set_person` again.
    """
    if not is_secret_text(Purpose.SESSION, text):
        return
    facts = await find_session(session, token_hmac=secrets.proof(Purpose.SESSION, text))
    if facts is not None:
        await set_person(session, facts.user_id)
        await mark_sessions_ended(session, user_id=facts.user_id, now=now, only=facts.session_id)
