"""Let a parked event or task be tried again from the start, once a person has removed what parked it."""

from uuid import UUID

from service_kit.database import run_sql
from service_kit.errors import DomainError, ErrorKind
from service_kit.inbox import DEAD
from sqlmodel.ext.asyncio.session import AsyncSession


class NotParked(DomainError):
    slug = "not-parked"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such parked row"


_REPLAY = """
update inbox set state = 'ready', next_at = app_now(), attempts = 0, sweeps = 0, park_reason = null, parked_at = null,
       first_failed_at = null, first_error = null, last_error = null
 where state = 'parked' and event_id = :event_id and consumer <> :dead
"""


async def replay_parked(session: AsyncSession, *, event_id: UUID) -> None:
    """Needs the worker role. Safe to repeat: its id stays, so its effect still happens at most once.

    Raises `NotParked`, also for a message that nobody could decode: there is nothing in it to try again.
    """
    changed = await run_sql(session, _REPLAY, {"event_id": event_id, "dead": DEAD})
    if changed.rowcount == 0:
        raise NotParked(f"nothing with id {event_id} is parked that could be tried again")
