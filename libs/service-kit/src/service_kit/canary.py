"""Proof that the broker works for this process: a message published, confirmed and consumed again, on a private queue.

A declare that succeeds proves nothing, and a connection that is open may lead nowhere; a round trip shows both ways. It
goes through the service's own exchange, so it needs no right to the default one, which leads into everybody's queues.
"""

import asyncio
from typing import Protocol

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from contracts.catalogue import Service

from service_kit.broker import CONNECT_SECONDS, BrokerUnavailable, MessageRefused, Publisher, amqp, close_quietly
from service_kit.health import NotReady
from service_kit.identifiers import new_id
from service_kit.topology import canary_queue_name, canary_routing_key, exchange_name

BUDGET_SECONDS = 1.8


class HasConnection(Protocol):
    @property
    def connection(self) -> AbstractConnection | None: ...


class Canary:
    """Publishes with ``publisher`` and consumes on the connection that ``intake`` currently has."""

    def __init__(self, *, service: Service, instance: str, publisher: Publisher, intake: HasConnection) -> None:
        self._service = service
        self._instance = instance
        self._exchange = exchange_name(instance, service)
        self._publisher = publisher
        self._intake = intake
        self._home: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._routing_key = ""
        self._expected: dict[str, asyncio.Future[None]] = {}
        self._settling = asyncio.Lock()

    async def check(self) -> str:
        """For readiness. Raises `NotReady`."""
        connection = self._intake.connection
        if connection is None or connection.is_closed:
            raise NotReady("no connection to consume on")
        try:
            await self._settle_on(connection)
            loop = asyncio.get_running_loop()
            started = loop.time()
            await self._round_trip(loop.create_future())
        except (BrokerUnavailable, MessageRefused, TimeoutError) as trouble:
            self._home = None
            await close_quietly(self._channel)
            raise NotReady(f"no round trip: {trouble}") from trouble
        return f"round trip in {(loop.time() - started) * 1000:.0f} ms"

    async def _round_trip(self, seen: "asyncio.Future[None]") -> None:
        nonce = new_id().hex
        self._expected[nonce] = seen
        try:
            async with asyncio.timeout(BUDGET_SECONDS):
                await self._publisher.publish(
                    aio_pika.Message(b"", message_id=nonce),
                    exchange=self._exchange,
                    routing_key=self._routing_key,
                    mandatory=True,
                    seconds=BUDGET_SECONDS,
                )
                await seen
        finally:
            self._expected.pop(nonce, None)

    async def _settle_on(self, connection: AbstractConnection) -> None:
        async with self._settling:
            if connection is self._home:
                return
            channel = connection.channel()
            await amqp(channel.initialize(), seconds=CONNECT_SECONDS)
            mark = new_id().hex
            name = canary_queue_name(self._instance, self._service, mark=mark)
            routing_key = canary_routing_key(self._service, mark=mark)
            # Exclusive, so that it goes with the connection and every version of the broker accepts it.
            queue = await amqp(channel.declare_queue(name, exclusive=True, auto_delete=True), seconds=CONNECT_SECONDS)
            await amqp(queue.bind(self._exchange, routing_key=routing_key), seconds=CONNECT_SECONDS)
            await amqp(queue.consume(self._seen, no_ack=True), seconds=CONNECT_SECONDS)
            self._home, self._channel, self._routing_key = connection, channel, routing_key

    async def _seen(self, message: AbstractIncomingMessage) -> None:
        waiting = self._expected.get(message.message_id or "")
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
