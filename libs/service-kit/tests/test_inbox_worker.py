"""The inbox worker: one effect per row whoever dies, and every outcome of a handler is a row that can be read."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import pytest
from contracts.catalogue import Service
from kit_tests.rows import Inbox, add_effect
from service_kit import inbox_rows
from service_kit.database import Database
from service_kit.errors import DomainError, ErrorKind, Unavailable
from service_kit.handlers import Delivery, Handlers, InTransaction, OutsideWork, RetryLater, WithOutsideCall
from service_kit.identifiers import new_id
from service_kit.inbox import TASKS, enqueue_task
from service_kit.inbox_rows import Lease, LeaseLost
from service_kit.inbox_worker import InboxWorker
from service_kit.parked import list_parked, replay_parked
from service_kit.provision import connect
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from sqlmodel.ext.asyncio.session import AsyncSession

CLASS_ID = 4242
TASK = "task.test"


@dataclass
class Sign:
    """A sign of life without its connection: a worker id for the claim."""

    worker_id: int | None = 1


@dataclass
class Kit:
    database: ServiceDatabase
    app: Database
    worker: Database

    def inbox_worker(self, handlers: Handlers, **changes: Any) -> InboxWorker:
        settings: dict[str, Any] = {
            "service": Service.PAYMENT,
            "database": self.app,
            "worker_database": self.worker,
            "handlers": handlers,
            "session": Sign(),
            "class_id": CLASS_ID,
            "poll_seconds": 0.02,
            **changes,
        }
        return InboxWorker(**settings)

    async def task(self, organization_id: UUID | None = None, *, task_type: str = TASK) -> UUID:
        organization = organization_id or new_id()
        async with self.app.transaction(organization_id=organization) as session:
            return await enqueue_task(
                session, Inbox, task_type=task_type, organization_id=organization, payload={"n": 1}
            )

    async def claim(self, *, worker_id: int = 7, wanted: int = 10, lease_seconds: float = 60) -> list[Lease]:
        """Lease rows as another worker would."""
        token = new_id()
        async with self.worker.transaction(organization_id=None) as session:
            rows = await inbox_rows.claim(
                session,
                consumers=[TASKS],
                wanted=wanted,
                share=wanted,
                busy={},
                token=token,
                worker_id=worker_id,
                lease_seconds=lease_seconds,
            )
        return [Lease(consumer=row.consumer, event_id=row.event_id, token=token) for row in rows]

    async def sweep(self, *, worker_id: int = 1, sweeps_max: int = 25) -> int:
        async with self.worker.transaction(organization_id=None) as session:
            freed = await inbox_rows.sweep(
                session, class_id=CLASS_ID, worker_id=worker_id, tokens=[], sweeps_max=sweeps_max
            )
        return len(freed)

    async def rows(self) -> list[Any]:
        return await self.database.fetch("select * from payment.inbox order by received_at, event_id")

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.rows()]

    async def effects(self) -> int:
        return len(await self.database.fetch("select 1 from payment.effects"))


@pytest.fixture
def kit(service_database: ServiceDatabase) -> Kit:
    return Kit(service_database, service_database.open("payment"), service_database.open("payment", "worker"))


@asynccontextmanager
async def working(*workers: InboxWorker) -> AsyncIterator[list["asyncio.Task[None]"]]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(worker.run(stop=stop)) for worker in workers]
    try:
        yield tasks
    finally:
        stop.set()
        async with asyncio.timeout(25):
            await asyncio.gather(*tasks)


def settled(kit: Kit, *states: str) -> Callable[[], Any]:
    async def check() -> bool:
        return await kit.states() == list(states)

    return check


async def effect(session: AsyncSession, delivery: Delivery) -> None:
    await add_effect(session, delivery)


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


async def _lock_is_gone(kit: Kit, worker_id: int) -> bool:
    return not await kit.database.fetch(
        "select 1 from pg_locks where locktype = 'advisory' and classid = 4242 and objid = $1 "
        "and database = (select oid from pg_database where datname = $2)",
        worker_id,
        kit.database.name,
    )


async def _failed_once(kit: Kit) -> bool:
    return any(row["attempts"] == 1 and row["state"] != "leased" for row in await kit.rows())


async def _one_is_done(kit: Kit) -> bool:
    return "done" in await kit.states()


async def _leased_is(kit: Kit, count: int) -> bool:
    return (await kit.states()).count("leased") == count


async def _effect_of(kit: Kit, organization_id: UUID) -> bool:
    return bool(await kit.database.fetch("select 1 from payment.effects where organization_id = $1", organization_id))
