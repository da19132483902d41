"""Rows of the inbox that wait for a person, read and set going again under the worker's role, across organisations."""

from typing import Any
from uuid import UUID

from service_kit.database import run_sql
from sqlmodel.ext.asyncio.session import AsyncSession

_COLUMNS = "consumer, event_id, organization_id, type, attempts, park_reason, parked_at, first_error, last_error"


async def parked_rows(session: AsyncSession, *, count_max: int) -> list[dict[str, Any]]:
    """Newest first, without payloads."""
    result = await run_sql(
        session,
        f"select {_COLUMNS} from inbox where state = 'parked' order by parked_at desc limit :count_max",  # noqa: S608
        {"count_max": count_max},
    )
    return [dict(row) for row in result.mappings()]


async def parked_row(session: AsyncSession, *, event_id: UUID) -> list[dict[str, Any]]:
    """With payload; one id can be parked for more than one consumer."""
    result = await run_sql(
        session,
        f"select {_COLUMNS}, payload from inbox where state = 'parked' and event_id = :event_id",  # noqa: S608
        {"event_id": event_id},
    )
    return [dict(row) for row in result.mappings()]


async def replay_parked(session: AsyncSession, *, event_id: UUID) -> int:
    """Ready again from the start, under the same id, so an effect that did happen does not happen twice."""
    result = await run_sql(
        session,
        """
        update inbox set state = 'ready', next_at = app_now(), attempts = 0, sweeps = 0, park_reason = null,
               parked_at = null, first_failed_at = null, first_error = null, last_error = null
         where state = 'parked' and event_id = :event_id
        """,
        {"event_id": event_id},
    )
    return int(result.rowcount)
