"""Ask Stripe what happened, in case no webhook told: events since the last look, and sessions of links still open.

Both go into the same rows as webhooks do, so whichever comes first counts and the other changes nothing. With no
webhook at all a payment is known one poll later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from service_kit import crash_points
from service_kit.database import app_now
from service_kit.handlers import OutsideWork
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.actions.describe_connection import note_health, note_trouble
from payment_service.actions.heed_failure import trouble_of
from payment_service.actions.open_access import access_for_task
from payment_service.actions.receive_webhook import keep_event, new_event_row
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.domain.stripe_events import (
    EVENT_TYPES_PER_LIST_MAX,
    SUBSCRIBED_EVENTS,
    MalformedStripeEvent,
    read_envelope,
)
from payment_service.domain.stripe_objects import EventAtStripe, SessionAtStripe
from payment_service.organization import organization_of
from payment_service.queries.connections import connection as connection_by_id
from payment_service.queries.connections import lock_standing
from payment_service.queries.links import links_to_read, note_sessions_read, settled_sessions
from payment_service.stripe_door import StripeAccess
from payment_service.stripe_setup import StripeSetup
from payment_service.tables import Connection, PaymentLink
from payment_service.tasks import ConnectionTask, SessionTask, give_session_task

OVERLAP_SECONDS = 2 * 3600
"""Events appear in Stripe's list a little late and out of order."""
LINKS_PER_POLL_MAX = 100


@dataclass(frozen=True)
class _Reserved:
    connection: Connection
    access: StripeAccess
    links: Sequence[PaymentLink]
    settled: set[str]
    events_from: int


@dataclass(frozen=True)
class _Findings:
    events: Sequence[EventAtStripe]
    session_ids: Sequence[str]


async def poll_connection(work: OutsideWork, *, setup: StripeSetup) -> None:
    organization_id = organization_of(work.delivery)
    connection_id = ConnectionTask.model_validate(work.delivery.payload).connection_id
    async with work.transaction() as session:
        reserved = await _reserve(session, organization_id, connection_id, setup)
    if reserved is None:
        async with work.completion():
            get_logger().info("the connection was replaced, polling ends", connection_id=str(connection_id))
            return
    try:
        findings = await _look(setup, reserved)
    except StripeFailure as failure:
        await _after_failure(work, setup, organization_id, connection_id, failure)
        return
    crash_points.reached("payment.before_poll_record")
    async with work.completion(again_in_seconds=setup.poll_seconds) as session:
        await _record(session, reserved, findings)


async def _reserve(
    session: AsyncSession, organization_id: UUID, connection_id: UUID, setup: StripeSetup
) -> _Reserved | None:
    standing = await lock_standing(session, organization_id=organization_id)
    if standing is None or standing.connection_id != connection_id:
        return None
    connection = await connection_by_id(session, organization_id=organization_id, connection_id=connection_id)
    links = await links_to_read(
        session, organization_id=organization_id, connection_id=connection_id, count_max=LINKS_PER_POLL_MAX
    )
    seen_until = connection.events_seen_until or int(connection.created_at.timestamp())
    return _Reserved(
        connection=connection,
        access=await access_for_task(session, connection=connection, keyring=setup.keyring),
        links=links,
        settled=await settled_sessions(session, organization_id=organization_id, link_ids=[link.id for link in links]),
        events_from=seen_until - OVERLAP_SECONDS,
    )


async def _look(setup: StripeSetup, reserved: _Reserved) -> _Findings:
    crash_points.reached("payment.before_poll_call")
    events = []
    for start in range(0, len(SUBSCRIBED_EVENTS), EVENT_TYPES_PER_LIST_MAX):
        types = SUBSCRIBED_EVENTS[start : start + EVENT_TYPES_PER_LIST_MAX]
        found = setup.door.events_since(reserved.access, event_types=types, created_from=reserved.events_from)
        events += [event async for event in found]
    session_ids = []
    for link in reserved.links:
        complete = await _complete_sessions(setup, reserved.access, link.stripe_link_id or "")
        session_ids += [seen.id for seen in complete if seen.id not in reserved.settled]
    return _Findings(events=events, session_ids=session_ids)


async def _complete_sessions(
    setup: StripeSetup, access: StripeAccess, stripe_link_id: str
) -> Sequence[SessionAtStripe]:
    """None of a link that Stripe does not know: it must not keep the poll from what the others have to tell."""
    try:
        return await setup.door.sessions_of_link(access, link_id=stripe_link_id, status="complete")
    except StripeFailure as failure:
        if failure.kind is not FailureKind.NOT_FOUND:
            raise
        get_logger().warning("Stripe has no such link", stripe_link_id=stripe_link_id)
        return ()


async def _record(session: AsyncSession, reserved: _Reserved, findings: _Findings) -> None:
    connection, now = reserved.connection, await app_now(session)
    organization_id = connection.organization_id
    # Oldest first, so that their tasks come up in the order in which things happened.
    for event in reversed(findings.events):
        try:
            envelope = read_envelope(event.body)
        except MalformedStripeEvent as problem:
            get_logger().warning("an event in Stripe's list is malformed", event_id=event.id, problem=str(problem))
            continue
        row = new_event_row(
            connection=connection, envelope=envelope, body=event.body, source="poller", endpoint_id=None, now=now
        )
        if await keep_event(session, row):
            log = get_logger().warning if connection.webhook_status == "active" else get_logger().info
            log("the poller found an event that no webhook brought", event_id=event.id, type=event.type)
    for session_id in findings.session_ids:
        about = SessionTask(connection_id=connection.id, session_id=session_id)
        await give_session_task(session, organization_id=organization_id, about=about)
    await note_sessions_read(
        session, organization_id=organization_id, link_ids=[link.id for link in reserved.links], now=now
    )
    await note_health(session, organization_id=organization_id, connection_id=connection.id, link_written=False)
    fresh = await connection_by_id(session, organization_id=organization_id, connection_id=connection.id)
    newest = max((event.created for event in findings.events), default=0)
    fresh.events_seen_until = max(fresh.events_seen_until, newest)
    session.add(fresh)


async def _after_failure(
    work: OutsideWork, setup: StripeSetup, organization_id: UUID, connection_id: UUID, failure: StripeFailure
) -> None:
    """A poll that failed is not tried sooner than the next one is due; it never parks."""
    get_logger().warning("poll failed", connection_id=str(connection_id), failure=str(failure))
    async with work.completion(again_in_seconds=setup.poll_seconds) as session:
        trouble = trouble_of(failure)
        if trouble is not None:
            await note_trouble(
                session,
                organization_id=organization_id,
                connection_id=connection_id,
                code=trouble[0],
                problem=trouble[1],
            )
