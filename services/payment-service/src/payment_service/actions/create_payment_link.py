"""Make one payment link at Stripe: reserve, call, record.

The row and its frozen request were committed before this task existed. Each try sends the same bytes under the same
idempotency key; when the key may no longer mean what it meant, Stripe's own list is read first. Recording decides once
more whether the link is still wanted, so a void that came meanwhile closes it at once.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from contracts.catalogue import Service
from contracts.events.payment import PaymentLinkCreated, StripeMode
from contracts.ids import format_id
from service_kit import crash_points
from service_kit.database import app_now
from service_kit.handlers import OutsideWork, Park
from service_kit.log_setup import get_logger
from service_kit.outbox import record_event
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.actions.describe_connection import note_health, note_trouble
from payment_service.actions.heed_failure import retry_or_park, trouble_of
from payment_service.actions.open_access import access_for_task
from payment_service.actions.order_links import advance, fail_link, standing_of
from payment_service.domain.link_creation import (
    SCAN_MARGIN,
    AskAPerson,
    GiveUp,
    TryAgain,
    next_step,
    scan_before_calling,
)
from payment_service.domain.link_orders import CloseReason, LinkStatus, checked_move
from payment_service.domain.link_request import idempotency_key, link_metadata
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.domain.stripe_objects import LinkAtStripe
from payment_service.organization import organization_of
from payment_service.queries.connections import connection as connection_by_id
from payment_service.queries.links import link_by_id, links_made_before, lock_collection, open_links_of_invoice
from payment_service.stripe_door import StripeAccess
from payment_service.stripe_setup import StripeSetup
from payment_service.tables import Outbox, PaymentLink
from payment_service.tasks import LinkTask, StrayLinkTask, give_stray_link_task, not_now

_OLDER_FIRST_SECONDS = 5.0
_OTHER_TRY_SECONDS = 2.0


@dataclass(frozen=True)
class _Reserved:
    """What the call needs, committed and read while the collection was locked."""

    connection_id: UUID
    access: StripeAccess
    request: str
    epoch: int
    metadata: dict[str, str] = field(repr=False)
    scan_first: bool
    made_before: frozenset[str]
    """Links of ours that were at Stripe before this one was first asked for: a scan needs to look no further."""
    maybe_made: bool
    """True when an earlier try ended without an answer, so that a link may exist which nobody here knows."""
    adopted: LinkAtStripe | None = None


async def create_payment_link(work: OutsideWork, *, setup: StripeSetup) -> None:
    organization_id, task = organization_of(work.delivery), LinkTask.model_validate(work.delivery.payload)
    async with work.transaction() as session:
        reserved = await _reserve(session, organization_id, task, setup)
    if reserved is None:
        async with work.completion():
            return
    try:
        if reserved.scan_first:
            reserved = await _after_scan(work, setup, task, reserved)
        made = reserved.adopted or await _call(setup, task, reserved)
    except StripeFailure as failure:
        await _after_failure(work, organization_id, task, reserved, failure)
        return
    crash_points.reached("payment.before_link_record")
    async with work.completion() as session:
        await _record(session, organization_id, task, reserved, made)


async def _reserve(
    session: AsyncSession, organization_id: UUID, task: LinkTask, setup: StripeSetup
) -> _Reserved | None:
    """Commit that the call is about to be made; None when there is nothing left to make."""
    await lock_collection(session, organization_id=organization_id, invoice_id=task.invoice_id)
    link = await link_by_id(session, organization_id=organization_id, link_id=task.link_id)
    if link.status != LinkStatus.CREATING.value:
        get_logger().info("link is made or no longer wanted", status=link.status)
        return None
    older = await open_links_of_invoice(session, organization_id=organization_id, invoice_id=task.invoice_id)
    if older[0].id != link.id:
        raise not_now("an older link of this invoice is still open", after_seconds=_OLDER_FIRST_SECONDS)
    if link.connection_id is None:
        raise Park("a link without a connection cannot be made")
    connection = await connection_by_id(session, organization_id=organization_id, connection_id=link.connection_id)
    now = await app_now(session)
    first = link.first_attempt_at or now
    scan_first = scan_before_calling(first_attempt_at=link.first_attempt_at, server_errors=link.server_errors, now=now)
    maybe_made, link.maybe_made, link.first_attempt_at = link.maybe_made, True, first
    session.add(link)
    return _Reserved(
        connection_id=connection.id,
        access=await access_for_task(session, connection=connection, keyring=setup.keyring),
        request=link.request,
        epoch=link.epoch,
        metadata=_metadata_of(link),
        scan_first=scan_first,
        made_before=await _made_before(session, link, first) if scan_first else frozenset(),
        maybe_made=maybe_made,
    )


async def _after_scan(work: OutsideWork, setup: StripeSetup, task: LinkTask, reserved: _Reserved) -> _Reserved:
    """Adopt what a lost answer left behind; or, since nothing was, begin with a new idempotency key."""
    found = await _scan(setup, reserved)
    if found is not None:
        get_logger().info("adopted the link that a lost answer left at Stripe", stripe_link_id=found.id)
        return replace(reserved, adopted=found)
    async with work.transaction() as session:
        epoch = await _begin_new_epoch(session, organization_of(work.delivery), task, reserved)
    return replace(reserved, epoch=epoch, maybe_made=False)


async def _call(setup: StripeSetup, task: LinkTask, reserved: _Reserved) -> LinkAtStripe:
    crash_points.reached("payment.before_link_call")
    made = await setup.door.create_payment_link(
        reserved.access,
        request=reserved.request,
        idempotency_key=idempotency_key(link=format_id("lnk", task.link_id), epoch=reserved.epoch),
    )
    crash_points.reached("payment.after_link_call")
    return made


async def _scan(setup: StripeSetup, reserved: _Reserved) -> LinkAtStripe | None:
    """Our own link among the account's newest, known by the whole metadata that only we gave it."""
    async for candidate in setup.door.payment_links(reserved.access):
        if candidate.metadata == reserved.metadata:
            return candidate
        if candidate.id in reserved.made_before:
            return None
    return None


