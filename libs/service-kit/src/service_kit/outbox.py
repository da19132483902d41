"""An event is one row beside the change it tells of, in the same transaction: both are committed or neither is.

The identity ``id`` is the event's sequence. It is drawn after the session was flushed, so whoever locks the aggregate's
row before recording (every action does, by changing it) gets ids in the order of the commits of that aggregate.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from contracts.catalogue import CATALOGUE, Service
from contracts.envelope import BODY_BYTES_MAX
from contracts.event import Event
from contracts.ids import format_id
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit import correlation
from service_kit.database import run_sql
from service_kit.identifiers import new_id


class EventNotOurs(ValueError):
    """A service records only the events it owns, and only those of the catalogue."""


class EventTooLarge(ValueError):
    """The event's JSON is larger than any listener accepts."""


class OutboxColumns(SQLModel):
    """The columns of ``outbox``; a service declares ``class Outbox(OutboxColumns, table=True)`` in its own registry.

    The table itself is made by `service_kit.migrating.create_outbox`.
    """

    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger)
    event_id: UUID = Field(unique=True)
    organization_id: UUID
    aggregate_id: UUID
    subject: str = Field(sa_type=sa.Text)
    type: str = Field(sa_type=sa.Text)
    payload: dict[str, Any] = Field(sa_type=JSONB)
    correlation_id: str = Field(sa_type=sa.Text)
    causation_id: str = Field(sa_type=sa.Text)
    traceparent: str = Field(sa_type=sa.Text)
    actor: str = Field(sa_type=sa.Text)
    occurred_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    published_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    attempts: int = 0
    next_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    last_error: str | None = Field(default=None, sa_type=sa.Text)


async def record_event(session: AsyncSession, table: type[OutboxColumns], event: Event, *, service: Service) -> UUID:
    """Put ``event`` into the outbox of ``service`` and return its id. Raises `EventNotOurs` or `EventTooLarge`."""
    entry = CATALOGUE.get(event.event_type)
    if entry is None or entry.owner is not service:
        raise EventNotOurs(f"{event.event_type} is not an event of {service}")
    size = len(event.model_dump_json().encode())
    if size > BODY_BYTES_MAX:
        raise EventTooLarge(f"{event.event_type} has {size} bytes; at most {BODY_BYTES_MAX} are allowed")
    await session.flush()
    event_id = new_id()
    await run_sql(session, sa.insert(table).values(**_row(event, event_id=event_id)))
    return event_id


def _row(event: Event, *, event_id: UUID) -> dict[str, object]:
    thread = correlation.current()
    return {
        "event_id": event_id,
        "organization_id": event.organization_id,
        "aggregate_id": event.aggregate_id(),
        "subject": format_id(event.aggregate[1], event.aggregate_id()),
        "type": event.event_type,
        "payload": event.model_dump(mode="json"),
        "correlation_id": thread.correlation_id,
        "causation_id": thread.causation_id,
        "traceparent": thread.traceparent,
        "actor": thread.actor,
    }
