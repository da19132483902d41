"""Intake: a message is acknowledged only once it is a row, is one row however often it comes, poison harms nobody."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from contracts.catalogue import Service, UndecodableMessage
from contracts.envelope import Envelope
from kit_tests.rows import Inbox, enveloped, void_requested
from service_kit import crash_points
from service_kit.broker import connected
from service_kit.database import create_database
from service_kit.dead_letters import DeadLetters
from service_kit.health import NotReady
from service_kit.identifiers import new_id
from service_kit.inbox_intake import InboxIntake
from service_kit.inbox_messages import Road, inbox_row
from service_kit.parked import list_parked, replay_parked
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.servers import endpoint
from service_kit.testing.tcp_proxy import tcp_proxy
from service_kit.testing.waiting import eventually, run_until
from service_kit.topology import declare_topology, exchange_name
from sqlalchemy.engine import make_url
from yarl import URL

VOID = "invoice.void_requested.v1"
MakeIntake = Callable[..., InboxIntake]


@pytest.fixture
def make_intake(service_database: ServiceDatabase, broker: KitBroker) -> MakeIntake:
    def make(**changes: Any) -> InboxIntake:
        settings: dict[str, Any] = {
            "service": Service.PAYMENT,
            "instance": broker.instance,
            "broker_url": broker.url,
            "worker_database": service_database.open("payment", "worker"),
            "inbox": Inbox,
            "arrived": asyncio.Event(),
            **changes,
        }
        return InboxIntake(**settings)

    return make


@asynccontextmanager
async def taking(intake: InboxIntake) -> AsyncIterator["asyncio.Task[None]"]:
    stop = asyncio.Event()
    task = asyncio.create_task(intake.run(stop=stop))
    try:
        await run_until(lambda: is_ready(intake))
        yield task
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task
        await intake.close()


async def is_ready(intake: InboxIntake) -> bool:
    try:
        return bool(await intake.check())
    except NotReady:
        return False


async def send(broker: KitBroker, *envelopes: Envelope) -> None:
    for envelope in envelopes:
        await broker.send(
            exchange=exchange_name(broker.instance, Service.INVOICE),
            routing_key=VOID,
            body=envelope.body(),
            headers=envelope.headers(),
        )


async def received(database: ServiceDatabase, consumer: str = "payment-service") -> set[UUID]:
    return {
        row["event_id"]
        for row in await database.fetch("select event_id from payment.inbox where consumer = $1", consumer)
    }


async def test_the_same_message_fifty_times_is_one_row(
    make_intake: MakeIntake, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    envelope = enveloped(void_requested(new_id()))
    last = enveloped(void_requested(new_id()))

    async with taking(make_intake()):
        await send(broker, *[envelope] * 50, last)
        await run_until(lambda: has(service_database, last.id))

    assert await received(service_database) == {envelope.id, last.id}
    assert await broker.depth(broker.inbox_queue(Service.PAYMENT)) == 0
    assert await broker.depth(broker.dead_queue(Service.PAYMENT)) == 0


async def test_correlation_sequence_and_body_are_kept_as_they_came(
    make_intake: MakeIntake, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    envelope = enveloped(void_requested(new_id()), sequence=42)
    newer = {**json.loads(envelope.body()), "a_field_of_tomorrow": "kept"}
    exchange = exchange_name(broker.instance, Service.INVOICE)

    async with taking(make_intake()):
        await broker.send(
            exchange=exchange, routing_key=VOID, body=json.dumps(newer).encode(), headers=envelope.headers()
        )
        await run_until(lambda: has(service_database, envelope.id))

    (row,) = await service_database.fetch("select * from payment.inbox")
    assert json.loads(row["payload"])["a_field_of_tomorrow"] == "kept"
    assert (row["sequence"], row["correlation_id"], row["actor"]) == (42, "cor_test", "service:invoice-service")
    assert row["organization_id"] == envelope.organizationid


def poison() -> dict[str, tuple[bytes, dict[str, str]]]:
    good = enveloped(void_requested(new_id()))
    headers = good.headers()
    return {
        "no JSON": (b"\x80\x81", headers),
        "a list": (b"[]", headers),
        "NaN": (good.body().replace(b'"attempt":1', b'"attempt":NaN'), headers),
        "NaN in an unknown field": (good.body()[:-1] + b',"x":NaN}', headers),
        "deep nesting": (good.body()[:-1] + b',"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}", headers),
        "unknown type": (good.body(), {**headers, "ce-type": "invoice.unheard_of.v1"}),
        "another's event": (good.body(), {**headers, "ce-source": "/notification-service"}),
        "another organisation": (good.body(), {**headers, "ce-organizationid": "org_" + "0" * 26}),
        "no headers": (good.body(), {}),
        "too large": (b'{"x":"' + b"a" * 1_100_000 + b'"}', headers),
    }


@pytest.mark.parametrize("kind", list(poison()))
def test_poison_is_recognised_with_a_reason_that_repeats_nothing(kind: str) -> None:
    body, headers = poison()[kind]

    with pytest.raises(UndecodableMessage) as refusal:
        inbox_row(headers=headers, body=body, service=Service.PAYMENT, road=Road("invoice", VOID))

    assert "aaaa" not in str(refusal.value)


async def test_poison_is_buried_and_what_stands_beside_it_arrives(
    make_intake: MakeIntake, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    before, after = enveloped(void_requested(new_id())), enveloped(void_requested(new_id()))
    exchange = exchange_name(broker.instance, Service.INVOICE)
    unstorable = enveloped(void_requested(new_id()).model_copy(update={"reason": "a\x00b"}))

    await send(broker, before, unstorable)
    for body, headers in poison().values():
        await broker.send(exchange=exchange, routing_key=VOID, body=body, headers=headers)
    await send(broker, after)
    async with taking(make_intake()):
        await run_until(lambda: has(service_database, after.id))
        buried = len(poison()) + 1
        await run_until(lambda: depth_is(broker, broker.dead_queue(Service.PAYMENT), buried))

    assert await received(service_database) == {before.id, after.id}
    dead = await broker.take_all(broker.dead_queue(Service.PAYMENT))
    assert {str(message.headers["x-first-death-reason"]) for message in dead} == {"rejected"}


async def test_a_dead_letter_becomes_a_parked_row_and_can_be_replayed_once_it_is_understood(
    make_intake: MakeIntake, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    envelope = enveloped(void_requested(new_id()))
    queue = await (await broker.connection.channel()).get_queue(broker.inbox_queue(Service.PAYMENT))
    await send(broker, envelope)
    message = await eventually(lambda: queue.get(fail=False))
    await message.reject(requeue=False)
    await run_until(lambda: depth_is(broker, broker.dead_queue(Service.PAYMENT), 1))
    worker = service_database.open("payment", "worker")
    intake = make_intake()

    async with taking(intake):
        letters = DeadLetters(
            service=Service.PAYMENT,
            instance=broker.instance,
            worker_database=worker,
            inbox=Inbox,
            intake=intake,
        )
        imported = await letters.import_all()
    async with worker.transaction(organization_id=None) as session:
        (parked,) = await list_parked(session)
    for _ in range(2):
        async with worker.transaction(organization_id=None) as session:
            await replay_parked(session, Inbox, event_ids=[parked.event_id], service=Service.PAYMENT)

    assert imported == 1
    assert parked.consumer == "dead"
    assert "dead-lettered" in parked.park_reason
    rows = await service_database.fetch("select consumer, event_id, state from payment.inbox order by consumer")
    assert [(row["consumer"], row["state"]) for row in rows] == [("dead", "done"), ("payment-service", "ready")]
    assert rows[1]["event_id"] == envelope.id


async def test_without_the_database_messages_stay_at_the_broker_and_readiness_is_red(
    make_intake: MakeIntake, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    host, port = endpoint(service_database.admin_url)
    async with tcp_proxy(host=host, port=port) as proxy:
        url = make_url(service_database.url("payment", "worker"))
        through = url.set(host="127.0.0.1", port=proxy.listening_port).render_as_string(hide_password=False)
        database = create_database(url=through, application_name="intake-through-proxy")
        intake = make_intake(worker_database=database)
        envelopes = [enveloped(void_requested(new_id())) for _ in range(5)]
        async with taking(intake):
            proxy.refuse()
            await send(broker, *envelopes)
            await run_until(lambda: is_red(intake))
            during = await received(service_database)
            started, attempts = asyncio.get_running_loop().time(), proxy.accepted
            await run_until(lambda: proxy.accepted >= attempts + 6)
            elapsed = asyncio.get_running_loop().time() - started
            proxy.heal()
            await run_until(lambda: is_ready(intake))
            await run_until(lambda: has(service_database, envelopes[-1].id))
        await database.dispose()

    assert during == set()
    assert elapsed > 0.3, "the database was asked again without a pause: the messages go round and round"
    assert await received(service_database) == {envelope.id for envelope in envelopes}
    assert await broker.depth(broker.inbox_queue(Service.PAYMENT)) == 0
    assert await broker.depth(broker.dead_queue(Service.PAYMENT)) == 0


async def test_what_could_not_be_inserted_is_still_at_the_broker_when_the_process_ends(
    make_intake: MakeIntake, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    host, port = endpoint(service_database.admin_url)
    async with tcp_proxy(host=host, port=port) as proxy:
        url = make_url(service_database.url("payment", "worker"))
        through = url.set(host="127.0.0.1", port=proxy.listening_port).render_as_string(hide_password=False)
        database = create_database(url=through, application_name="intake-through-proxy")
        intake = make_intake(worker_database=database)
        async with taking(intake):
            proxy.refuse()
            await send(broker, *[enveloped(void_requested(new_id())) for _ in range(5)])
            await run_until(lambda: is_red(intake))
        await database.dispose()

    async def all_are_back() -> bool:
        return await broker.depth(broker.inbox_queue(Service.PAYMENT)) == 5

    await run_until(all_are_back)


async def test_a_connection_that_is_cut_again_and_again_loses_nothing(
    make_intake: MakeIntake, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    upstream = URL(broker.url)
    envelopes = [enveloped(void_requested(new_id())) for _ in range(120)]
    async with tcp_proxy(host=upstream.host or "", port=upstream.port or 5672) as proxy:
        intake = make_intake(broker_url=str(upstream.with_host("127.0.0.1").with_port(proxy.listening_port)))
        async with taking(intake):
            # Each cut has messages of its own to come between: all of them could have arrived before the last one.
            for start in range(0, len(envelopes), 30):
                count = len(await received(service_database))
                sending = asyncio.create_task(send(broker, *envelopes[start : start + 30]))
                await run_until(partial(more_than, service_database, count))
                proxy.cut()
                await sending
            await run_until(lambda: holds(service_database, len(envelopes)), timeout_seconds=30)

    assert await received(service_database) == {envelope.id for envelope in envelopes}


async def test_a_crash_between_insert_and_ack_brings_the_message_again_and_changes_nothing(
    make_intake: MakeIntake, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    envelope = enveloped(void_requested(new_id()))

    class Crash(BaseException):
        pass

    def crash_once(name: str) -> None:
        if name == "intake.before_ack":
            crash_points.install(None)
            raise Crash

    crash_points.install(crash_once)
    await send(broker, envelope)
    with pytest.raises(Crash):
        await make_intake().run(stop=asyncio.Event())
    async with taking(make_intake()):
        await run_until(lambda: depth_is(broker, broker.inbox_queue(Service.PAYMENT), 0))
        await send(broker, last := enveloped(void_requested(new_id())))
        await run_until(lambda: has(service_database, last.id))

    assert await received(service_database) == {envelope.id, last.id}


async def test_a_consumer_that_the_broker_took_away_comes_back(
    make_intake: MakeIntake, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    intake = make_intake(watch_seconds=0.2)
    async with taking(intake):
        channel = await broker.connection.channel()
        await channel.queue_delete(broker.inbox_queue(Service.PAYMENT), if_unused=False, if_empty=False)
        await run_until(lambda: is_red(intake))
        async with connected(broker.url, name="repair") as connection:
            await declare_topology(connection, instance=broker.instance)
        await send(broker, envelope := enveloped(void_requested(new_id())))
        await run_until(lambda: has(service_database, envelope.id), timeout_seconds=20)


async def is_red(intake: InboxIntake) -> bool:
    return not await is_ready(intake)


async def has(database: ServiceDatabase, event_id: UUID) -> bool:
    return event_id in await received(database)


async def holds(database: ServiceDatabase, count: int) -> bool:
    return len(await received(database)) == count


async def more_than(database: ServiceDatabase, count: int) -> bool:
    return len(await received(database)) > count


async def depth_is(broker: KitBroker, queue: str, count: int) -> bool:
    return await broker.depth(queue) == count
