"""The inbox worker: one effect per row whoever dies, and every outcome of a handler is a row that can be read."""

import asyncio
import json
from typing import Any, ClassVar
from uuid import UUID

import pytest
from contracts.catalogue import Service
from kit_tests.inbox_kit import TASK, Kit, Sign, effect, settled, working
from kit_tests.rows import Inbox, add_effect
from service_kit import inbox_rows
from service_kit.errors import DomainError, ErrorKind, Unavailable
from service_kit.handlers import Delivery, InTransaction, OutsideWork, RetryLater, WithOutsideCall
from service_kit.identifiers import new_id
from service_kit.inbox import enqueue_task
from service_kit.parked import list_parked, replay_parked
from service_kit.testing.waiting import run_until
from sqlmodel.ext.asyncio.session import AsyncSession


async def test_four_workers_side_by_side_do_each_row_once(kit: Kit) -> None:
    for _ in range(40):
        await kit.task()

    async with working(*(kit.inbox_worker({TASK: InTransaction(effect)}, session=Sign(n)) for n in range(1, 5))):
        await run_until(settled(kit, *["done"] * 40), timeout_seconds=30)

    assert await kit.effects() == 40


async def test_the_same_task_id_twice_is_one_task(kit: Kit) -> None:
    organization_id, task_id = new_id(), new_id()

    for _ in range(2):
        async with kit.app.transaction(organization_id=organization_id) as session:
            await enqueue_task(
                session, Inbox, task_type=TASK, organization_id=organization_id, payload={}, task_id=task_id
            )

    assert [row["event_id"] for row in await kit.rows()] == [task_id]


async def test_a_task_due_later_is_not_claimed_before_its_time(kit: Kit) -> None:
    organization_id = new_id()
    async with kit.app.transaction(organization_id=organization_id) as session:
        await enqueue_task(
            session, Inbox, task_type=TASK, organization_id=organization_id, payload={}, due_in_seconds=3600
        )

    early = await kit.claim()
    await kit.database.advance_clock("payment", seconds=3601)
    late = await kit.claim()

    assert (len(early), len(late)) == (0, 1)


async def test_delays_grow_with_full_jitter_up_to_ten_minutes(kit: Kit) -> None:
    await kit.task()
    longest = []

    for attempt in range(12):
        await kit.database.make_due("payment")
        (lease,) = await kit.claim()
        async with kit.worker.transaction(organization_id=None) as session:
            outcome = await inbox_rows.fail(session, lease, inbox_rows.Failure(error="no"))
        assert outcome is not None
        assert 0 <= outcome[1] <= min(600, 2 * 2**attempt)
        longest.append(outcome[1])

    assert max(longest) > 30


async def test_a_row_that_has_failed_for_three_days_is_parked_with_its_first_and_last_error(kit: Kit) -> None:
    await kit.task()
    for error in ("first", "second", "third"):
        await kit.database.make_due("payment")
        (lease,) = await kit.claim()
        async with kit.worker.transaction(organization_id=None) as session:
            await inbox_rows.fail(session, lease, inbox_rows.Failure(error=error))
        await kit.database.advance_clock("payment", seconds=37 * 3600)

    (row,) = await kit.rows()
    assert (row["state"], row["first_error"], row["last_error"]) == ("parked", "first", "third")
    assert "went on failing" in row["park_reason"]


class OrderOverwritten(DomainError):
    slug: ClassVar[str] = "order-overwritten"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    title: ClassVar[str] = "x"


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (OrderOverwritten("a conflict"), "parked"),
        (Unavailable("away"), "ready"),
        (RuntimeError("a bug"), "ready"),
        (RetryLater("not yet", after_seconds=3600), "ready"),
        (asyncio.CancelledError(), "ready"),
    ],
)
async def test_what_a_handler_raises_decides_what_becomes_of_its_row_alone(
    kit: Kit, error: BaseException, state: str
) -> None:
    async def fail(session: AsyncSession, delivery: Delivery) -> None:
        await add_effect(session, delivery)
        raise error

    await kit.task()
    async with working(kit.inbox_worker({TASK: InTransaction(fail), "task.other": InTransaction(effect)})):
        await run_until(lambda: _failed_once(kit))
        await kit.task(task_type="task.other")
        await run_until(lambda: _one_is_done(kit))

    states = await kit.states()
    assert sorted(states) == sorted([state, "done"])
    assert await kit.effects() == 1


