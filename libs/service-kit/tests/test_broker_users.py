"""On a broker of our own: a service's user does all that its worker needs, and nothing in another service's name."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused, ProbableAuthenticationError
from contracts.catalogue import CATALOGUE, Service
from kit_tests.rows import add_effect, enveloped, link_failed, record, void_requested
from service_kit.broker import connected
from service_kit.broker_users import BrokerUsersNotMade, make_users, rights, user_name, user_url
from service_kit.handlers import InTransaction
from service_kit.identifiers import new_id
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.own_rabbitmq import OwnRabbit, free_port
from service_kit.testing.servers import port_open
from service_kit.testing.waiting import eventually, run_until
from service_kit.testing.workers import worker_running
from service_kit.topology import (
    canary_queue_name,
    canary_routing_key,
    dead_exchange_name,
    dead_queue_name,
    declare_topology,
    exchange_name,
    inbox_queue_name,
    short_name,
)
from service_kit.worker_process import WorkerConfig
from yarl import URL

PASSWORDS = {short_name(service): f"password-of-{short_name(service)}-01" for service in Service}
VOID = "invoice.void_requested.v1"
INSTANCE = "ictest_users"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRabbit]:
    own = OwnRabbit(directory=tmp_path_factory.mktemp("broker-users") / "rabbit", management_port=free_port())
    own.start()
    yield own
    own.kill()


@pytest.fixture
async def broker(node: OwnRabbit) -> AsyncIterator[KitBroker]:
    """The administrator's view of an instance with its users made."""
    await eventually(lambda: _answers(node))
    async with connected(node.url, name="administrator") as connection:
        await declare_topology(connection, instance=INSTANCE)
        await make(node)
        yield KitBroker(url=node.url, instance=INSTANCE, connection=connection)


async def _answers(node: OwnRabbit) -> bool:
    return port_open("127.0.0.1", node.management_port)


async def make(node: OwnRabbit, **changes: Any) -> None:
    values = {"api_url": node.management_url, "broker_url": node.url, "instance": INSTANCE, "passwords": PASSWORDS}
    await make_users(**{**values, **changes})


def url_of(node: OwnRabbit, service: Service, password: str = "") -> str:
    known = password or PASSWORDS[short_name(service)]
    return user_url(node.url, instance=INSTANCE, service=service, password=known)


@pytest.fixture
async def as_invoice(node: OwnRabbit, broker: KitBroker) -> AsyncIterator[Callable[[], Awaitable[AbstractChannel]]]:
    """A new channel as invoice-service's user; a refusal closes it."""
    connection = await aio_pika.connect(url_of(node, Service.INVOICE))

    async def channel() -> AbstractChannel:
        opened = connection.channel(publisher_confirms=True, on_return_raises=True)
        await opened.initialize()
        return opened

    yield channel
    await connection.close()


async def publish(channel: AbstractChannel, *, exchange: str, routing_key: str, mandatory: bool = False) -> None:
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(aio_pika.Message(b"{}"), routing_key=routing_key, mandatory=mandatory, timeout=10)


OTHERS_INBOX = inbox_queue_name(INSTANCE, Service.PAYMENT)
OWN_INBOX = inbox_queue_name(INSTANCE, Service.INVOICE)
OWN_CANARY = canary_queue_name(INSTANCE, Service.INVOICE, mark="test")
OWN, OTHERS = exchange_name(INSTANCE, Service.INVOICE), exchange_name(INSTANCE, Service.PAYMENT)
Deed = Callable[[AbstractChannel], Awaitable[Any]]


async def _queue(channel: AbstractChannel, name: str) -> Any:
    return await channel.get_queue(name, ensure=False)


async def consume(channel: AbstractChannel, name: str) -> None:
    await (await _queue(channel, name)).consume(lambda _: None)


async def take(channel: AbstractChannel, name: str) -> None:
    await (await _queue(channel, name)).get(fail=False)


async def purge(channel: AbstractChannel, name: str) -> None:
    await (await _queue(channel, name)).purge()


async def bind(channel: AbstractChannel, name: str, exchange: str, routing_key: str) -> None:
    await (await _queue(channel, name)).bind(exchange, routing_key=routing_key)


