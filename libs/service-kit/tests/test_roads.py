"""An event is believed only if it came by its owner's exchange under its own type, whatever its headers say."""

import asyncio

import pytest
from contracts.catalogue import Service, UndecodableMessage
from contracts.envelope import Envelope
from kit_tests.rows import Inbox, enveloped, link_failed
from service_kit.database import Database
from service_kit.dead_letters import DeadLetters
from service_kit.identifiers import new_id
from service_kit.inbox_intake import InboxIntake
from service_kit.parked import ParkedRow, list_parked, replay_parked
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from service_kit.topology import exchange_name, inbox_queue_name

LINK_FAILED = "payment.link_failed.v1"
FORGED = {
    "by another service's exchange": (Service.NOTIFICATION, "notification.email_sent.v1"),
    "under another type of its owner": (Service.PAYMENT, "payment.received.v1"),
    "past the exchanges": (None, ""),
}


async def said_by_payment_service(broker: KitBroker, *envelopes: Envelope, by: str = "", key: str = "") -> None:
    for envelope in envelopes:
        await broker.send(
            exchange=exchange_name(broker.instance, Service.PAYMENT) if not key else by,
            routing_key=key or LINK_FAILED,
            body=envelope.body(),
            headers=envelope.headers(),
        )


def event() -> Envelope:
    return enveloped(link_failed(new_id()), service=Service.PAYMENT)


async def taken_in(broker: KitBroker, worker: Database, database: ServiceDatabase, *, dead: int) -> None:
    """Work off what invoice-service was sent, until ``dead`` letters have come home too."""
    stop = asyncio.Event()
    intake = InboxIntake(
        service=Service.INVOICE,
        instance=broker.instance,
        broker_url=broker.url,
        worker_database=worker,
        inbox=Inbox,
        arrived=asyncio.Event(),
    )
    letters = DeadLetters(
        service=Service.INVOICE,
        instance=broker.instance,
        worker_database=worker,
        inbox=Inbox,
        intake=intake,
        look_seconds=0.05,
    )
    parts = [asyncio.create_task(intake.run(stop=stop)), asyncio.create_task(letters.run(stop))]

    async def all_there() -> bool:
        rows = await database.fetch("select consumer from payment.inbox")
        return [row["consumer"] for row in rows].count("dead") == dead and len(rows) == dead + 1

    await run_until(all_there)
    stop.set()
    await asyncio.gather(*parts)
    await intake.close()


@pytest.mark.parametrize("way", FORGED)
async def test_a_forged_event_is_never_worked_off_not_even_by_replaying_it(
    way: str, broker: KitBroker, service_database: ServiceDatabase
) -> None:
    forger, key = FORGED[way]
    worker, genuine, forged = service_database.open("payment", "worker"), event(), event()
    exchange = exchange_name(broker.instance, forger) if forger else ""

    await said_by_payment_service(
        broker, forged, by=exchange, key=key or inbox_queue_name(broker.instance, Service.INVOICE)
    )
    await said_by_payment_service(broker, genuine)
    await taken_in(broker, worker, service_database, dead=1)

    (parked,) = await parked_rows(worker)
    assert "did not come by the exchange of its owner" in parked.park_reason
    with pytest.raises(UndecodableMessage):
        await replay(worker, parked)
    rows = await service_database.fetch("select event_id from payment.inbox where consumer <> 'dead'")
    assert [row["event_id"] for row in rows] == [genuine.id]


async def parked_rows(worker: Database) -> list[ParkedRow]:
    async with worker.transaction(organization_id=None) as session:
        return await list_parked(session)


async def replay(worker: Database, parked: ParkedRow) -> None:
    async with worker.transaction(organization_id=None) as session:
        await replay_parked(session, Inbox, event_ids=[parked.event_id], service=Service.INVOICE)
