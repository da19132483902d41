"""A lease is worth exactly as much as the life of its worker: lost, stolen and outlived ones have no effect."""

import asyncio

import pytest
from kit_tests.inbox_kit import CLASS_ID, TASK, Kit, working
from kit_tests.rows import add_effect
from service_kit import inbox_rows
from service_kit.handlers import OutsideWork, WithOutsideCall
from service_kit.identifiers import new_id
from service_kit.inbox_rows import LeaseLost
from service_kit.provision import connect
from service_kit.testing.waiting import run_until


async def test_a_worker_that_lost_its_lease_has_no_effect(kit: Kit) -> None:
    organization_id = new_id()
    await kit.task(organization_id)
    (lease,) = await kit.claim()
    await kit.sweep()

    async def late_effect() -> None:
        async with kit.app.transaction(organization_id=organization_id) as session:
            await inbox_rows.finish(session, lease)

    with pytest.raises(LeaseLost):
        await late_effect()
    assert await kit.states() == ["ready"]


async def test_a_stale_handler_is_rolled_back_as_a_whole_when_its_row_was_taken(kit: Kit) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def slow(work: OutsideWork) -> None:
        entered.set()
        await go.wait()
        async with work.completion() as session:
            await add_effect(session, work.delivery)

    await kit.task()
    async with working(kit.inbox_worker({TASK: WithOutsideCall(slow)}, lease_seconds=600)):
        await entered.wait()
        await kit.database.fetch(
            "update payment.inbox set state = 'ready', lease_token = null, next_at = next_at + interval '1 hour'"
        )
        go.set()
        await asyncio.sleep(0)

    assert await kit.effects() == 0
    assert await kit.states() == ["ready"]


async def test_the_leases_of_a_dead_worker_are_free_at_once_and_a_live_one_keeps_its_own(kit: Kit) -> None:
    dead, alive = (
        await connect(kit.database.url("payment", "worker")),
        await connect(kit.database.url("payment", "worker")),
    )
    await dead.execute("select pg_advisory_lock($1, 8)", CLASS_ID)
    await alive.execute("select pg_advisory_lock($1, 9)", CLASS_ID)
    await kit.task()
    await kit.claim(worker_id=8)
    await kit.task()
    await kit.claim(worker_id=9)

    while_both_live = await kit.sweep()
    dead.terminate()
    await run_until(lambda: _lock_is_gone(kit, 8))
    afterwards = await kit.sweep()

    assert (while_both_live, afterwards) == (0, 1)
    assert {row["worker_id"]: row["state"] for row in await kit.rows()} == {None: "ready", 9: "leased"}
    await alive.close()


async def test_the_lock_of_another_service_or_database_protects_no_lease(kit: Kit) -> None:
    other_class = await connect(kit.database.url("payment", "worker"))
    other_database = await connect(kit.database.admin_url)
    await other_class.execute("select pg_advisory_lock(4243, 8)")
    await other_database.execute("select pg_advisory_lock($1, 8)", CLASS_ID)
    await kit.task()
    await kit.claim(worker_id=8)

    freed = await kit.sweep()

    assert freed == 1
    await other_class.close()
    await other_database.close()


async def test_a_lease_that_ran_out_is_swept_and_counted_apart_from_failures(kit: Kit) -> None:
    holder = await connect(kit.database.url("payment", "worker"))
    await holder.execute("select pg_advisory_lock($1, 7)", CLASS_ID)
    await kit.task()
    await kit.claim(lease_seconds=60)

    await kit.database.advance_clock("payment", seconds=61)
    await kit.sweep()

    (row,) = await kit.rows()
    assert (row["state"], row["sweeps"], row["attempts"]) == ("ready", 1, 0)
    await holder.close()


async def test_a_row_whose_worker_dies_again_and_again_is_parked(kit: Kit) -> None:
    await kit.task()

    for _ in range(3):
        await kit.claim()
        await kit.sweep(sweeps_max=3)

    (row,) = await kit.rows()
    assert (row["state"], row["park_reason"]) == ("parked", "its worker was lost too often")


async def _lock_is_gone(kit: Kit, worker_id: int) -> bool:
    return not await kit.database.fetch(
        "select 1 from pg_locks where locktype = 'advisory' and classid = 4242 and objid = $1 "
        "and database = (select oid from pg_database where datname = $2)",
        worker_id,
        kit.database.name,
    )