async def bind_canary(channel: AbstractChannel, exchange: str, routing_key: str) -> None:
    queue = await channel.declare_queue(OWN_CANARY, exclusive=True, auto_delete=True)
    await queue.bind(exchange, routing_key=routing_key)


FORBIDDEN: dict[str, Deed] = {
    "publish to another's exchange": lambda c: publish(c, exchange=OTHERS, routing_key="payment.received.v1"),
    "publish another's event to its own": lambda c: publish(c, exchange=OWN, routing_key="payment.received.v1"),
    "publish its event to another's": lambda c: publish(c, exchange=OTHERS, routing_key="invoice.sent.v1"),
    "publish past the exchanges": lambda c: publish(c, exchange="", routing_key=OTHERS_INBOX),
    "publish to the broker's own topic exchange": lambda c: publish(c, exchange="amq.topic", routing_key="invoice.x"),
    "publish to the dead": lambda c: publish(c, exchange=dead_exchange_name(INSTANCE), routing_key="payment"),
    "consume another's inbox": lambda c: consume(c, OTHERS_INBOX),
    "consume another's dead": lambda c: consume(c, dead_queue_name(INSTANCE, Service.PAYMENT)),
    "get from another's inbox": lambda c: take(c, OTHERS_INBOX),
    "purge another's inbox": lambda c: purge(c, OTHERS_INBOX),
    "delete another's inbox": lambda c: c.queue_delete(OTHERS_INBOX, if_unused=False, if_empty=False),
    "delete its own inbox": lambda c: c.queue_delete(OWN_INBOX, if_unused=False, if_empty=False),
    "delete its own exchange": lambda c: c.exchange_delete(OWN),
    "declare a queue": lambda c: c.declare_queue("somewhere"),
    "declare a nameless queue": lambda c: c.declare_queue(exclusive=True),
    "declare its own inbox": lambda c: c.declare_queue(OWN_INBOX, durable=True),
    "declare an exchange": lambda c: c.declare_exchange(f"{INSTANCE}.other", aio_pika.ExchangeType.TOPIC),
    "bind its inbox to more": lambda c: bind(c, OWN_INBOX, OTHERS, "payment.#"),
    "unbind its inbox": lambda c: _unbind(c),
    "listen to another's events": lambda c: bind_canary(c, OTHERS, "payment.received.v1"),
    "listen to all of its own events": lambda c: bind_canary(c, OWN, "#"),
}


async def _unbind(channel: AbstractChannel) -> None:
    await (await _queue(channel, OWN_INBOX)).unbind(OTHERS, routing_key="payment.received.v1")


@pytest.mark.parametrize("deed", FORBIDDEN)
async def test_a_service_may_not(deed: str, as_invoice: Callable[[], Awaitable[AbstractChannel]]) -> None:
    channel = await as_invoice()

    with pytest.raises(ChannelAccessRefused):
        await FORBIDDEN[deed](channel)


async def test_a_refused_message_reaches_nobody(
    as_invoice: Callable[[], Awaitable[AbstractChannel]], broker: KitBroker
) -> None:
    before = await broker.depth(OTHERS_INBOX)
    for deed in ("publish to another's exchange", "publish past the exchanges"):
        with pytest.raises(ChannelAccessRefused):
            await FORBIDDEN[deed](await as_invoice())

    assert await broker.depth(OTHERS_INBOX) == before


@pytest.mark.parametrize("service", list(Service))
async def test_a_service_may_publish_each_of_its_events(service: Service, node: OwnRabbit, broker: KitBroker) -> None:
    own = [name for name, entry in CATALOGUE.items() if entry.owner is service]
    async with connected(url_of(node, service), name="publisher") as connection:
        channel = connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.initialize()

        for event_type in own:
            await publish(channel, exchange=exchange_name(INSTANCE, service), routing_key=event_type, mandatory=True)

    assert len(own) >= 4


async def test_a_canary_is_all_that_a_service_declares(as_invoice: Callable[[], Awaitable[AbstractChannel]]) -> None:
    channel = await as_invoice()
    routing_key = canary_routing_key(Service.INVOICE, mark="test")

    await bind_canary(channel, OWN, routing_key)
    await publish(channel, exchange=OWN, routing_key=routing_key, mandatory=True)

    assert await (await _queue(channel, OWN_CANARY)).get(fail=False) is not None


