"""Reads and locks around data keys, and the two locks under which master keys change.

Whoever wraps a data key holds `hold_wrapping` until its commit; whoever takes a master key away, or wants to know that
nobody still wraps with an older one, waits for all of them in `wait_for_wrappings`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from service_kit.database import run_sql
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.tables import DataKeyRow

_WRAPPING = "payment.master_keys.wrapping"
_COMMANDS = "payment.master_keys.commands"
_FIRST = UUID(int=0)


@dataclass(frozen=True)
class WrappedKey:
    """Which data key of whom; nothing of the key itself."""

    organization_id: UUID
    key_id: UUID


async def data_key_row(session: AsyncSession, *, organization_id: UUID, key_id: UUID) -> DataKeyRow | None:
    """As it is now: a rotation may have wrapped it anew since this session read it."""
    statement = (
        select(DataKeyRow)
        .where(DataKeyRow.organization_id == organization_id, DataKeyRow.id == key_id)
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).one_or_none()


async def lock_data_key(session: AsyncSession, *, organization_id: UUID, key_id: UUID) -> DataKeyRow | None:
    statement = (
        select(DataKeyRow)
        .where(DataKeyRow.organization_id == organization_id, DataKeyRow.id == key_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).one_or_none()


async def newest_data_key_row(session: AsyncSession, *, organization_id: UUID) -> DataKeyRow | None:
    statement = (
        select(DataKeyRow)
        .where(DataKeyRow.organization_id == organization_id)
        .order_by(col(DataKeyRow.id).desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).one_or_none()


async def data_keys_wrapped_by(
    session: AsyncSession, *, kid: str, after: UUID = _FIRST, count_max: int = 1
) -> Sequence[WrappedKey]:
    """Of all organisations, by id, beginning behind ``after``. For the worker's role."""
    result = await run_sql(
        session,
        "select organization_id, key_id from data_keys_wrapped_by(:kid, :after, :count_max)",
        {"kid": kid, "after": after, "count_max": count_max},
    )
    return [WrappedKey(organization_id=row.organization_id, key_id=row.key_id) for row in result]


async def data_keys_counted(session: AsyncSession) -> Mapping[str, int]:
    """How many data keys each master key wraps, by its id. For the worker's role."""
    result = await run_sql(session, "select master_key_id, data_keys from data_keys_counted()")
    return {row.master_key_id: row.data_keys for row in result}


async def hold_wrapping(session: AsyncSession) -> None:
    """Until this transaction ends no master key is taken away. Read the keyring after this, not before."""
    await _lock(session, "pg_advisory_xact_lock_shared", _WRAPPING)


async def wait_for_wrappings(session: AsyncSession) -> None:
    """Return when everything wrapped so far is committed; until this transaction ends nothing else is wrapped.

    Raises ``DBAPIError`` (55P03) after five seconds.
    """
    await run_sql(session, "set local lock_timeout = '5s'")
    await _lock(session, "pg_advisory_xact_lock", _WRAPPING)


async def hold_key_commands(session: AsyncSession) -> None:
    """One command on master keys at a time. Raises ``DBAPIError`` (55P03) when another goes on for five seconds."""
    await run_sql(session, "set local lock_timeout = '5s'")
    # The lock is all this connection is for; it is idle for as long as the work of the others takes.
    await run_sql(session, "set local idle_in_transaction_session_timeout = 0")
    await _lock(session, "pg_advisory_xact_lock", _COMMANDS)


async def _lock(session: AsyncSession, function: str, name: str) -> None:
    await run_sql(session, f"select {function}(hashtextextended(:name, 0))", {"name": name})
