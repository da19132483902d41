"""One test's own names on a real broker, and a look into its queues."""

import secrets
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from contracts.catalogue import Service

from service_kit.broker import amqp
from service_kit.topology import dead_queue_name, inbox_queue_name

_SECONDS = 10


@dataclass
class KitBroker:
    """``instance`` is declared on the broker at ``url`` and taken away after the test."""

    url: str
    instance: str
    connection: AbstractConnection

    async def depth(self, queue: str) -> int:
        """Messages ready in ``queue``; what a consumer holds unacknowledged is not counted."""
        channel = self.connection.channel()
        await amqp(channel.initialize(), seconds=_SECONDS)
        try:
            declared = await amqp(channel.declare_queue(queue, durable=True, passive=True), seconds=_SECONDS)
            return int(declared.declaration_result.message_count or 0)
        finally:
            await amqp(channel.close(), seconds=_SECONDS)

    async def take(self, queue: str) -> AbstractIncomingMessage | None:
        """Take one message out of ``queue``, acknowledged."""
        channel = self.connection.channel()
        await amqp(channel.initialize(), seconds=_SECONDS)
        try:
            source = await amqp(channel.get_queue(queue, ensure=False), seconds=_SECONDS)
            return await amqp(source.get(no_ack=True, fail=False), seconds=_SECONDS)
        finally:
            await amqp(channel.close(), seconds=_SECONDS)

    async def take_all(self, queue: str) -> list[AbstractIncomingMessage]:
        """Everything that is ready in ``queue``, in its order, acknowledged."""
        channel = self.connection.channel()
        await amqp(channel.initialize(), seconds=_SECONDS)
        try:
            source = await amqp(channel.get_queue(queue, ensure=False), seconds=_SECONDS)
            taken = []
            while (message := await amqp(source.get(no_ack=True, fail=False), seconds=_SECONDS)) is not None:
                taken.append(message)
            return taken
        finally:
            await amqp(channel.close(), seconds=_SECONDS)

    async def send(
        self, *, exchange: str, routing_key: str, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        """Publish raw bytes, confirmed: what a broken or hostile publisher would send."""
        channel = self.connection.channel(publisher_confirms=True, on_return_raises=True)
        await amqp(channel.initialize(), seconds=_SECONDS)
        try:
            target = await amqp(channel.get_exchange(exchange, ensure=False), seconds=_SECONDS)
            message = aio_pika.Message(
                body,
                headers={**(headers or {})},
                message_id=secrets.token_hex(8),
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            await amqp(target.publish(message, routing_key=routing_key, mandatory=True), seconds=_SECONDS)
        finally:
            await amqp(channel.close(), seconds=_SECONDS)

    def inbox_queue(self, service: Service) -> str:
        return inbox_queue_name(self.instance, service)

    def dead_queue(self, service: Service) -> str:
        return dead_queue_name(self.instance, service)