async def _made_before(session: AsyncSession, link: PaymentLink, first_attempt_at: datetime) -> frozenset[str]:
    if link.connection_id is None:
        return frozenset()
    known = await links_made_before(
        session,
        organization_id=link.organization_id,
        connection_id=link.connection_id,
        moment=first_attempt_at - SCAN_MARGIN,
    )
    return frozenset(known)


async def _begin_new_epoch(session: AsyncSession, organization_id: UUID, task: LinkTask, reserved: _Reserved) -> int:
    """Raises `RetryLater` when another try went ahead meanwhile: two new keys for one link would make two links."""
    await lock_collection(session, organization_id=organization_id, invoice_id=task.invoice_id)
    link = await link_by_id(session, organization_id=organization_id, link_id=task.link_id)
    if link.status != LinkStatus.CREATING.value or link.epoch != reserved.epoch:
        raise not_now("another try of this link went ahead", after_seconds=_OTHER_TRY_SECONDS)
    link.epoch, link.server_errors, link.first_attempt_at = link.epoch + 1, 0, await app_now(session)
    session.add(link)
    return link.epoch


async def _record(
    session: AsyncSession, organization_id: UUID, task: LinkTask, reserved: _Reserved, made: LinkAtStripe
) -> None:
    collection = await lock_collection(session, organization_id=organization_id, invoice_id=task.invoice_id)
    link = await link_by_id(session, organization_id=organization_id, link_id=task.link_id)
    if link.status != LinkStatus.CREATING.value:
        await _dispose_of_stray(session, link, reserved, made)
        return
    connection = await connection_by_id(session, organization_id=organization_id, connection_id=reserved.connection_id)
    unwanted = bool(link.close_reason) or standing_of(collection).overtaken(link.attempt)
    target = LinkStatus.CLOSING if unwanted else LinkStatus.ACTIVE
    link.status = checked_move(current=LinkStatus.CREATING, wanted=target).value
    link.stripe_link_id, link.url = made.id, made.url
    link.made_at = link.changed_at = await app_now(session)
    if unwanted:
        link.close_reason = link.close_reason or CloseReason.REPLACED.value
    session.add(link)
    await note_health(session, organization_id=organization_id, connection_id=connection.id, link_written=True)
    if not unwanted:
        created = _created_event(link, mode=connection.mode, sandbox=connection.sandbox)
        await record_event(session, Outbox, created, service=Service.PAYMENT)
    await advance(session, collection)


