"""What waits for a person: seen with its reason and errors, and tried again from the start on their word.

For a command line, in a transaction of the worker role. Replaying twice is harmless: the second time nothing is parked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.catalogue import Service
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.database import run_sql
from service_kit.dead_letters import read_again
from service_kit.inbox import DEAD, InboxColumns

_LIST = """
select consumer, event_id, organization_id, type, payload, attempts, sweeps, received_at, parked_at, park_reason,
       first_error, last_error
  from inbox
 where state = 'parked' and (cast(:event_id as uuid) is null or event_id = :event_id)
   and (cast(:type as text) is null or type = :type)
   and (cast(:organization_id as uuid) is null or organization_id = :organization_id)
 order by parked_at, event_id limit :count_max
"""
_REPLAY = """
update inbox set state = 'ready', attempts = 0, sweeps = 0, next_at = app_now(), park_reason = null, parked_at = null,
       first_failed_at = null, first_error = null, last_error = null
 where state = 'parked' and consumer <> 'dead' and event_id = any(:event_ids)
returning event_id
"""
_READ_AGAIN = """
update inbox set state = 'done', done_at = app_now(), park_reason = null, parked_at = null
 where state = 'parked' and consumer = 'dead' and event_id = :event_id
"""


@dataclass(frozen=True)
class ParkedRow:
    consumer: str
    event_id: UUID
    organization_id: UUID | None
    type: str
    payload: dict[str, Any]
    attempts: int
    sweeps: int
    received_at: datetime
    parked_at: datetime
    park_reason: str
    first_error: str | None
    last_error: str | None


async def list_parked(
    session: AsyncSession,
    *,
    event_id: UUID | None = None,
    event_type: str | None = None,
    organization_id: UUID | None = None,
    count_max: int = 200,
) -> list[ParkedRow]:
    """Oldest first."""
    values = {"event_id": event_id, "type": event_type, "organization_id": organization_id, "count_max": count_max}
    return [ParkedRow(**row._mapping) for row in await run_sql(session, _LIST, values)]


async def replay_parked(
    session: AsyncSession, table: type[InboxColumns], *, event_ids: Sequence[UUID], service: Service
) -> list[UUID]:
    """Make these rows ready again and return the ids that were. Their ids stay, so an effect that was is not repeated.

    A dead letter is read again as this version understands it. Raises `contracts.catalogue.UndecodableMessage`.
    """
    replayed = [row.event_id for row in await run_sql(session, _REPLAY, {"event_ids": list(event_ids)})]
    for event_id in event_ids:
        for dead in await list_parked(session, event_id=event_id):
            if dead.consumer == DEAD:
                await run_sql(
                    session,
                    insert(table).values(read_again(dead.payload, service=service)).on_conflict_do_nothing(),
                )
                await run_sql(session, _READ_AGAIN, {"event_id": event_id})
                replayed.append(event_id)
    return replayed
