"""Apply one stored event: read again from Stripe what it is about, find our link, write down the money.

An event is only a hint. What counts is the object as Stripe has it now and the link id that we stored ourselves, so
doubled, late, reordered, forged or foreign events all end in the same rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from contracts.ids import MalformedId, parse_id
from service_kit import crash_points
from service_kit.database import app_now
from service_kit.handlers import OutsideWork, Park, RetryLater
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.actions.heed_failure import retry_or_park
from payment_service.actions.open_access import access_for_task
from payment_service.actions.record_session import record_session
from payment_service.domain.link_orders import LinkStatus
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.domain.stripe_events import KeepOnly, ReadIntent, ReadSession, what_to_read
from payment_service.domain.stripe_objects import SessionAtStripe
from payment_service.organization import organization_of
from payment_service.queries.connections import connection as connection_by_id
from payment_service.queries.links import link_at_stripe, link_by_id, lock_collection, maybe_link_by_id
from payment_service.queries.stripe_records import event_row, store_session
from payment_service.stripe_door import StripeAccess
from payment_service.stripe_setup import StripeSetup
from payment_service.tables import Connection, PaymentLink, StripeEventRow
from payment_service.tasks import EventTask, SessionTask

_LINK_NOT_RECORDED_SECONDS = 2.0


@dataclass(frozen=True)
class _Reserved:
    connection: Connection
    access: StripeAccess
    event: StripeEventRow | None = None


async def apply_stripe_event(work: OutsideWork, *, setup: StripeSetup) -> None:
    organization_id = organization_of(work.delivery)
    row_id = EventTask.model_validate(work.delivery.payload).event_row_id
    async with work.transaction() as session:
        event = await event_row(session, organization_id=organization_id, row_id=row_id)
        if event.state == "parked":
            raise Park(event.reason)
        reserved = await _reserve(session, organization_id, event.connection_id, setup, event=event)
    reading = what_to_read(event_type=event.type, object_id=event.object_id)
    if event.state != "received" or isinstance(reading, KeepOnly):
        async with work.completion() as session:
            await _settle_event(session, event, state="kept" if event.state == "received" else event.state)
        return
    await _read_and_record(work, setup, reserved, reading, source=event.source)


async def read_checkout_session(work: OutsideWork, *, setup: StripeSetup) -> None:
    """The poller found this session by itself, without an event."""
    organization_id = organization_of(work.delivery)
    task = SessionTask.model_validate(work.delivery.payload)
    async with work.transaction() as session:
        reserved = await _reserve(session, organization_id, task.connection_id, setup, event=None)
    await _read_and_record(work, setup, reserved, ReadSession(task.session_id), source="poller")


async def _reserve(
    session: AsyncSession,
    organization_id: UUID,
    connection_id: UUID,
    setup: StripeSetup,
    *,
    event: StripeEventRow | None,
) -> _Reserved:
    connection = await connection_by_id(session, organization_id=organization_id, connection_id=connection_id)
    access = await access_for_task(session, connection=connection, keyring=setup.keyring)
    return _Reserved(connection=connection, access=access, event=event)


async def _read_and_record(
    work: OutsideWork, setup: StripeSetup, reserved: _Reserved, reading: ReadSession | ReadIntent, *, source: str
) -> None:
    try:
        crash_points.reached("payment.before_session_call")
        sessions = await _read(setup, reserved.access, reading)
        crash_points.reached("payment.after_session_call")
    except StripeFailure as failure:
        if failure.kind is not FailureKind.NOT_FOUND:
            await retry_or_park(work, connection_id=reserved.connection.id, failure=failure)
        sessions = ()
    async with work.transaction() as session:
        await _wait_for_our_link(session, reserved.connection, sessions)
    async with work.completion() as session:
        ours = [await _record(session, reserved.connection, seen, source) for seen in sessions]
        if reserved.event is not None:
            await _settle_event(session, reserved.event, state="applied" if any(ours) else "foreign")


async def _read(
    setup: StripeSetup, access: StripeAccess, reading: ReadSession | ReadIntent
) -> Sequence[SessionAtStripe]:
    if isinstance(reading, ReadSession):
        return (await setup.door.retrieve_session(access, session_id=reading.session_id),)
    found = await setup.door.sessions_of_intent(access, payment_intent_id=reading.payment_intent_id)
    return [await setup.door.retrieve_session(access, session_id=each.id) for each in found if each.payment_link]


async def _wait_for_our_link(
    session: AsyncSession, connection: Connection, sessions: Sequence[SessionAtStripe]
) -> None:
    """Stripe can be quicker than the commit that records a link's id. The metadata only says that waiting may help."""
    for seen in sessions:
        if not seen.payment_link or await _link_of(session, connection, seen) is not None:
            continue
        try:
            hinted = parse_id("lnk", seen.metadata.get("link_id", ""))
        except MalformedId:
            continue
        link = await maybe_link_by_id(session, organization_id=connection.organization_id, link_id=hinted)
        if link is not None and link.status == LinkStatus.CREATING.value:
            raise RetryLater("the link of this session is not recorded yet", after_seconds=_LINK_NOT_RECORDED_SECONDS)


async def _record(session: AsyncSession, connection: Connection, seen: SessionAtStripe, source: str) -> bool:
    """False when the session is not of a link of ours."""
    found = await _link_of(session, connection, seen)
    if found is None:
        get_logger().info("session is not of a link of ours", session_id=seen.id)
        await _keep(session, connection, seen)
        return False
    # The collection's lock comes first, as in every other place: two that write the same object would else wait for
    # each other in a circle.
    collection = await lock_collection(session, organization_id=connection.organization_id, invoice_id=found.invoice_id)
    await _keep(session, connection, seen)
    link = await link_by_id(session, organization_id=connection.organization_id, link_id=found.id)
    await record_session(session, collection=collection, connection=connection, link=link, seen=seen, source=source)
    return True


async def _keep(session: AsyncSession, connection: Connection, seen: SessionAtStripe) -> None:
    await store_session(
        session,
        organization_id=connection.organization_id,
        connection_id=connection.id,
        seen=seen,
        now=await app_now(session),
    )


async def _link_of(session: AsyncSession, connection: Connection, seen: SessionAtStripe) -> PaymentLink | None:
    if not seen.payment_link:
        return None
    return await link_at_stripe(
        session,
        organization_id=connection.organization_id,
        connection_id=connection.id,
        stripe_link_id=seen.payment_link,
    )


async def _settle_event(session: AsyncSession, event: StripeEventRow, *, state: str) -> None:
    row = await event_row(session, organization_id=event.organization_id, row_id=event.id)
    row.state = state
    session.add(row)
