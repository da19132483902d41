"""The whole way of a message: published, taken in, worked off once, and what it causes published again."""

from collections.abc import Callable
from uuid import UUID

from contracts.catalogue import Service
from kit_tests.rows import Inbox, Outbox, add_effect, enveloped, link_failed, void_requested
from service_kit.database import Database
from service_kit.handlers import Delivery, InTransaction, OutsideWork, Park, RetryLater, WithOutsideCall
from service_kit.identifiers import new_id
from service_kit.inbox import enqueue_task
from service_kit.outbox import record_event
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import eventually, run_until
from service_kit.testing.workers import worker_running
from service_kit.topology import exchange_name
from service_kit.worker_process import WorkerConfig
from sqlmodel.ext.asyncio.session import AsyncSession

MakeConfig = Callable[..., WorkerConfig]
VOID = "invoice.void_requested.v1"


async def send_void(broker: KitBroker, organization_id: UUID) -> UUID:
    envelope = enveloped(void_requested(organization_id))
    await broker.send(
        exchange=exchange_name(broker.instance, Service.INVOICE),
        routing_key=VOID,
        body=envelope.body(),
        headers=envelope.headers(),
    )
    return envelope.id


async def give_task(database: Database, *, organization_id: UUID | None, task_type: str = "task.test") -> UUID:
    async with database.transaction(organization_id=organization_id) as session:
        return await enqueue_task(
            session, Inbox, task_type=task_type, organization_id=organization_id, payload={"n": 1}
        )


async def test_a_message_becomes_one_effect_and_the_next_event_goes_out(
    worker_config: MakeConfig, broker: KitBroker, service_database: ServiceDatabase
) -> None:
    async def handle(session: AsyncSession, delivery: Delivery) -> None:
        await add_effect(session, delivery)
        await record_event(session, Outbox, link_failed(delivery.organization_id or new_id()), service=Service.PAYMENT)

    async with worker_running(worker_config({VOID: InTransaction(handle)})):
        event_id = await send_void(broker, new_id())
        outgoing = await eventually(lambda: broker.take(broker.inbox_queue(Service.INVOICE)))

    effects = await service_database.fetch("select event_id from payment.effects")
    assert [row["event_id"] for row in effects] == [event_id]
    assert outgoing.headers["ce-correlationid"] == "cor_test"
    assert str(outgoing.headers["ce-causationid"]).startswith("evt_")
    assert str(outgoing.headers["ce-traceparent"])[3:35] == "a" * 32


async def test_a_failing_handler_is_tried_again_and_its_failure_leaves_no_effect(
    worker_config: MakeConfig, service_database: ServiceDatabase
) -> None:
    attempts: list[int] = []

    async def handle(session: AsyncSession, delivery: Delivery) -> None:
        attempts.append(delivery.attempts)
        await add_effect(session, delivery)
        if delivery.attempts < 3:
            raise RetryLater("not yet", after_seconds=0.01)

    async with worker_running(worker_config({"task.test": InTransaction(handle)})):
        await give_task(service_database.open("payment"), organization_id=new_id())
        await run_until(lambda: _all_in(service_database, "done"))

    assert attempts == [1, 2, 3]
    assert len(await service_database.fetch("select 1 from payment.effects")) == 1


async def test_a_parked_row_says_why(worker_config: MakeConfig, service_database: ServiceDatabase) -> None:
    async def handle(_session: AsyncSession, _delivery: Delivery) -> None:
        raise Park("a person has to look at sk_test_abcdefghijkl")

    async with worker_running(worker_config({"task.test": InTransaction(handle)})):
        await give_task(service_database.open("payment"), organization_id=new_id())
        await run_until(lambda: _all_in(service_database, "parked"))

    (row,) = await service_database.fetch("select * from payment.inbox")
    assert row["park_reason"] == "a person has to look at [redacted]"
    assert row["attempts"] == 1


async def test_work_with_an_outside_call_completes_with_its_record(
    worker_config: MakeConfig, service_database: ServiceDatabase
) -> None:
    async def handle(work: OutsideWork) -> None:
        async with work.transaction() as session:
            await add_effect(session, work.delivery, "reserved")
        async with work.completion() as session:
            await add_effect(session, work.delivery, "recorded")

    async with worker_running(worker_config({"task.test": WithOutsideCall(handle)})):
        await give_task(service_database.open("payment"), organization_id=new_id())
        await run_until(lambda: _all_in(service_database, "done"))

    effects = await service_database.fetch("select note from payment.effects order by id")
    assert [row["note"] for row in effects] == ["reserved", "recorded"]


async def test_a_task_of_no_organisation_can_recur(
    worker_config: MakeConfig, service_database: ServiceDatabase
) -> None:
    runs: list[UUID | None] = []

    async def handle(work: OutsideWork) -> None:
        runs.append(work.delivery.organization_id)
        async with work.completion(again_in_seconds=0.01):
            pass

    async with worker_running(worker_config({"task.test": WithOutsideCall(handle)}, poll_seconds=0.05)):
        await give_task(service_database.open("payment"), organization_id=None)
        await run_until(lambda: len(runs) >= 3)

    assert set(runs) == {None}


async def _all_in(database: ServiceDatabase, state: str) -> bool:
    rows = await database.fetch("select state from payment.inbox")
    return bool(rows) and all(row["state"] == state for row in rows)