async def test_a_worker_takes_in_publishes_and_is_ready_as_its_own_user(
    worker_config: Callable[..., WorkerConfig], service_database: ServiceDatabase, node: OwnRabbit, broker: KitBroker
) -> None:
    await broker.take_all(broker.inbox_queue(Service.INVOICE))
    port, envelope = free_port(), enveloped(void_requested(new_id()))
    config = worker_config(
        {VOID: InTransaction(add_effect)}, broker_url=url_of(node, Service.PAYMENT), health_port=port
    )
    async with worker_running(config), connected(url_of(node, Service.INVOICE), name="invoice") as connection:
        voice = KitBroker(url=node.url, instance=INSTANCE, connection=connection)
        await voice.send(exchange=OWN, routing_key=VOID, body=envelope.body(), headers=envelope.headers())
        await voice.send(exchange=OWN, routing_key=VOID, body=b"not JSON", headers=envelope.headers())
        await record(service_database.open("payment"), link_failed(new_id()))

        heard = await eventually(lambda: voice.take(broker.inbox_queue(Service.INVOICE)), timeout_seconds=20)
        await run_until(lambda: _worked_off(service_database), timeout_seconds=20)
        ready = await eventually(lambda: _readiness(port), timeout_seconds=20)

    assert heard is not None
    assert heard.headers["ce-type"] == "payment.link_failed.v1"
    assert "round trip" in json.dumps(ready)


async def _worked_off(database: ServiceDatabase) -> bool:
    rows = await database.fetch("select consumer, state from payment.inbox order by state")
    return {(row["consumer"], row["state"]) for row in rows} == {("payment-service", "done"), ("dead", "parked")}


async def _readiness(port: int) -> Any:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"http://127.0.0.1:{port}/readyz")
    return answer.json() if answer.status_code == 200 else None


async def test_making_them_again_narrows_what_was_widened_and_changes_the_password(
    node: OwnRabbit, broker: KitBroker
) -> None:
    wide = {"configure": ".*", "write": ".*", "read": ".*"}
    name = user_name(INSTANCE, Service.NOTIFICATION)
    auth = (URL(node.url).user or "", URL(node.url).password or "")
    async with httpx.AsyncClient(base_url=node.management_url, auth=auth, trust_env=False) as api:
        (await api.put(f"/api/permissions/%2F/{name}", json=wide)).raise_for_status()

        await make(node, passwords={**PASSWORDS, "notification": "another-password-0123"})

        found = (await api.get(f"/api/permissions/%2F/{name}")).json()
    allowed = rights(INSTANCE, Service.NOTIFICATION)
    assert (found["configure"], found["write"], found["read"]) == (allowed.configure, allowed.write, allowed.read)
    async with connected(url_of(node, Service.NOTIFICATION, "another-password-0123"), name="new"):
        pass
    with pytest.raises(ProbableAuthenticationError):
        await aio_pika.connect(url_of(node, Service.NOTIFICATION))


async def test_a_service_has_nothing_of_the_management_api(node: OwnRabbit, broker: KitBroker) -> None:
    auth = (user_name(INSTANCE, Service.INVOICE), PASSWORDS["invoice"])
    async with httpx.AsyncClient(base_url=node.management_url, auth=auth, trust_env=False) as api:
        answers = [await api.get("/api/users"), await api.get("/api/whoami"), await api.put("/api/users/x", json={})]

    assert {answer.status_code for answer in answers} == {401}


@pytest.mark.parametrize("password", ["", "short"])
async def test_a_missing_or_short_password_is_refused_by_the_name_of_its_service(
    node: OwnRabbit, password: str
) -> None:
    with pytest.raises(BrokerUsersNotMade, match="of payment is missing or too short"):
        await make(node, passwords={**PASSWORDS, "payment": password})


async def test_an_administrator_who_is_none_makes_no_user_and_no_password_is_told(
    node: OwnRabbit, broker: KitBroker
) -> None:
    with pytest.raises(BrokerUsersNotMade, match="answered 401 to /api/users/") as refused:
        await make(node, broker_url=url_of(node, Service.INVOICE))
    with pytest.raises(BrokerUsersNotMade, match="does not answer: ConnectError") as away:
        await make(node, api_url=f"http://127.0.0.1:{free_port()}")

    assert not [password for password in PASSWORDS.values() if password in f"{refused.value}{away.value}"]