async def test_a_handler_that_never_reaches_completion_is_a_failure(kit: Kit) -> None:
    async def forgetful(_work: OutsideWork) -> None:
        return

    await kit.task()
    async with working(kit.inbox_worker({TASK: WithOutsideCall(forgetful)})):
        await run_until(lambda: _failed_once(kit))

    (row,) = await kit.rows()
    assert "without completion()" in row["last_error"]


async def test_a_type_without_a_handler_waits_for_a_version_that_has_one(kit: Kit) -> None:
    await kit.task(task_type="task.of_tomorrow")

    async with working(kit.inbox_worker({})):
        await run_until(lambda: _failed_once(kit))

    (row,) = await kit.rows()
    assert row["state"] == "ready"
    assert "no handler for task.of_tomorrow" in row["last_error"]


async def test_a_replayed_row_starts_again_and_keeps_its_id(kit: Kit) -> None:
    task_id = await kit.task()
    (lease,) = await kit.claim()
    async with kit.worker.transaction(organization_id=None) as session:
        await inbox_rows.fail(session, lease, inbox_rows.Failure(error="no", park_reason="look"))

    async with kit.worker.transaction(organization_id=None) as session:
        parked = await list_parked(session)
        replayed = await replay_parked(session, Inbox, event_ids=[task_id], service=Service.PAYMENT)
    async with working(kit.inbox_worker({TASK: InTransaction(effect)})):
        await run_until(settled(kit, "done"))

    assert [row.park_reason for row in parked] == ["look"]
    assert replayed == [task_id]


async def test_one_organisations_flood_leaves_room_for_the_next_one(kit: Kit) -> None:
    flooding, quiet = new_id(), new_id()
    release = asyncio.Event()

    async def slow(work: OutsideWork) -> None:
        if work.delivery.organization_id == flooding:
            await release.wait()
        async with work.completion() as session:
            await add_effect(session, work.delivery)

    for _ in range(20):
        await kit.task(flooding)
    async with working(kit.inbox_worker({TASK: WithOutsideCall(slow)}, concurrency=8)):
        await run_until(lambda: _leased_is(kit, 6))
        await kit.task(quiet)
        await run_until(lambda: _effect_of(kit, quiet), timeout_seconds=5)
        release.set()
        await run_until(settled(kit, *["done"] * 21))


async def test_a_graceful_stop_lets_a_running_handler_finish(kit: Kit) -> None:
    entered = asyncio.Event()

    async def slow(work: OutsideWork) -> None:
        entered.set()
        await asyncio.sleep(0.3)
        async with work.completion() as session:
            await add_effect(session, work.delivery)

    await kit.task()
    async with working(kit.inbox_worker({TASK: WithOutsideCall(slow)})):
        await entered.wait()

    assert await kit.states() == ["done"]


async def test_a_handler_that_outlasts_the_stop_is_given_back_without_blame(kit: Kit) -> None:
    entered = asyncio.Event()

    async def endless(_work: OutsideWork) -> None:
        entered.set()
        await asyncio.Event().wait()

    await kit.task()
    async with working(kit.inbox_worker({TASK: WithOutsideCall(endless)}, drain_seconds=0.1)):
        await entered.wait()

    (row,) = await kit.rows()
    assert (row["state"], row["attempts"], row["sweeps"]) == ("ready", 0, 0)


async def test_work_goes_on_after_every_database_connection_was_killed(kit: Kit) -> None:
    async with working(kit.inbox_worker({TASK: InTransaction(effect)})):
        for _ in range(3):
            await kit.task()
            await kit.database.fetch(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()",
                kit.database.name,
            )
            await asyncio.sleep(0.05)
        await run_until(settled(kit, "done", "done", "done"), timeout_seconds=20)

    assert await kit.effects() == 3


async def test_the_payload_reaches_the_handler_as_it_was_given(kit: Kit) -> None:
    seen: list[dict[str, Any]] = []

    async def look(_session: AsyncSession, delivery: Delivery) -> None:
        seen.append(dict(delivery.payload))

    await kit.task()
    async with working(kit.inbox_worker({TASK: InTransaction(look)})):
        await run_until(settled(kit, "done"))

    assert json.dumps(seen) == '[{"n": 1}]'


async def _failed_once(kit: Kit) -> bool:
    return any(row["attempts"] >= 1 and row["state"] != "leased" for row in await kit.rows())


async def _one_is_done(kit: Kit) -> bool:
    return "done" in await kit.states()


async def _leased_is(kit: Kit, count: int) -> bool:
    return (await kit.states()).count("leased") == count


async def _effect_of(kit: Kit, organization_id: UUID) -> bool:
    return bool(await kit.database.fetch("select 1 from payment.effects where organization_id = $1", organization_id))
