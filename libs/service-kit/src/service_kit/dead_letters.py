"""Brings what was dead-lettered home: each message becomes a parked row of consumer ``dead``, to be seen and replayed.

Only what cannot be decoded, or what made intake crash again and again, ever gets there. A message is acknowledged when
its row is committed; seen twice, it is the same row.
"""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from contracts.catalogue import Service, UndecodableMessage
from sqlalchemy.dialects.postgresql import insert

from service_kit.broker import CONNECT_SECONDS, amqp, close_quietly
from service_kit.database import Database, run_sql
from service_kit.inbox import DEAD, InboxColumns
from service_kit.inbox_messages import Road, inbox_row, road_of
from service_kit.log_setup import get_logger
from service_kit.loops import OUTSIDE_TROUBLE, wait_any
from service_kit.topology import dead_queue_name, inbox_queue_name

LOOK_SECONDS = 5.0
KEPT_BYTES_MAX = 1_048_576
"""Of a longer body only this much is kept; it could not be replayed anyway."""


class HasConnection(Protocol):
    @property
    def connection(self) -> AbstractConnection | None: ...


class DeadLetters:
    def __init__(
        self,
        *,
        service: Service,
        instance: str,
        worker_database: Database,
        inbox: type[InboxColumns],
        intake: HasConnection,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._service = service
        self._instance = instance
        self._queue_name = dead_queue_name(instance, service)
        self._database = worker_database
        self._inbox = inbox
        self._intake = intake
        self._look_seconds = look_seconds

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.import_all()
            except OUTSIDE_TROUBLE as trouble:
                get_logger("kit").warning("dead letters wait", error=type(trouble).__name__)
            await wait_any(stop, seconds=self._look_seconds)

    async def import_all(self) -> int:
        """Import what is there now; how many. Nothing while intake has no connection."""
        connection = self._intake.connection
        if connection is None or connection.is_closed:
            return 0
        channel = connection.channel()
        try:
            await amqp(channel.initialize(), seconds=CONNECT_SECONDS)
            queue = await amqp(channel.get_queue(self._queue_name), seconds=CONNECT_SECONDS)
            count = 0
            while (message := await amqp(queue.get(fail=False), seconds=CONNECT_SECONDS)) is not None:
                await self._import(message)
                count += 1
            return count
        finally:
            await close_quietly(channel)

    async def _import(self, message: AbstractIncomingMessage) -> None:
        row = {**parked_row(message, service=self._service, instance=self._instance), "parked_at": sa.func.app_now()}
        async with self._database.transaction(organization_id=None) as session:
            await run_sql(session, insert(self._inbox).values(row).on_conflict_do_nothing())
        await amqp(message.ack(), seconds=CONNECT_SECONDS)


def parked_row(message: AbstractIncomingMessage, *, service: Service, instance: str) -> dict[str, Any]:
    """Headers and body as they came, under an id that is the same each time the same message is read."""
    road = _road_before_death(message, service=service, instance=instance)
    digest = hashlib.sha256(message.body).hexdigest()
    return {
        "consumer": DEAD,
        "event_id": uuid5(NAMESPACE_URL, f"{message.message_id}:{digest}"),
        "type": str(message.headers.get("ce-type", message.type or "unknown"))[:200],
        "payload": {
            "headers": {name: str(value) for name, value in message.headers.items()},
            "road": {"exchange_of": road.exchange_of, "routing_key": road.routing_key},
            "message_id": str(message.message_id),
            "body_base64": base64.b64encode(message.body[:KEPT_BYTES_MAX]).decode(),
            "body_bytes": len(message.body),
        },
        "correlation_id": "",
        "causation_id": "",
        "traceparent": "",
        "actor": "broker",
        "state": "parked",
        "park_reason": f"dead-lettered: {_reason(message, service=service, road=road)}",
    }


def read_again(payload: Mapping[str, Any], *, service: Service) -> dict[str, Any]:
    """The inbox row of a dead message as this version understands it. Raises `UndecodableMessage`."""
    road = Road(**payload["road"]) if "road" in payload else None
    body = base64.b64decode(payload["body_base64"])
    return inbox_row(headers=payload["headers"], body=body, service=service, road=road)


def _road_before_death(message: AbstractIncomingMessage, *, service: Service, instance: str) -> Road:
    """From the header that the broker adds when it moves a message out of a queue."""
    deaths = message.headers.get("x-death")
    for death in deaths if isinstance(deaths, list) else []:
        if isinstance(death, dict) and death.get("queue") == inbox_queue_name(instance, service):
            keys = death.get("routing-keys")
            first = str(keys[0]) if isinstance(keys, list) and keys else ""
            return road_of(exchange=str(death.get("exchange")), routing_key=first, instance=instance)
    return Road(exchange_of="", routing_key="")


def _reason(message: AbstractIncomingMessage, *, service: Service, road: Road) -> str:
    try:
        inbox_row(headers=message.headers, body=message.body, service=service, road=road)
    except UndecodableMessage as reason:
        return str(reason)
    return "it can be read, but intake did not survive it or Postgres refused it"
