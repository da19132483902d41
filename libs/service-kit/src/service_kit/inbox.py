"""Everything a service has to do is a row here: each event it received and each task it gave itself.

The primary key (consumer, event_id) is what makes a message that comes twice one row, whatever the broker does.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit import correlation
from service_kit.database import run_sql
from service_kit.identifiers import new_id

TASKS = "tasks"
"""The consumer of rows that a service enqueued for itself."""
DEAD = "dead"
"""The consumer of messages that came back from the dead-letter queue; always parked."""


class InboxColumns(SQLModel):
    """The columns of ``inbox``; a service declares ``class Inbox(InboxColumns, table=True)`` in its own registry.

    States: ``ready`` → ``leased`` → ``done`` | ``parked``. The table is made by `service_kit.migrating.create_inbox`.
    """

    consumer: str = Field(primary_key=True, sa_type=sa.Text)
    event_id: UUID = Field(primary_key=True)
    organization_id: UUID | None = None
    type: str = Field(sa_type=sa.Text)
    payload: dict[str, Any] = Field(sa_type=JSONB)
    sequence: int | None = Field(default=None, sa_type=sa.BigInteger)
    correlation_id: str = Field(sa_type=sa.Text)
    causation_id: str = Field(sa_type=sa.Text)
    traceparent: str = Field(sa_type=sa.Text)
    actor: str = Field(sa_type=sa.Text)
    received_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    state: str = Field(default="ready", sa_type=sa.Text)
    attempts: int = 0
    sweeps: int = 0
    next_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    lease_token: UUID | None = None
    lease_until: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    worker_id: int | None = None
    first_failed_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    first_error: str | None = Field(default=None, sa_type=sa.Text)
    last_error: str | None = Field(default=None, sa_type=sa.Text)
    park_reason: str | None = Field(default=None, sa_type=sa.Text)
    parked_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))
    done_at: datetime | None = Field(default=None, sa_type=sa.DateTime(timezone=True))


async def enqueue_task(
    session: AsyncSession,
    table: type[InboxColumns],
    *,
    task_type: str,
    organization_id: UUID | None,
    payload: Mapping[str, Any] | BaseModel,
    task_id: UUID | None = None,
    due_in_seconds: float = 0,
) -> UUID:
    """Give ourselves a task, committed with the caller's change. The same ``task_id`` a second time changes nothing."""
    identifier = task_id or new_id()
    thread = correlation.current()
    content = payload.model_dump(mode="json") if isinstance(payload, BaseModel) else dict(payload)
    await session.flush()
    await run_sql(
        session,
        insert(table)
        .values(
            consumer=TASKS,
            event_id=identifier,
            organization_id=organization_id,
            type=task_type,
            payload=content,
            correlation_id=thread.correlation_id,
            causation_id=thread.causation_id,
            traceparent=thread.traceparent,
            actor=thread.actor,
            next_at=sa.text("app_now() + make_interval(secs => :due_in_seconds)").bindparams(
                due_in_seconds=float(due_in_seconds)
            ),
        )
        .on_conflict_do_nothing(),
    )
    return identifier
