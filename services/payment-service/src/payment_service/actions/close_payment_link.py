"""Close one link so that it provably takes no more money: deactivate, expire what is open, look for what was paid,
read back, and only then say that it is closed.

Deactivating alone does not stop a payer who already opened the page. Money that is found on the way goes through the
same door as every payment, before the closing is announced. Every step may be done again.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.catalogue import Service
from contracts.events.payment import ClosingProof
from service_kit import crash_points
from service_kit.database import app_now
from service_kit.handlers import OutsideWork
from service_kit.log_setup import get_logger
from service_kit.outbox import record_event
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.actions.describe_connection import note_health
from payment_service.actions.heed_failure import retry_or_park
from payment_service.actions.open_access import access_for_task
from payment_service.actions.order_links import advance, close_without_proof, closed_event
from payment_service.actions.record_session import record_session
from payment_service.domain.link_orders import CloseReason, LinkStatus, checked_move
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.domain.stripe_objects import SessionAtStripe
from payment_service.organization import organization_of
from payment_service.queries.connections import connection as connection_by_id
from payment_service.queries.links import link_by_id, lock_collection, open_links_of_invoice
from payment_service.queries.stripe_records import store_session
from payment_service.stripe_door import StripeAccess
from payment_service.stripe_setup import StripeSetup
from payment_service.tables import Connection, Outbox, PaymentLink
from payment_service.tasks import LinkTask, not_now

_OLDER_FIRST_SECONDS = 2.0


@dataclass(frozen=True)
class _Reserved:
    connection_id: UUID
    access: StripeAccess
    stripe_link_id: str


@dataclass(frozen=True)
class Findings:
    """What was done and seen at Stripe after the link was deactivated."""

    expired: tuple[str, ...] = ()
    completed: tuple[SessionAtStripe, ...] = ()
    unknown: bool = False
    """Stripe has no such link, so there was nothing to deactivate and nobody can pay through it."""


async def close_payment_link(work: OutsideWork, *, setup: StripeSetup) -> None:
    organization_id, task = organization_of(work.delivery), LinkTask.model_validate(work.delivery.payload)
    async with work.transaction() as session:
        reserved = await _reserve(session, organization_id, task, setup)
    if reserved is None:
        async with work.completion() as session:
            await _close_what_never_was(session, organization_id, task)
        return
    try:
        findings = await close_at_stripe(setup, reserved.access, stripe_link_id=reserved.stripe_link_id)
    except StripeFailure as failure:
        await retry_or_park(work, connection_id=reserved.connection_id, failure=failure)
    crash_points.reached("payment.before_closing_record")
    async with work.completion() as session:
        await _record(session, organization_id, task, reserved, findings)


async def _reserve(
    session: AsyncSession, organization_id: UUID, task: LinkTask, setup: StripeSetup
) -> _Reserved | None:
    """None when the link is closed already or never came into being at Stripe."""
    link = await link_by_id(session, organization_id=organization_id, link_id=task.link_id)
    older = await open_links_of_invoice(session, organization_id=organization_id, invoice_id=task.invoice_id)
    if older and older[0].attempt < link.attempt:
        raise not_now("an older link of this invoice is still open", after_seconds=_OLDER_FIRST_SECONDS)
    if link.status != LinkStatus.CLOSING.value or link.stripe_link_id is None or link.connection_id is None:
        return None
    connection = await connection_by_id(session, organization_id=organization_id, connection_id=link.connection_id)
    access = await access_for_task(session, connection=connection, keyring=setup.keyring)
    return _Reserved(connection.id, access, link.stripe_link_id)


async def _close_what_never_was(session: AsyncSession, organization_id: UUID, task: LinkTask) -> None:
    collection = await lock_collection(session, organization_id=organization_id, invoice_id=task.invoice_id)
    link = await link_by_id(session, organization_id=organization_id, link_id=task.link_id)
    if link.status != LinkStatus.CLOSING.value or link.stripe_link_id is not None:
        get_logger().info("link is closed already, or not to be closed", status=link.status)
        return
    if link.attempt == collection.stopped_attempt:
        collection.void_unanswered = False
    await close_without_proof(session, link=link, now=await app_now(session))
    await advance(session, collection)


async def close_at_stripe(setup: StripeSetup, access: StripeAccess, *, stripe_link_id: str) -> Findings:
    """Raises `StripeFailure`; also when something is open after all, so that everything is done once more."""
    door, link_id = setup.door, stripe_link_id
    crash_points.reached("payment.before_deactivate_call")
    if not await _deactivate(setup, access, link_id):
        return Findings(unknown=True)
    crash_points.reached("payment.after_deactivate_call")
    expired = []
    for open_session in await door.sessions_of_link(access, link_id=link_id, status="open"):
        if await _expire(setup, access, open_session.id):
            expired.append(open_session.id)
    crash_points.reached("payment.after_expire_calls")
    completed = [
        await door.retrieve_session(access, session_id=found.id)
        for found in await door.sessions_of_link(access, link_id=link_id, status="complete")
    ]
    read_back = await door.retrieve_payment_link(access, link_id=link_id)
    if read_back.active or await door.sessions_of_link(access, link_id=link_id, status="open"):
        raise StripeFailure(FailureKind.UNKNOWN, code="still_open")
    return Findings(expired=tuple(expired), completed=tuple(completed))


async def _deactivate(setup: StripeSetup, access: StripeAccess, link_id: str) -> bool:
    """False when Stripe has no such link, said twice: to the change and to a plain reading."""
    try:
        await setup.door.deactivate_payment_link(access, link_id=link_id)
    except StripeFailure as refused:
        if refused.kind is not FailureKind.NOT_FOUND:
            raise
        try:
            await setup.door.retrieve_payment_link(access, link_id=link_id)
        except StripeFailure as failure:
            if failure.kind is FailureKind.NOT_FOUND:
                return False
            raise
        raise StripeFailure(FailureKind.UNKNOWN, code="found_after_all") from None
    return True


async def _expire(setup: StripeSetup, access: StripeAccess, session_id: str) -> bool:
    """False when the payer was quicker, or the session had ended by itself."""
    try:
        await setup.door.expire_session(access, session_id=session_id)
    except StripeFailure as failure:
        if failure.kind is not FailureKind.REFUSED:
            raise
        seen = await setup.door.retrieve_session(access, session_id=session_id)
        if seen.status == "open":
            raise StripeFailure(FailureKind.UNKNOWN, code="still_open") from None
        return False
    return True


async def _record(
    session: AsyncSession, organization_id: UUID, task: LinkTask, reserved: _Reserved, findings: Findings
) -> None:
    collection = await lock_collection(session, organization_id=organization_id, invoice_id=task.invoice_id)
    link = await link_by_id(session, organization_id=organization_id, link_id=task.link_id)
    if link.status != LinkStatus.CLOSING.value:
        get_logger().info("link was closed before", status=link.status)
        return
    connection = await connection_by_id(session, organization_id=organization_id, connection_id=reserved.connection_id)
    now = await app_now(session)
    for seen in findings.completed:
        await _keep(session, connection, seen, now)
        await record_session(
            session, collection=collection, connection=connection, link=link, seen=seen, source="closing"
        )
    if findings.unknown:
        get_logger().warning("Stripe has no such link; it is closed as one that takes no money")
    else:
        await note_health(session, organization_id=organization_id, connection_id=connection.id, link_written=True)
    link.close_proof = _proof(findings, now).model_dump(mode="json") | {"unknown_at_stripe": findings.unknown}
    link.close_reason = _final_reason(link)
    link.status = checked_move(current=LinkStatus.CLOSING, wanted=LinkStatus.CLOSED).value
    link.changed_at = now
    if link.attempt == collection.stopped_attempt:
        collection.void_unanswered = False
    session.add(link)
    session.add(collection)
    await record_event(session, Outbox, closed_event(link), service=Service.PAYMENT)
    await advance(session, collection)


async def _keep(session: AsyncSession, connection: Connection, seen: SessionAtStripe, now: datetime) -> None:
    await store_session(
        session,
        organization_id=connection.organization_id,
        connection_id=connection.id,
        seen=seen,
        now=now,
    )


def _proof(findings: Findings, now: datetime) -> ClosingProof:
    """Without a time of deactivation where Stripe, asked at the time of reading back, had no such link."""
    return ClosingProof(
        deactivated_at=None if findings.unknown else now,
        expired_session_ids=findings.expired,
        completed_session_ids=tuple(seen.id for seen in findings.completed),
        read_back_at=now,
    )


def _final_reason(link: PaymentLink) -> str:
    """A link that was stopped because nothing is left to pay, and that brought the money, was closed by being paid."""
    if link.close_reason == CloseReason.BALANCE_CHANGED.value and link.captured_minor >= link.amount_minor:
        return CloseReason.PAID.value
    return link.close_reason
