"""Names on shared servers: each running demo holds its name, and what nobody holds any more is taken away.

A demo that was killed cannot clean up. Its name was held by a database session that died with it, so the next demo
sees the difference between a dead one and one that runs beside it.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from service_kit.broker import connected
from service_kit.provision import KINDS, SCHEMAS, TURNS_LOCK_KEY, connect, quoted, role_name
from service_kit.topology import delete_topology

from deploy.demo.instance import PREFIX

TRIES_MAX = 10


@asynccontextmanager
async def claim_name(postgres_url: str) -> AsyncIterator[str]:
    """A fresh name, held until the block ends or this process dies."""
    name = f"{PREFIX}{secrets.token_hex(4)}"
    holder = await connect(postgres_url)
    try:
        await holder.execute(f"set application_name = {quoted(name)}")
        yield name
    finally:
        await holder.close()


async def remove_leftovers(*, postgres_url: str, broker_url: str) -> None:
    """Take away the instances of demos that were killed."""
    admin = await connect(postgres_url)
    try:
        rows = await admin.fetch(
            "select d.datname from pg_database d where starts_with(d.datname, $1) and not exists "
            "(select 1 from pg_stat_activity a where a.application_name = d.datname)",
            PREFIX,
        )
    finally:
        await admin.close()
    for row in rows:
        await remove_instance(row["datname"], postgres_url=postgres_url, broker_url=broker_url)


async def remove_instance(name: str, *, postgres_url: str, broker_url: str) -> None:
    """Database, roles, queues and exchanges of one instance. Safe to repeat, also for two at the same time."""
    admin = await connect(postgres_url)
    try:
        await admin.execute("select pg_advisory_lock($1)", TURNS_LOCK_KEY)
        await _execute(admin, f"drop database if exists {quoted(name)} with (force)")
        for schema in SCHEMAS:
            for kind in KINDS:
                await _execute(admin, f"drop role if exists {quoted(role_name(name, schema, kind))}")
    finally:
        await admin.close()
    async with connected(broker_url, name=f"{name}-removal") as connection:
        await delete_topology(connection, instance=name)


async def _execute(admin: "asyncpg.Connection[asyncpg.Record]", statement: str) -> None:
    """Again when another session changed the server's list of roles meanwhile: Postgres answers that with XX000,
    *tuple concurrently deleted* or *updated*, instead of waiting.
    """
    for _ in range(TRIES_MAX - 1):
        try:
            await admin.execute(statement)
        except asyncpg.InternalServerError:
            await asyncio.sleep(0.2)
        else:
            return
    await admin.execute(statement)
