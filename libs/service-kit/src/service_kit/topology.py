"""Exchanges, queues and bindings, all derived from the catalogue; declaring them again is harmless.

Names start with the instance, so two instances on one broker never meet. The arguments are the common subset that
RabbitMQ 3.10 and 4.x understand alike; they cannot be changed later, hence the version in each queue's name. An
administrator declares them; what a service itself may do is in `broker_users`.
"""

from collections.abc import Mapping

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from contracts.catalogue import CATALOGUE, Service, subscriptions

from service_kit.broker import amqp, connected

DELIVERY_LIMIT = 50
LENGTH_MAX = 1_000_000
_STEP_SECONDS = 15


def short_name(service: Service) -> str:
    """``invoice`` for ``invoice-service``; also the name of its schema."""
    return service.value.removesuffix("-service")


def exchange_name(instance: str, service: Service) -> str:
    return f"{instance}.{short_name(service)}"


def inbox_queue_name(instance: str, service: Service) -> str:
    return f"{instance}.{short_name(service)}.inbox.v1"


def dead_exchange_name(instance: str) -> str:
    return f"{instance}.dead"


def dead_queue_name(instance: str, service: Service) -> str:
    return f"{instance}.{short_name(service)}.dead.v1"


def canary_queue_name(instance: str, service: Service, *, mark: str) -> str:
    """The private queue of one process, the only thing that a running process declares; ``mark`` tells it apart."""
    return f"{instance}.{short_name(service)}.canary.{mark}"


def canary_routing_key(service: Service, *, mark: str) -> str:
    return f"{short_name(service)}.canary.{mark}"


def inbox_queue_arguments(instance: str, service: Service) -> Mapping[str, str | int]:
    """At-least-once dead-lettering needs ``reject-publish``; with another overflow it silently becomes at-most-once."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": dead_exchange_name(instance),
        "x-dead-letter-routing-key": short_name(service),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": LENGTH_MAX,
    }


async def declare_topology(connection: AbstractConnection, *, instance: str) -> None:
    """Declare everything. A deploy step runs this before any relay starts."""
    channel = connection.channel()
    await amqp(channel.initialize(), seconds=_STEP_SECONDS)
    try:
        await amqp(
            channel.declare_exchange(dead_exchange_name(instance), aio_pika.ExchangeType.DIRECT, durable=True),
            seconds=_STEP_SECONDS,
        )
        for service in Service:
            await amqp(
                channel.declare_exchange(exchange_name(instance, service), aio_pika.ExchangeType.TOPIC, durable=True),
                seconds=_STEP_SECONDS,
            )
        for service in Service:
            await _declare_queues(channel, instance=instance, service=service)
    finally:
        await amqp(channel.close(), seconds=_STEP_SECONDS)


async def declare_at(*, broker_url: str, instance: str) -> None:
    """`declare_topology` on a connection of its own, for a command line."""
    async with connected(broker_url, name=f"{instance}-topology") as connection:
        await declare_topology(connection, instance=instance)


async def delete_topology(connection: AbstractConnection, *, instance: str) -> None:
    """Take an instance away, with every message in it. For tests and for tearing a demo down."""
    channel = connection.channel()
    await amqp(channel.initialize(), seconds=_STEP_SECONDS)
    for service in Service:
        for queue in (inbox_queue_name(instance, service), dead_queue_name(instance, service)):
            # Both conditions are on by default, and a quorum queue answers them by closing the connection.
            await amqp(channel.queue_delete(queue, if_unused=False, if_empty=False), seconds=_STEP_SECONDS)
    for exchange in (dead_exchange_name(instance), *(exchange_name(instance, service) for service in Service)):
        await amqp(channel.exchange_delete(exchange, if_unused=False), seconds=_STEP_SECONDS)
    await amqp(channel.close(), seconds=_STEP_SECONDS)


async def _declare_queues(channel: AbstractChannel, *, instance: str, service: Service) -> None:
    dead = await amqp(
        channel.declare_queue(dead_queue_name(instance, service), durable=True, arguments={"x-queue-type": "quorum"}),
        seconds=_STEP_SECONDS,
    )
    await amqp(dead.bind(dead_exchange_name(instance), routing_key=short_name(service)), seconds=_STEP_SECONDS)
    inbox = await amqp(
        channel.declare_queue(
            inbox_queue_name(instance, service),
            durable=True,
            arguments=dict(inbox_queue_arguments(instance, service)),
        ),
        seconds=_STEP_SECONDS,
    )
    for entry in subscriptions(service):
        owner = CATALOGUE[entry.event.event_type].owner
        await amqp(
            inbox.bind(exchange_name(instance, owner), routing_key=entry.event.event_type), seconds=_STEP_SECONDS
        )
