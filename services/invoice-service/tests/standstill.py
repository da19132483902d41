"""Holds writers of one table back until several wait, so that what happens at the same moment really does."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from service_kit.provision import connect, quoted
from service_kit.testing.databases import ServiceDatabase
from sqlalchemy.engine import make_url


@asynccontextmanager
async def standstill(
    postgres: ServiceDatabase, *, table: str, waiting: int
) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Yields whether ``waiting`` transactions wait, for ``table`` or for each other; leaving lets all of them go on.

    Readers of the table are not held back.
    """
    url = make_url(postgres.admin_url).set(database=postgres.name)
    connection = await connect(url.render_as_string(hide_password=False))

    async def all_wait() -> bool:
        rows = await postgres.fetch(
            "select count(*) as waiting from pg_stat_activity where datname = current_database() "
            "and wait_event_type = 'Lock'"
        )
        return int(rows[0]["waiting"]) == waiting

    try:
        async with connection.transaction():
            await connection.execute(f"lock table invoice.{quoted(table)} in exclusive mode")
            yield all_wait
    finally:
        await connection.close()
