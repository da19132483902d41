"""SIGKILL at every boundary the kit announces: a process dies there, another one starts, and the end is the same."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from contracts.catalogue import Service
from kit_tests.rows import Inbox, Outbox, add_effect, enveloped, link_failed, void_requested
from service_kit import crash_points
from service_kit.database import create_database
from service_kit.handlers import Delivery, InTransaction, OutsideWork, RetryLater, WithOutsideCall
from service_kit.identifiers import new_id
from service_kit.inbox import enqueue_task
from service_kit.outbox import record_event
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from service_kit.topology import exchange_name
from service_kit.worker_process import WorkerConfig, run_worker
from sqlmodel.ext.asyncio.session import AsyncSession

VOID = "invoice.void_requested.v1"
LIFE_SECONDS = 20.0
POINTS = sorted(crash_points.KIT_POINTS)


@dataclass(frozen=True)
class Place:
    """What one life of the worker needs to know; nothing of the parent's loop or connections."""

    app_url: str
    worker_url: str
    broker_url: str
    instance: str


async def first_step(session: AsyncSession, delivery: Delivery) -> None:
    """The message's own effect, a task and an event, in one transaction; it fails once before."""
    if delivery.attempts == 1:
        raise RetryLater("once", after_seconds=0.01)
    await add_effect(session, delivery, "message")
    await enqueue_task(session, Inbox, task_type="task.second", organization_id=delivery.organization_id, payload={})


async def second_step(work: OutsideWork) -> None:
    async with work.completion() as session:
        await add_effect(session, work.delivery, "task")
        event = link_failed(work.delivery.organization_id or new_id())
        await record_event(session, Outbox, event, service=Service.PAYMENT)


def live(place: Place, *, die_at: str | None, events: int) -> int:
    """Run the worker in a forked process until it arrives at ``die_at``, or has published ``events`` in all."""
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(_live(place, die_at=die_at, events=events))
        except BaseException:
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return status


async def _live(place: Place, *, die_at: str | None, events: int) -> None:
    def observe(name: str) -> None:
        if name == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    crash_points.install(observe)
    app = create_database(url=place.app_url, application_name="life")
    worker = create_database(url=place.worker_url, application_name="life-worker")
    config = WorkerConfig(
        service=Service.PAYMENT,
        instance=place.instance,
        broker_url=place.broker_url,
        database=app,
        worker_database=worker,
        outbox=Outbox,
        inbox=Inbox,
        handlers={VOID: InTransaction(first_step), "task.second": WithOutsideCall(second_step)},
        advisory_class_id=4242,
        poll_seconds=0.05,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(run_worker(config, stop=stop))
    await _until_quiet(place, running, events=events)
    stop.set()
    await running
    await worker.dispose()
    await app.dispose()


async def _until_quiet(place: Place, running: "asyncio.Task[None]", *, events: int) -> None:
    """Nothing waits anywhere, and each message so far has led to its event."""
    database = create_database(url=place.worker_url, application_name="life-watch", pool_size=1)

    async def quiet() -> bool:
        if running.done():
            running.result()
        async with database.transaction(organization_id=None) as session:
            connection = await session.connection()
            rows = await connection.exec_driver_sql(
                "select (select count(*) from inbox where state <> 'done') "
                "+ (select count(*) from outbox where published_at is null), (select count(*) from outbox)"
            )
            counted = tuple(rows.one())
        return counted == (0, events)

    await run_until(quiet, timeout_seconds=LIFE_SECONDS)
    await database.dispose()


@pytest.fixture
def place(service_database: ServiceDatabase, broker: KitBroker) -> Place:
    return Place(
        app_url=service_database.url("payment"),
        worker_url=service_database.url("payment", "worker"),
        broker_url=broker.url,
        instance=broker.instance,
    )


async def test_a_process_killed_at_any_boundary_is_made_good_by_the_next_one(
    place: Place, service_database: ServiceDatabase, broker: KitBroker, record_property: Callable[[str, object], None]
) -> None:
    record_property("evidence", f"{len(POINTS)} boundaries of the kit, killed at each of them")
    for number, point in enumerate(POINTS, start=1):
        envelope = enveloped(void_requested(new_id()))
        await broker.send(
            exchange=exchange_name(broker.instance, Service.INVOICE),
            routing_key=VOID,
            body=envelope.body(),
            headers=envelope.headers(),
        )

        killed = await asyncio.to_thread(live, place, die_at=point, events=number)
        lived = await asyncio.to_thread(live, place, die_at=None, events=number)

        assert os.WTERMSIG(killed) == signal.SIGKILL, f"{point} was never reached"
        assert lived == 0, f"no recovery from {point}"
        notes = await service_database.fetch(
            "select note from payment.effects where organization_id = $1 order by id", envelope.organizationid
        )
        assert [row["note"] for row in notes] == ["message", "task"], point
        outgoing = await broker.take_all(broker.inbox_queue(Service.INVOICE))
        assert len({message.message_id for message in outgoing}) == 1, point
        assert await broker.depth(broker.inbox_queue(Service.PAYMENT)) == 0, point
