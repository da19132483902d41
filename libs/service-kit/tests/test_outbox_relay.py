"""The relay: nothing is lost, nothing of one aggregate is reordered, one bad row stops nobody else."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import pytest
from aio_pika.abc import AbstractIncomingMessage
from contracts.catalogue import CATALOGUE, CatalogueEntry, Service, decode
from contracts.events.invoice import InvoicePaid
from contracts.events.payment import PaymentLinkCreated, StripeMode
from kit_tests.rows import Outbox, link_failed, record
from service_kit import crash_points
from service_kit.broker import BrokerUnavailable, Publisher, amqp
from service_kit.identifiers import new_id
from service_kit.outbox import EventNotOurs, record_event
from service_kit.outbox_relay import OutboxRelay
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.tcp_proxy import tcp_proxy
from service_kit.testing.waiting import run_until
from service_kit.worker_session import WorkerSession
from yarl import URL

MakeRelay = Callable[..., OutboxRelay]


@pytest.fixture
async def make_relay(service_database: ServiceDatabase, broker: KitBroker) -> AsyncIterator[MakeRelay]:
    publishers: list[Publisher] = []

    def make(**changes: Any) -> OutboxRelay:
        publisher = Publisher(broker_url=changes.pop("broker_url", broker.url), name="relay-test")
        publishers.append(publisher)
        settings: dict[str, Any] = {
            "service": Service.PAYMENT,
            "instance": broker.instance,
            "worker_database": service_database.open("payment", "worker"),
            "publisher": publisher,
            "poll_seconds": 0.05,
            **changes,
        }
        return OutboxRelay(**settings)

    yield make
    for publisher in publishers:
        await publisher.close()


def paid(organization_id: UUID) -> InvoicePaid:
    return InvoicePaid(
        organization_id=organization_id, invoice_id=new_id(), number="INV-2026-0001", paid_minor=100, currency="EUR"
    )


@asynccontextmanager
async def relaying(*relays: OutboxRelay, wake: asyncio.Event | None = None) -> AsyncIterator[list[asyncio.Task[None]]]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(relay.run(wake=wake or asyncio.Event(), stop=stop)) for relay in relays]
    try:
        yield tasks
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await asyncio.gather(*tasks)


async def take_all(broker: KitBroker, service: Service = Service.INVOICE) -> list[AbstractIncomingMessage]:
    return await broker.take_all(broker.inbox_queue(service))


async def unpublished(database: ServiceDatabase) -> list[Any]:
    return await database.fetch("select * from payment.outbox where published_at is null order by id")


async def nothing_left(database: ServiceDatabase) -> bool:
    return not await unpublished(database)


async def test_an_event_is_recorded_with_its_change_or_not_at_all(service_database: ServiceDatabase) -> None:
    app = service_database.open("payment")
    organization_id = new_id()

    async def record_and_fail() -> None:
        async with app.transaction(organization_id=organization_id) as session:
            await record_event(session, Outbox, link_failed(organization_id), service=Service.PAYMENT)
            raise KeyError

    with pytest.raises(KeyError):
        await record_and_fail()

    assert await unpublished(service_database) == []


async def test_a_service_cannot_record_the_event_of_another(service_database: ServiceDatabase) -> None:
    organization_id = new_id()
    async with service_database.open("payment").transaction(organization_id=organization_id) as session:
        with pytest.raises(EventNotOurs):
            await record_event(
                session,
                Outbox,
                paid(organization_id),
                service=Service.PAYMENT,
            )


async def test_a_published_message_decodes_to_what_was_recorded(
    make_relay: MakeRelay, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    event = link_failed(new_id(), attempt=7)
    (event_id,) = await record(service_database.open("payment"), event)

    await make_relay().relay_batch()

    (message,) = await take_all(broker)
    envelope = decode(headers=message.headers, body=message.body)
    assert envelope.data == event
    assert envelope.id == event_id
    assert message.message_id == str(event_id)
    assert message.delivery_mode == 2


async def test_four_relays_side_by_side_keep_each_aggregate_in_order(
    make_relay: MakeRelay, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    organization_id = new_id()
    invoices = [new_id() for _ in range(6)]
    app = service_database.open("payment")
    for attempt in range(25):
        await record(app, *(link_failed(organization_id, invoice_id=invoice, attempt=attempt) for invoice in invoices))

    async with relaying(*(make_relay() for _ in range(4))):
        await run_until(lambda: nothing_left(service_database), timeout_seconds=30)

    order: dict[str, list[int]] = defaultdict(list)
    for message in await take_all(broker):
        order[str(message.headers["ce-subject"])].append(int(str(message.headers["ce-sequence"])))
    assert len(order) == 6
    for sequences in order.values():
        assert sequences == sorted(sequences)
        assert len(set(sequences)) == 25


async def test_a_message_that_the_broker_refuses_does_not_stop_the_batch(
    make_relay: MakeRelay, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    channel = await broker.connection.channel()
    await channel.queue_delete(broker.inbox_queue(Service.INVOICE), if_unused=False, if_empty=False)
    organization_id = new_id()
    created = PaymentLinkCreated(
        organization_id=organization_id,
        invoice_id=new_id(),
        link_id=new_id(),
        attempt=1,
        url="https://pay.example/x",
        amount_minor=100,
        currency="EUR",
        mode=StripeMode.TEST,
        sandbox=True,
    )
    app = service_database.open("payment")
    await record(app, link_failed(organization_id))
    async with app.transaction(organization_id=organization_id) as session:
        await record_event(session, Outbox, created, service=Service.PAYMENT)

    await make_relay().relay_batch()

    (left,) = await unpublished(service_database)
    assert (left["type"], left["attempts"]) == ("payment.link_failed.v1", 1)
    assert "refused" in left["last_error"]
    assert len(await take_all(broker, Service.NOTIFICATION)) == 1


async def test_an_event_that_nobody_listens_to_counts_as_published(
    make_relay: MakeRelay, service_database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = CATALOGUE[InvoicePaid.event_type]
    unheard = replace(entry, subscribers=frozenset())
    monkeypatch.setitem(cast(dict[str, CatalogueEntry], CATALOGUE), InvoicePaid.event_type, unheard)
    organization_id = new_id()
    async with service_database.open("payment").transaction(organization_id=organization_id) as session:
        await record_event(
            session,
            Outbox,
            paid(organization_id),
            service=Service.INVOICE,
        )

    await make_relay(service=Service.INVOICE).relay_batch()

    assert await nothing_left(service_database)


async def test_a_later_event_waits_for_an_earlier_one_of_its_aggregate(
    make_relay: MakeRelay, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    organization_id, invoice_id = new_id(), new_id()
    app = service_database.open("payment")
    first, second = await record(
        app,
        link_failed(organization_id, invoice_id=invoice_id, attempt=1),
        link_failed(organization_id, invoice_id=invoice_id, attempt=2),
    )
    await service_database.fetch(
        "update payment.outbox set next_at = next_at + interval '1 hour' where event_id = $1", first
    )

    tried = await make_relay().relay_batch()

    assert tried == 0
    assert [row["event_id"] for row in await unpublished(service_database)] == [first, second]


async def test_a_crash_after_the_confirm_publishes_the_same_id_again(
    make_relay: MakeRelay, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    (event_id,) = await record(service_database.open("payment"), link_failed(new_id()))

    class Crash(BaseException):
        pass

    def crash_once(name: str) -> None:
        if name == "relay.before_mark":
            crash_points.install(None)
            raise Crash

    crash_points.install(crash_once)
    with pytest.raises(Crash):
        await make_relay().relay_batch()
    await make_relay().relay_batch()

    messages = await take_all(broker)
    assert [message.message_id for message in messages] == [str(event_id)] * 2
    assert await nothing_left(service_database)


async def test_a_commit_wakes_the_relay_long_before_its_poll(
    make_relay: MakeRelay, service_database: ServiceDatabase
) -> None:
    wake, stop = asyncio.Event(), asyncio.Event()
    session = WorkerSession(
        url=service_database.url("payment", "worker"), class_id=4242, wakes={"payment_outbox": wake}
    )
    listening = asyncio.create_task(session.run(stop))
    await session.held.wait()

    async with relaying(make_relay(poll_seconds=60), wake=wake):
        await asyncio.sleep(0)
        await record(service_database.open("payment"), link_failed(new_id()))
        await run_until(lambda: nothing_left(service_database), timeout_seconds=5)

    stop.set()
    await listening


async def test_with_notifications_switched_off_the_poll_still_finds_the_row(
    make_relay: MakeRelay, service_database: ServiceDatabase
) -> None:
    role = service_database.role("payment", "app")
    await service_database.fetch(f'alter role "{role}" in database "{service_database.name}" set app.notify = \'off\'')

    async with relaying(make_relay(poll_seconds=0.1)):
        await record(service_database.open("payment"), link_failed(new_id()))
        await run_until(lambda: nothing_left(service_database), timeout_seconds=5)


async def test_a_black_holed_broker_stalls_the_relay_and_does_not_end_it(
    make_relay: MakeRelay, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    upstream = URL(broker.url)
    async with tcp_proxy(host=upstream.host or "", port=upstream.port or 5672) as proxy:
        url = str(upstream.with_host("127.0.0.1").with_port(proxy.listening_port))
        relay = make_relay(broker_url=url, publish_seconds=0.3)
        app = service_database.open("payment")
        async with relaying(relay) as (task,):
            await record(app, link_failed(new_id()))
            await run_until(lambda: nothing_left(service_database))
            proxy.black_hole()
            await record(app, *(link_failed(organization) for organization in [new_id()] for _ in range(5)))
            seen = proxy.accepted
            await run_until(lambda: proxy.accepted > seen, timeout_seconds=15)
            stalled = await unpublished(service_database)
            alive = not task.done()
            proxy.cut()
            proxy.heal()
            await run_until(lambda: nothing_left(service_database), timeout_seconds=20)

    assert alive
    assert [row["attempts"] for row in stalled] == [0] * 5


async def test_a_refusing_broker_leaves_the_events_in_the_outbox_until_it_is_back(
    make_relay: MakeRelay, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    upstream = URL(broker.url)
    async with tcp_proxy(host=upstream.host or "", port=upstream.port or 5672) as proxy:
        url = str(upstream.with_host("127.0.0.1").with_port(proxy.listening_port))
        proxy.refuse()
        async with relaying(make_relay(broker_url=url)):
            await record(service_database.open("payment"), link_failed(new_id()))
            await run_until(lambda: proxy.accepted >= 2)
            before = await unpublished(service_database)
            proxy.heal()
            await run_until(lambda: nothing_left(service_database))

    assert len(before) == 1


async def test_a_cancellation_that_nobody_asked_for_is_a_lost_connection() -> None:
    async def given_up_by_the_library() -> None:
        raise asyncio.CancelledError

    with pytest.raises(BrokerUnavailable):
        await amqp(given_up_by_the_library(), seconds=1)


async def test_a_real_cancellation_stays_one() -> None:
    started = asyncio.Event()

    async def wait_for_ever() -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(amqp(wait_for_ever(), seconds=30))
    await started.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
