"""The only door to Postgres, and the only place that commits.

A unit of work is ``async with database.transaction(organization_id=…)``: row security sees exactly that organisation,
leaving normally commits, and the commit is shielded, so a cancelled caller never leaves it half sent.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit import crash_points

ORGANIZATION_SETTING = "app.organization_id"
CONNECT_SECONDS = 5
COMMAND_SECONDS = 15
_POOL_WAIT_SECONDS = 10

Result = TypeVar("Result")


@dataclass(frozen=True)
class Database:
    """One pool of connections of one role."""

    engine: AsyncEngine

    @asynccontextmanager
    async def transaction(self, *, organization_id: UUID | None) -> AsyncIterator[AsyncSession]:
        """One transaction; with ``None`` row security shows no organisation's rows.

        A cancellation or a lost connection during the commit leaves its outcome unknown to the caller: whatever is
        done here must be safe to do again.
        """
        session = AsyncSession(self.engine, expire_on_commit=False)
        try:
            # The setting ends with each transaction, so without an organisation there is nothing to undo.
            if organization_id is not None:
                await set_organization(session, organization_id)
            yield session
            await session.flush()
        except BaseException:
            # A connection that is gone cannot be rolled back; what was raised first is what matters.
            with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError, OSError):
                await uninterrupted(session.close())
            raise
        await uninterrupted(_commit(session))

    @asynccontextmanager
    async def snapshot(self, *, organization_id: UUID) -> AsyncIterator[AsyncSession]:
        """Reads that all see the data of one moment, however many they are; writing is refused.

        It holds a connection and keeps old rows alive for as long as it lasts, so whoever uses it bounds how many.
        """
        session = AsyncSession(self.engine, expire_on_commit=False, autoflush=False)
        try:
            await session.connection(
                execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            )
            await set_organization(session, organization_id)
            yield session
        finally:
            # A connection that is gone cannot be rolled back; what was raised first is what matters.
            with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError, OSError):
                await uninterrupted(session.close())

    async def dispose(self) -> None:
        await self.engine.dispose()


def create_database(*, url: str, application_name: str, pool_size: int = 8, max_overflow: int = 0) -> Database:
    """``url`` is ``postgresql+asyncpg://…``. Connections are made when needed; end with `Database.dispose`."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=_POOL_WAIT_SECONDS,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": COMMAND_SECONDS,
            "server_settings": {"jit": "off", "application_name": application_name},
        },
    )
    return Database(engine=engine)


async def set_organization(session: AsyncSession, organization_id: UUID | None) -> None:
    """Point row security at ``organization_id`` for the rest of the transaction."""
    value = "" if organization_id is None else str(organization_id)
    await run_sql(session, "select set_config(:name, :value, true)", {"name": ORGANIZATION_SETTING, "value": value})


async def app_now(session: AsyncSession) -> datetime:
    """The schema's own time: Postgres' clock plus the offset that only its owner can set."""
    moment: datetime = (await run_sql(session, "select app_now()")).scalar_one()
    return moment


async def run_sql(
    session: AsyncSession, statement: str | sa.Executable, parameters: Mapping[str, Any] | None = None
) -> CursorResult[Any]:
    """Run one statement of ours inside the session's transaction, past the ORM."""
    connection = await session.connection()
    executable = sa.text(statement) if isinstance(statement, str) else statement
    return await connection.execute(executable, parameters)


async def uninterrupted(work: Awaitable[Result]) -> Result:
    """Finish ``work`` even when the caller is cancelled meanwhile; the cancellation is raised afterwards."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()
        raise


async def _commit(session: AsyncSession) -> None:
    try:
        crash_points.reached("database.before_commit")
        await session.commit()
        crash_points.reached("database.after_commit")
    finally:
        await session.close()