async def _dispose_of_stray(session: AsyncSession, link: PaymentLink, reserved: _Reserved, made: LinkAtStripe) -> None:
    """Another try recorded this link or ended it. What this one holds is the same link, or one that nobody may pay."""
    if made.id == link.stripe_link_id:
        get_logger().info("link was recorded before", status=link.status)
        return
    get_logger().warning("a second link was made at Stripe and will be closed", stripe_link_id=made.id)
    about = StrayLinkTask(connection_id=reserved.connection_id, stripe_link_id=made.id)
    await give_stray_link_task(session, organization_id=link.organization_id, about=about)


async def _after_failure(
    work: OutsideWork, organization_id: UUID, task: LinkTask, reserved: _Reserved, failure: StripeFailure
) -> None:
    step = next_step(failure)
    match step:
        case TryAgain(reason=reason, after_seconds=after_seconds):
            async with work.transaction() as session:
                await _note_try(session, organization_id, task, reserved, failure.kind)
            raise not_now(reason, after_seconds=after_seconds)
        case AskAPerson(reason=reason):
            raise Park(reason)
        case GiveUp():
            if reserved.maybe_made and trouble_of(failure) is not None:
                # An earlier try may have left a link that only a key which works can find; saying it failed would lie.
                await retry_or_park(work, connection_id=reserved.connection_id, failure=failure)
            async with work.completion() as session:
                await _record_failure(session, organization_id, task, reserved, failure, step)


async def _note_try(
    session: AsyncSession, organization_id: UUID, task: LinkTask, reserved: _Reserved, kind: FailureKind
) -> None:
    """Count what counts: errors that a key may replay, and answers that prove that this try made nothing."""
    await lock_collection(session, organization_id=organization_id, invoice_id=task.invoice_id)
    link = await link_by_id(session, organization_id=organization_id, link_id=task.link_id)
    if kind is FailureKind.SERVER_ERROR:
        link.server_errors += 1
    if kind is FailureKind.BUSY:
        link.maybe_made = reserved.maybe_made
    session.add(link)


async def _record_failure(
    session: AsyncSession,
    organization_id: UUID,
    task: LinkTask,
    reserved: _Reserved,
    failure: StripeFailure,
    why: GiveUp,
) -> None:
    collection = await lock_collection(session, organization_id=organization_id, invoice_id=task.invoice_id)
    link = await link_by_id(session, organization_id=organization_id, link_id=task.link_id)
    if link.status != LinkStatus.CREATING.value:
        return
    await fail_link(session, link=link, why=why, now=await app_now(session))
    trouble = trouble_of(failure)
    if trouble is not None:
        await note_trouble(
            session,
            organization_id=organization_id,
            connection_id=reserved.connection_id,
            code=trouble[0],
            problem=trouble[1],
        )
    await advance(session, collection)


def _metadata_of(link: PaymentLink) -> dict[str, str]:
    return link_metadata(
        organization=format_id("org", link.organization_id),
        invoice=format_id("inv", link.invoice_id),
        link=format_id("lnk", link.id),
        attempt=link.attempt,
    )


def _created_event(link: PaymentLink, *, mode: str, sandbox: bool) -> PaymentLinkCreated:
    return PaymentLinkCreated(
        organization_id=link.organization_id,
        invoice_id=link.invoice_id,
        link_id=link.id,
        attempt=link.attempt,
        url=link.url,
        amount_minor=link.amount_minor,
        currency=link.currency,
        mode=StripeMode(mode),
        sandbox=sandbox,
    )
