"""Connections to RabbitMQ that never hang and never lie about why they failed.

Every wait has a limit. The library cancels our awaits when it gives a connection up, with a ``CancelledError`` that
nobody asked for; `amqp` tells it from a real cancellation and raises `BrokerUnavailable` instead: a loop survives it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPException, DeliveryError
from yarl import URL

from service_kit.errors import Unavailable

HEARTBEAT_SECONDS = 10
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 5.0

Result = TypeVar("Result")


class BrokerUnavailable(Unavailable):
    """The broker does not answer, or the connection to it is gone. Whether the last request took effect is unknown."""


class MessageRefused(Exception):
    """The broker answered: this message goes nowhere (unroutable, or refused by a full queue)."""


async def amqp(work: Awaitable[Result], *, seconds: float) -> Result:
    """Await one AMQP request for at most ``seconds``. Raises `BrokerUnavailable` or `MessageRefused`."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling() > 0:
            raise
        raise BrokerUnavailable("the connection to the broker was given up") from None
    except DeliveryError as refused:
        raise MessageRefused(type(refused).__name__) from refused
    except TimeoutError:
        raise BrokerUnavailable(f"the broker did not answer within {seconds:g} s") from None
    except (AMQPException, OSError, EOFError, RuntimeError, asyncio.InvalidStateError) as problem:
        raise BrokerUnavailable(f"the broker is not reachable: {type(problem).__name__}") from problem


async def connect(broker_url: str, *, name: str) -> AbstractConnection:
    """One plain connection. It does not reconnect by itself: its owner's loop does, so that nothing waits unseen."""
    url = URL(broker_url).update_query(heartbeat=str(HEARTBEAT_SECONDS), name=name)
    return await amqp(aio_pika.connect(url, timeout=CONNECT_SECONDS), seconds=CONNECT_SECONDS)


@asynccontextmanager
async def connected(broker_url: str, *, name: str) -> AsyncIterator[AbstractConnection]:
    connection = await connect(broker_url, name=name)
    try:
        yield connection
    finally:
        await close_quietly(connection)


async def close_quietly(connection: AbstractConnection | AbstractChannel | None) -> None:
    """Close what may be closed, broken or black-holed already; never raises and never waits long."""
    if connection is None:
        return
    with contextlib.suppress(BrokerUnavailable):
        await amqp(connection.close(), seconds=CLOSE_SECONDS)


class Publisher:
    """One connection and one confirming channel, made when first needed and thrown away at the first trouble."""

    def __init__(self, *, broker_url: str, name: str) -> None:
        self._broker_url = broker_url
        self._name = name
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._opening = asyncio.Lock()

    async def publish(
        self, message: aio_pika.Message, *, exchange: str, routing_key: str, mandatory: bool, seconds: float
    ) -> None:
        """Return once the broker has confirmed. Raises `MessageRefused`, or `BrokerUnavailable`: nobody can tell."""
        channel = await self._open_channel()
        try:
            await amqp(_published(channel, message, exchange, routing_key, mandatory), seconds=seconds)
        except BrokerUnavailable:
            await self._forget(channel)
            raise

    async def ready(self) -> None:
        """Connect now if there is no connection. Raises `BrokerUnavailable`."""
        await self._open_channel()

    async def close(self) -> None:
        if self._channel is not None:
            await self._forget(self._channel)

    async def _forget(self, channel: AbstractChannel) -> None:
        """Drop the connection of ``channel``, unless another caller has already replaced it."""
        if channel is self._channel:
            connection, self._connection, self._channel = self._connection, None, None
            await close_quietly(connection)

    async def _open_channel(self) -> AbstractChannel:
        async with self._opening:
            channel = self._channel
            if channel is not None and not channel.is_closed:
                return channel
            stale, self._connection, self._channel = self._connection, None, None
            await close_quietly(stale)
            self._connection, self._channel = await self._connect()
            return self._channel

    async def _connect(self) -> tuple[AbstractConnection, AbstractChannel]:
        connection = await connect(self._broker_url, name=self._name)
        try:
            # Without on_return_raises an unroutable message would look delivered.
            channel = connection.channel(publisher_confirms=True, on_return_raises=True)
            await amqp(channel.initialize(), seconds=CONNECT_SECONDS)
        except BaseException:
            await close_quietly(connection)
            raise
        return connection, channel


async def _published(
    channel: AbstractChannel, message: aio_pika.Message, exchange: str, routing_key: str, mandatory: bool
) -> None:
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(message, routing_key=routing_key, mandatory=mandatory)
