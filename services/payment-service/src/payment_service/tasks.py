"""The tasks this service gives itself, each with what it needs to begin; everything else is read when it runs.

Whoever gives one holds the lock of what it is about and notes that it was given, so it is given once without asking
the inbox: a conflict there would wait for the very worker that waits for our lock.
"""

from uuid import UUID

from pydantic import BaseModel, ConfigDict
from service_kit.database import run_sql
from service_kit.handlers import RetryLater
from service_kit.inbox import TASKS, enqueue_task
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.tables import Inbox

CREATE_LINK = "task.create_payment_link"
CLOSE_LINK = "task.close_payment_link"
CLOSE_STRAY_LINK = "task.close_stray_link"
REGISTER_WEBHOOK = "task.register_webhook"
APPLY_EVENT = "task.apply_stripe_event"
READ_SESSION = "task.read_checkout_session"
POLL_CONNECTION = "task.poll_connection"


_FOR_EVER_SECONDS = 100 * 365 * 86400.0


def not_now(reason: str, *, after_seconds: float | None = None) -> RetryLater:
    """For trouble that its owner may end after weeks: the task is tried again as long as it takes, and never parks."""
    return RetryLater(reason, after_seconds=after_seconds, give_up_after_seconds=_FOR_EVER_SECONDS)


class Task(BaseModel):
    model_config = ConfigDict(frozen=True)


class LinkTask(Task):
    invoice_id: UUID
    link_id: UUID


class StrayLinkTask(Task):
    """A link at Stripe that no row of ours names."""

    connection_id: UUID
    stripe_link_id: str


class ConnectionTask(Task):
    connection_id: UUID


class EventTask(Task):
    event_row_id: UUID


class SessionTask(Task):
    connection_id: UUID
    session_id: str


async def give_link_task(session: AsyncSession, *, organization_id: UUID, task_type: str, about: LinkTask) -> None:
    await enqueue_task(
        session,
        Inbox,
        task_type=task_type,
        organization_id=organization_id,
        payload=about,
    )


async def give_stray_link_task(session: AsyncSession, *, organization_id: UUID, about: StrayLinkTask) -> None:
    await enqueue_task(session, Inbox, task_type=CLOSE_STRAY_LINK, organization_id=organization_id, payload=about)


async def give_connection_task(
    session: AsyncSession, *, organization_id: UUID, task_type: str, connection_id: UUID
) -> None:
    await enqueue_task(
        session,
        Inbox,
        task_type=task_type,
        organization_id=organization_id,
        payload=ConnectionTask(connection_id=connection_id),
    )


async def revive_connection_task(
    session: AsyncSession, *, organization_id: UUID, task_type: str, connection_id: UUID
) -> None:
    """Set the connection's parked task going again. A row that is not parked is not touched, so no worker is waited
    for."""
    await run_sql(
        session,
        """
        update inbox set state = 'ready', next_at = app_now(), attempts = 0, sweeps = 0, park_reason = null,
               parked_at = null, first_failed_at = null, first_error = null, last_error = null
         where consumer = :consumer and type = :task_type and state = 'parked' and organization_id = :organization_id
           and payload ->> 'connection_id' = :connection_id
        """,
        {
            "consumer": TASKS,
            "task_type": task_type,
            "organization_id": organization_id,
            "connection_id": str(connection_id),
        },
    )


async def give_event_task(session: AsyncSession, *, organization_id: UUID, event_row_id: UUID) -> None:
    await enqueue_task(
        session,
        Inbox,
        task_type=APPLY_EVENT,
        organization_id=organization_id,
        payload=EventTask(event_row_id=event_row_id),
        task_id=event_row_id,
    )


async def give_session_task(session: AsyncSession, *, organization_id: UUID, about: SessionTask) -> None:
    await enqueue_task(session, Inbox, task_type=READ_SESSION, organization_id=organization_id, payload=about)
