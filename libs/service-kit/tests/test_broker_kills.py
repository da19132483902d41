"""A broker of our own is killed, frozen and cut off while events flow: all of them arrive, each has one effect."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from contracts.catalogue import Service
from kit_tests.rows import add_effect, enveloped, link_failed, record, void_requested
from service_kit.broker import connected
from service_kit.database import Database
from service_kit.handlers import InTransaction
from service_kit.identifiers import new_id
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.own_rabbitmq import OwnRabbit, rabbitmq_program
from service_kit.testing.waiting import run_until
from service_kit.testing.workers import worker_running
from service_kit.topology import declare_topology, exchange_name
from service_kit.worker_process import WorkerConfig

pytestmark = pytest.mark.slow
VOID = "invoice.void_requested.v1"
SETTLE_SECONDS = 10
"""A quorum queue killed within seconds of its declaration may never work again (seen on RabbitMQ 3.10)."""


@pytest.fixture
def node(tmp_path: Path) -> Any:
    rabbitmq_program()
    own = OwnRabbit(directory=tmp_path / "rabbit")
    own.start()
    yield own
    own.signal(signal.SIGCONT)
    own.kill()


@pytest.fixture
async def broker(node: OwnRabbit, instance: str) -> AsyncIterator[KitBroker]:
    async with connected(node.url, name=instance) as connection:
        await declare_topology(connection, instance=instance)
        yield KitBroker(url=node.url, instance=instance, connection=connection)


async def send_voids(database: Database, count: int) -> None:
    await record(database, *(link_failed(organization) for organization in [new_id()] for _ in range(count)))


async def unpublished(database: ServiceDatabase) -> int:
    return len(await database.fetch("select 1 from payment.outbox where published_at is null"))


async def test_events_survive_kills_and_freezes_of_the_broker(
    worker_config: Callable[..., WorkerConfig], service_database: ServiceDatabase, broker: KitBroker, node: OwnRabbit
) -> None:
    app = service_database.open("payment")
    sent: set[Any] = set()

    async def hear(count: int) -> None:
        async with connected(node.url, name="sender") as connection:
            voice = KitBroker(url=node.url, instance=broker.instance, connection=connection)
            for _ in range(count):
                envelope = enveloped(void_requested(new_id()))
                await voice.send(
                    exchange=exchange_name(broker.instance, Service.INVOICE),
                    routing_key=VOID,
                    body=envelope.body(),
                    headers=envelope.headers(),
                )
                sent.add(envelope.id)

    async with worker_running(worker_config({VOID: InTransaction(add_effect)})):
        await hear(20)
        await send_voids(app, 20)
        await asyncio.sleep(SETTLE_SECONDS)
        for fault in (signal.SIGKILL, signal.SIGSTOP):
            node.signal(fault)
            await send_voids(app, 20)
            await asyncio.sleep(12)
            if fault is signal.SIGKILL:
                await asyncio.to_thread(node.start)
            else:
                node.signal(signal.SIGCONT)
            await run_until(lambda: _is_zero(service_database), timeout_seconds=60)
            await hear(20)
        await run_until(lambda: _effects_are(service_database, len(sent)), timeout_seconds=30)

    async with connected(node.url, name="reader") as connection:
        reader = KitBroker(url=node.url, instance=broker.instance, connection=connection)
        messages = await reader.take_all(broker.inbox_queue(Service.INVOICE))
    assert len({message.message_id for message in messages}) == 60
    effects = await service_database.fetch("select event_id from payment.effects")
    assert sorted(row["event_id"] for row in effects) == sorted(sent)


async def _is_zero(database: ServiceDatabase) -> bool:
    return await unpublished(database) == 0


async def _effects_are(database: ServiceDatabase, count: int) -> bool:
    return len(await database.fetch("select 1 from payment.effects")) == count
