"""Carries events from the outbox to the broker: at least once, and those of one aggregate never out of order.

A row may go only when no earlier row of its aggregate is unpublished, and it is locked while it goes, so any number of
relays work side by side. A crash unlocks; the event goes again with the same id, and the listener's inbox knows it.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aio_pika
import sqlalchemy as sa
from contracts.catalogue import CATALOGUE, Service
from contracts.envelope import CONTENT_TYPE, Envelope, event_source
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit import crash_points
from service_kit.broker import BrokerUnavailable, MessageRefused, Publisher
from service_kit.database import Database, run_sql
from service_kit.log_setup import get_logger
from service_kit.loops import OUTSIDE_TROUBLE, Backoff, wait_any
from service_kit.topology import exchange_name

BATCH_MAX = 200
PUBLISH_SECONDS = 8.0
REFUSED_DELAY_SECONDS_MAX = 60
_IDLE_IN_TRANSACTION = "20s"

_CLAIM = """
select o.id, o.event_id, o.organization_id, o.subject, o.type, o.payload, o.occurred_at, o.correlation_id,
       o.causation_id, o.traceparent
  from outbox o
 where o.published_at is null and o.next_at <= app_now()
   and not exists (select 1 from outbox earlier
                    where earlier.aggregate_id = o.aggregate_id and earlier.published_at is null and earlier.id < o.id)
 order by o.id limit :batch_max for update of o skip locked
"""
_CONFIRMED = "update outbox set published_at = app_now(), last_error = null where id = any(:ids)"
_FAILED = """
update outbox set attempts = attempts + 1, last_error = :error,
       next_at = app_now() + random() * least(:delay_max, power(2, least(attempts, 20))) * interval '1 second'
 where id = :id
"""


@dataclass(frozen=True)
class _Outcome:
    id: int
    error: str = ""
    answered: bool = True
    """False when the broker said nothing, neither yes nor no."""


class OutboxRelay:
    def __init__(
        self,
        *,
        service: Service,
        instance: str,
        worker_database: Database,
        publisher: Publisher,
        poll_seconds: float = 1.0,
        publish_seconds: float = PUBLISH_SECONDS,
    ) -> None:
        self._service = service
        self._instance = instance
        self._database = worker_database
        self._publisher = publisher
        self._poll_seconds = poll_seconds
        self._publish_seconds = publish_seconds

    async def run(self, *, wake: asyncio.Event, stop: asyncio.Event) -> None:
        """Until ``stop``; a batch that has begun is finished."""
        backoff = Backoff()
        while not stop.is_set():
            wake.clear()
            try:
                claimed = await self.relay_batch()
            except OUTSIDE_TROUBLE as trouble:
                get_logger("kit").warning("relay waits", error=f"{type(trouble).__name__}: {trouble}")
                await wait_any(stop, seconds=backoff.next_seconds())
                continue
            backoff.succeeded()
            if claimed == 0:
                await wait_any(wake, stop, seconds=self._poll_seconds)

    async def relay_batch(self) -> int:
        """Publish what may go now; how many rows were tried. Raises `BrokerUnavailable` when it said nothing."""
        await self._publisher.ready()
        async with self._database.transaction(organization_id=None) as session:
            await run_sql(session, f"set local idle_in_transaction_session_timeout = '{_IDLE_IN_TRANSACTION}'")
            rows = (await run_sql(session, _CLAIM, {"batch_max": BATCH_MAX})).all()
            if not rows:
                return 0
            crash_points.reached("relay.after_claim")
            outcomes = await asyncio.gather(*(self._publish(row) for row in rows))
            crash_points.reached("relay.before_mark")
            await self._mark(session, outcomes)
        crash_points.reached("relay.after_mark")
        if not any(outcome.answered for outcome in outcomes):
            raise BrokerUnavailable(outcomes[0].error)
        return len(rows)

    async def _publish(self, row: sa.Row[Any]) -> _Outcome:
        crash_points.reached("relay.before_publish")
        try:
            await self._publisher.publish(
                message_of(row, service=self._service),
                exchange=exchange_name(self._instance, self._service),
                routing_key=row.type,
                mandatory=bool(CATALOGUE[row.type].subscribers),
                seconds=self._publish_seconds,
            )
        except MessageRefused as refused:
            get_logger("kit").warning("event refused by the broker", event_id=str(row.event_id), error=str(refused))
            return _Outcome(row.id, error=f"refused: {refused}")
        except BrokerUnavailable as trouble:
            return _Outcome(row.id, error=str(trouble), answered=False)
        except KeyError:
            return _Outcome(row.id, error="the type is not in this version's catalogue")
        crash_points.reached("relay.after_confirm")
        return _Outcome(row.id)

    async def _mark(self, session: AsyncSession, outcomes: Sequence[_Outcome]) -> None:
        """A row waits longer only when the broker answers others: when it is away as a whole, no row is to blame."""
        if not any(outcome.answered for outcome in outcomes):
            return
        confirmed = [outcome.id for outcome in outcomes if not outcome.error]
        if confirmed:
            await run_sql(session, _CONFIRMED, {"ids": confirmed})
        for outcome in outcomes:
            if outcome.error:
                values = {"id": outcome.id, "error": outcome.error, "delay_max": REFUSED_DELAY_SECONDS_MAX}
                await run_sql(session, _FAILED, values)


def message_of(row: sa.Row[Any], *, service: Service) -> aio_pika.Message:
    """The row as a message. Its body is the stored JSON untouched, so an older relay drops no newer field."""
    attributes: dict[str, Any] = {
        "id": row.event_id,
        "source": event_source(service.value),
        "type": row.type,
        "subject": row.subject,
        "time": row.occurred_at,
        "organizationid": row.organization_id,
        "correlationid": row.correlation_id,
        "causationid": row.causation_id,
        "traceparent": row.traceparent,
        "sequence": row.id,
    }
    return aio_pika.Message(
        json.dumps(row.payload, ensure_ascii=False, separators=(",", ":")).encode(),
        headers={**Envelope.model_construct(**attributes).headers()},
        content_type=CONTENT_TYPE,
        message_id=str(row.event_id),
        type=row.type,
        timestamp=row.occurred_at,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
