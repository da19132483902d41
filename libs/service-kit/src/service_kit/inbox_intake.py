"""Takes messages from the broker into the inbox, and acknowledges them only when they are committed there.

The broker's callback hands the message over and returns, because the library cancels running callbacks whenever a
connection ends. Our own task inserts what has arrived as one statement, where a repeated message changes nothing. What
cannot be understood goes to the dead-letter queue; a database that is away leaves everything unacknowledged.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import sqlalchemy.exc
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from contracts.catalogue import Service, UndecodableMessage
from sqlalchemy.dialects.postgresql import insert

from service_kit import crash_points
from service_kit.broker import CONNECT_SECONDS, BrokerUnavailable, amqp, close_quietly, connect
from service_kit.database import Database, run_sql
from service_kit.health import NotReady
from service_kit.inbox import InboxColumns
from service_kit.inbox_messages import inbox_row, road_of
from service_kit.log_setup import get_logger
from service_kit.loops import DATABASE_TROUBLE, Backoff, wait_any
from service_kit.topology import inbox_queue_name

PREFETCH = 32
"""Small on purpose: in a crash loop every unacknowledged message comes one delivery closer to the limit."""
LINGER_SECONDS = 0.002
CANCEL_SECONDS = 5.0
WATCH_SECONDS = 5.0
_LOOK_SECONDS = 0.5


class InboxIntake:
    def __init__(
        self,
        *,
        service: Service,
        instance: str,
        broker_url: str,
        worker_database: Database,
        inbox: type[InboxColumns],
        arrived: asyncio.Event,
        watch_seconds: float = WATCH_SECONDS,
    ) -> None:
        self._service = service
        self._instance = instance
        self._queue_name = inbox_queue_name(instance, service)
        self._connection_name = f"{instance}-{service.value}-consume"
        self._broker_url = broker_url
        self._database = worker_database
        self._inbox = inbox
        self._arrived = arrived
        self._watch_seconds = watch_seconds
        self._watch_at = 0.0
        self._trouble = "not connected yet"
        self.connection: AbstractConnection | None = None

    async def check(self) -> str:
        """For readiness. Raises `NotReady` while no consumer runs or the database refuses what arrived."""
        if self._trouble:
            raise NotReady(self._trouble)
        return "consuming"

    async def run(self, *, stop: asyncio.Event) -> None:
        """Until ``stop``; then the consumer is cancelled first and what it already holds is finished."""
        backoff = Backoff(most_seconds=5.0)
        while not stop.is_set():
            try:
                await self._consume(stop, backoff)
            except BrokerUnavailable as trouble:
                get_logger("kit").warning("intake waits", error=str(trouble))
                self._trouble = "the broker is not reachable"
            if not stop.is_set():
                await wait_any(stop, seconds=backoff.next_seconds())

    async def close(self) -> None:
        """Close the connection; only after `run` has ended, because closing cancels callbacks."""
        connection, self.connection = self.connection, None
        await close_quietly(connection)

    async def _consume(self, stop: asyncio.Event, backoff: Backoff) -> None:
        connection = await connect(self._broker_url, name=self._connection_name)
        self.connection = connection
        try:
            channel = connection.channel()
            await amqp(channel.initialize(), seconds=CONNECT_SECONDS)
            await amqp(channel.set_qos(prefetch_count=PREFETCH), seconds=CONNECT_SECONDS)
            queue = await amqp(channel.get_queue(self._queue_name), seconds=CONNECT_SECONDS)
            consumer = _Consumer(channel, queue)
            await consumer.start()
            backoff.succeeded()
            self._trouble = ""
            await self._take(consumer, stop)
        except BaseException:
            await self.close()
            raise
        if not stop.is_set():
            await self.close()

    async def _take(self, consumer: "_Consumer", stop: asyncio.Event) -> None:
        while not stop.is_set():
            batch = await consumer.batch(stop)
            if batch:
                await self._settle(consumer, batch, stop)
            elif not stop.is_set() and not await self._watched(consumer):
                raise BrokerUnavailable("the consumer was cancelled or its channel closed")
        await consumer.cancel()
        if rest := consumer.rest():
            await self._settle(consumer, rest, stop)

    async def _watched(self, consumer: "_Consumer") -> bool:
        """Asked in idle moments: cheap each time, and the broker itself every `WATCH_SECONDS`."""
        if not await consumer.alive():
            return False
        now = asyncio.get_running_loop().time()
        if now < self._watch_at:
            return True
        self._watch_at = now + self._watch_seconds
        return await consumer.known_to_the_broker()

    async def _settle(
        self, consumer: "_Consumer", batch: Sequence[AbstractIncomingMessage], stop: asyncio.Event
    ) -> None:
        good: list[tuple[AbstractIncomingMessage, dict[str, Any]]] = []
        for message in batch:
            try:
                good.append((message, self._row(message)))
            except UndecodableMessage as reason:
                await self._bury(message, str(reason))
        if good and not await self._insert_or_wait(consumer, good, stop):
            return
        crash_points.reached("intake.before_ack")
        await consumer.acknowledge(batch)
        crash_points.reached("intake.after_ack")

    def _row(self, message: AbstractIncomingMessage) -> dict[str, Any]:
        road = road_of(exchange=message.exchange, routing_key=message.routing_key, instance=self._instance)
        return inbox_row(headers=message.headers, body=message.body, service=self._service, road=road)

    async def _insert_or_wait(
        self,
        consumer: "_Consumer",
        good: Sequence[tuple[AbstractIncomingMessage, dict[str, Any]]],
        stop: asyncio.Event,
    ) -> bool:
        """Try until the rows are committed. False when the channel or the process ends first: they will come again."""
        backoff = Backoff(most_seconds=5.0)
        while True:
            try:
                await self._insert(good)
            except DATABASE_TROUBLE as trouble:
                self._trouble = "the database does not take messages"
                get_logger("kit").warning("intake cannot insert", error=type(trouble).__name__, messages=len(good))
                if stop.is_set() or not await consumer.alive():
                    return False
                await wait_any(stop, seconds=backoff.next_seconds())
            else:
                self._trouble = ""
                self._arrived.set()
                return True

    async def _insert(self, good: Sequence[tuple[AbstractIncomingMessage, dict[str, Any]]]) -> None:
        try:
            await self._insert_rows([row for _, row in good])
        except sqlalchemy.exc.DBAPIError as refusal:
            if not _is_about_the_data(refusal):
                raise
            for message, row in good:
                await self._insert_alone(message, row)

    async def _insert_alone(self, message: AbstractIncomingMessage, row: dict[str, Any]) -> None:
        try:
            await self._insert_rows([row])
        except sqlalchemy.exc.DBAPIError as refusal:
            if not _is_about_the_data(refusal):
                raise
            await self._bury(message, "Postgres cannot store the body")

    async def _insert_rows(self, rows: list[dict[str, Any]]) -> None:
        crash_points.reached("intake.before_insert")
        async with self._database.transaction(organization_id=None) as session:
            await run_sql(session, insert(self._inbox).values(rows).on_conflict_do_nothing())
        crash_points.reached("intake.after_insert")

    async def _bury(self, message: AbstractIncomingMessage, reason: str) -> None:
        get_logger("kit").error("message buried", message_id=message.message_id, queue=self._queue_name, reason=reason)
        await amqp(message.reject(requeue=False), seconds=CONNECT_SECONDS)


class _Consumer:
    """One consumer on one channel, its handed-over messages in order, and what of them is still unsettled."""

    def __init__(self, channel: AbstractChannel, queue: AbstractQueue) -> None:
        self._channel = channel
        self._queue = queue
        self._handed: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._tag = ""
        self._settled_up_to = 0

    async def start(self) -> None:
        self._tag = await amqp(self._queue.consume(self._hand_over), seconds=CONNECT_SECONDS)

    async def cancel(self) -> None:
        await amqp(self._queue.cancel(self._tag), seconds=CANCEL_SECONDS)

    async def alive(self) -> bool:
        """The channel is open and the broker has not taken the consumer away (its queue deleted, its leader moved)."""
        if self._channel.is_closed:
            return False
        underlay = await amqp(self._channel.get_underlay_channel(), seconds=CONNECT_SECONDS)
        return self._tag in getattr(underlay, "consumers", {}) and not underlay.is_closed

    async def known_to_the_broker(self) -> bool:
        """The queue has a consumer, as the broker counts; ours would be the first to be missing."""
        seen = await amqp(
            self._channel.declare_queue(self._queue.name, durable=True, passive=True), seconds=CONNECT_SECONDS
        )
        return bool(seen.declaration_result.consumer_count)

    async def batch(self, stop: asyncio.Event) -> list[AbstractIncomingMessage]:
        """What has arrived, after a moment for more; nothing when the wait was long or ``stop`` is set."""
        if not self._handed.empty():
            return self.rest()
        getting = asyncio.ensure_future(self._handed.get())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({getting, stopping}, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not getting.done():
                getting.cancel()
        if not getting.done() or getting.cancelled():
            return []
        await asyncio.sleep(LINGER_SECONDS)
        return [getting.result(), *self.rest()]

    def rest(self) -> list[AbstractIncomingMessage]:
        messages = []
        while not self._handed.empty():
            messages.append(self._handed.get_nowait())
        return messages

    async def acknowledge(self, batch: Sequence[AbstractIncomingMessage]) -> None:
        """One ack up to the last, but only while no earlier delivery is missing from what was settled."""
        tags = sorted(message.delivery_tag or 0 for message in batch)
        pending = [message for message in batch if not message.processed]
        if tags == list(range(self._settled_up_to + 1, self._settled_up_to + 1 + len(tags))):
            pending.sort(key=lambda message: message.delivery_tag or 0)
            for last in pending[-1:]:
                await amqp(last.ack(multiple=True), seconds=CONNECT_SECONDS)
        else:
            for message in pending:
                await amqp(message.ack(), seconds=CONNECT_SECONDS)
        self._settled_up_to = max(self._settled_up_to, tags[-1])

    async def _hand_over(self, message: AbstractIncomingMessage) -> None:
        self._handed.put_nowait(message)


def _is_about_the_data(refusal: sqlalchemy.exc.DBAPIError) -> bool:
    """SQLSTATE classes 22 (data exception) and 23 (constraint): the same row would be refused for ever."""
    return str(getattr(refusal.orig, "sqlstate", "") or "")[:2] in {"22", "23"}
