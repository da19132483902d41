"""Walls, units of work and time, against a real Postgres."""

import asyncio

import asyncpg
import pytest
from service_kit import crash_points
from service_kit.database import app_now, run_sql
from service_kit.identifiers import new_id
from service_kit.provision import connect
from service_kit.testing.databases import ServiceDatabase
from sqlalchemy.exc import DBAPIError

INSERT = "insert into effects (organization_id, event_id) values (:organization_id, gen_random_uuid())"


async def test_without_an_organisation_the_app_role_sees_no_row(service_database: ServiceDatabase) -> None:
    app = service_database.open("payment")
    organization_id = new_id()
    async with app.transaction(organization_id=organization_id) as session:
        await run_sql(session, INSERT, {"organization_id": organization_id})

    async with app.transaction(organization_id=None) as session:
        unseen = (await run_sql(session, "select count(*) from effects")).scalar_one()
    async with app.transaction(organization_id=organization_id) as session:
        seen = (await run_sql(session, "select count(*) from effects")).scalar_one()

    assert (unseen, seen) == (0, 1)


async def test_a_row_of_another_organisation_cannot_be_written(service_database: ServiceDatabase) -> None:
    app = service_database.open("payment")

    with pytest.raises(DBAPIError, match="row-level security"):
        async with app.transaction(organization_id=new_id()) as session:
            await run_sql(session, INSERT, {"organization_id": new_id()})


async def test_an_exception_inside_leaves_nothing_behind(service_database: ServiceDatabase) -> None:
    app = service_database.open("payment")
    organization_id = new_id()

    async def fail_after_writing() -> None:
        async with app.transaction(organization_id=organization_id) as session:
            await run_sql(session, INSERT, {"organization_id": organization_id})
            raise KeyError

    with pytest.raises(KeyError):
        await fail_after_writing()

    assert await service_database.fetch("select * from payment.effects") == []


async def test_app_now_follows_the_offset_that_only_the_owner_can_set(service_database: ServiceDatabase) -> None:
    app = service_database.open("payment")
    async with app.transaction(organization_id=None) as session:
        before = await app_now(session)

    await service_database.advance_clock("payment", seconds=90_000)

    async with app.transaction(organization_id=None) as session:
        after = await app_now(session)
    assert 90_000 <= (after - before).total_seconds() < 90_030
    with pytest.raises(DBAPIError, match="permission denied"):
        async with app.transaction(organization_id=None) as session:
            await run_sql(session, "update app_clock set offset_interval = '1 day'")


async def test_append_only_rows_cannot_be_changed_even_by_the_owner(service_database: ServiceDatabase) -> None:
    owner = await connect(service_database.url("payment", "owner"))
    try:
        await owner.execute("insert into entries values (gen_random_uuid(), 1)")
        for change in ("update entries set id = 2", "delete from entries", "truncate entries"):
            with pytest.raises(asyncpg.RestrictViolationError, match="never change"):
                await owner.execute(change)
    finally:
        await owner.close()


async def test_the_worker_role_reaches_outbox_and_inbox_and_nothing_else(service_database: ServiceDatabase) -> None:
    worker = service_database.open("payment", "worker")
    async with worker.transaction(organization_id=None) as session:
        await run_sql(session, "select * from outbox, inbox")

    for table in ("effects", "entries", "idempotency_keys"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with worker.transaction(organization_id=None) as session:
                await run_sql(session, f"select * from {table}")


async def test_a_caller_cancelled_during_its_commit_has_committed(service_database: ServiceDatabase) -> None:
    app = service_database.open("payment", pool_size=1)
    organization_id = new_id()

    async def backend() -> int:
        async with app.transaction(organization_id=None) as session:
            return int((await run_sql(session, "select pg_backend_pid()")).scalar_one())

    async def write() -> None:
        async with app.transaction(organization_id=organization_id) as session:
            await run_sql(session, INSERT, {"organization_id": organization_id})

    connection = await backend()
    caller = asyncio.create_task(write())

    def cancel_it(name: str) -> None:
        if name == "database.before_commit":
            caller.cancel()

    crash_points.install(cancel_it)
    with pytest.raises(asyncio.CancelledError):
        await caller
    crash_points.install(None)

    assert len(await service_database.fetch("select 1 from payment.effects")) == 1
    assert await backend() == connection, "the commit was torn down half-way, and its connection with it"


async def test_a_hundred_cancelled_callers_leak_no_connection(service_database: ServiceDatabase) -> None:
    app = service_database.open("payment", pool_size=3)
    organization_id = new_id()

    async def write() -> None:
        async with app.transaction(organization_id=organization_id) as session:
            await run_sql(session, INSERT, {"organization_id": organization_id})

    for turn in range(100):
        caller = asyncio.create_task(write())
        for _ in range(turn % 13):
            await asyncio.sleep(0)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)

    async with asyncio.timeout(10):
        await asyncio.gather(*(write() for _ in range(6)))
    rows = await service_database.fetch(
        "select 1 from pg_stat_activity where datname = $1 and state like 'idle in transaction%'", service_database.name
    )
    assert rows == []
