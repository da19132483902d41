"""Turn what invoice-service says about one invoice into the links it should have, in whatever order the news arrives.

All of it happens under the lock of the invoice's collection. At most one attempt is worked on at a time, the lowest
that is still open: a new link is made only when every older one is proven closed.
"""

from datetime import datetime
from uuid import UUID

from contracts.catalogue import Service
from contracts.events.invoice import LinkOrder
from contracts.events.payment import ClosingProof, PaymentLinkClosed, PaymentLinkFailed
from contracts.ids import format_id
from contracts.money import Money, UnknownCurrency
from contracts.stripe_amounts import NotRepresentableAtStripe, to_stripe_amount
from service_kit.database import app_now
from service_kit.identifiers import new_id
from service_kit.log_setup import get_logger
from service_kit.outbox import record_event
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.domain.link_creation import NOT_CONNECTED_MESSAGE, GiveUp
from payment_service.domain.link_orders import CloseReason, LinkStatus, Standing, when_wanted_closed
from payment_service.domain.link_request import frozen_link_request, link_metadata
from payment_service.queries.connections import current_connection
from payment_service.queries.links import link_of_attempt, lock_collection, open_links_of_invoice
from payment_service.tables import Collection, Outbox, PaymentLink
from payment_service.tasks import CLOSE_LINK, CREATE_LINK, LinkTask, give_link_task


async def order_link(
    session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, order: LinkOrder, reason: CloseReason
) -> None:
    """Older links go to closing with ``reason``, the ordered one is reserved. The same order again changes nothing."""
    collection = await lock_collection(session, organization_id=organization_id, invoice_id=invoice_id)
    standing = standing_of(collection).after_order(order.attempt)
    collection.newest_attempt = standing.newest
    session.add(collection)
    await _close_overtaken(session, collection, reason)
    known = await link_of_attempt(
        session, organization_id=organization_id, invoice_id=invoice_id, attempt=order.attempt
    )
    if known is not None:
        get_logger().info("link ordered before", attempt=order.attempt, status=known.status)
    elif standing.overtaken(order.attempt):
        await _add_never_made(session, collection, attempt=order.attempt, reason=CloseReason.REPLACED)
    else:
        await _reserve_link(session, collection, order)
    await advance(session, collection)


async def stop_links(
    session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, attempt: int, reason: CloseReason
) -> None:
    """No link up to ``attempt`` may take money any more. A void is always answered by `PaymentLinkClosed`, also when
    there never was a link."""
    collection = await lock_collection(session, organization_id=organization_id, invoice_id=invoice_id)
    standing = standing_of(collection).after_stop(attempt)
    collection.newest_attempt, collection.stopped_attempt = standing.newest, standing.stopped
    if reason is CloseReason.VOID:
        collection.void_unanswered = True
    session.add(collection)
    await _close_overtaken(session, collection, reason)
    await advance(session, collection)


async def advance(session: AsyncSession, collection: Collection) -> None:
    """Give the task of the lowest open attempt; with nothing left open, answer a void that still waits."""
    await session.flush()
    links = await open_links_of_invoice(
        session, organization_id=collection.organization_id, invoice_id=collection.invoice_id
    )
    if links:
        await _give_task_of(session, links[0])
    elif collection.void_unanswered:
        await _answer_void(session, collection)


async def fail_link(session: AsyncSession, *, link: PaymentLink, why: GiveUp, now: datetime) -> None:
    """Nothing was made at Stripe. A link that is unwanted by now is closed instead: nobody needs to hear it failed."""
    if link.close_reason:
        await close_without_proof(session, link=link, now=now)
        return
    link.status, link.failure_code, link.failure = LinkStatus.FAILED.value, why.reason_code, why.message
    link.changed_at = now
    session.add(link)
    await record_event(
        session,
        Outbox,
        PaymentLinkFailed(
            organization_id=link.organization_id,
            invoice_id=link.invoice_id,
            link_id=link.id,
            attempt=link.attempt,
            reason_code=why.reason_code,
            message=why.message,
        ),
        service=Service.PAYMENT,
    )


async def close_without_proof(session: AsyncSession, *, link: PaymentLink, now: datetime) -> None:
    """The link never came into being at Stripe, so there is nothing to read back."""
    link.status, link.changed_at = LinkStatus.CLOSED.value, now
    session.add(link)
    await _say_closed(session, link)


def standing_of(collection: Collection) -> Standing:
    return Standing(newest=collection.newest_attempt, stopped=collection.stopped_attempt)


async def _close_overtaken(session: AsyncSession, collection: Collection, reason: CloseReason) -> None:
    standing = standing_of(collection)
    now = await app_now(session)
    links = await open_links_of_invoice(
        session, organization_id=collection.organization_id, invoice_id=collection.invoice_id
    )
    for link in links:
        if not standing.overtaken(link.attempt):
            continue
        if not link.close_reason or reason is CloseReason.VOID:
            link.close_reason = reason.value
        target = when_wanted_closed(status=LinkStatus(link.status), ever_called=link.first_attempt_at is not None)
        if target is not None:
            link.status, link.changed_at = target.value, now
        session.add(link)


async def _reserve_link(session: AsyncSession, collection: Collection, order: LinkOrder) -> None:
    """The row with its frozen request, committed before anything is asked of Stripe; or a failure that is certain."""
    now = await app_now(session)
    connection = await current_connection(session, organization_id=collection.organization_id)
    link = _new_link(collection, attempt=order.attempt, now=now)
    link.amount_minor, link.currency = order.amount_minor, order.currency
    if connection is None:
        await fail_link(session, link=link, why=GiveUp("not_connected", NOT_CONNECTED_MESSAGE), now=now)
        return
    try:
        stripe_amount = to_stripe_amount(Money(minor=order.amount_minor, currency=order.currency))
    except (NotRepresentableAtStripe, UnknownCurrency) as problem:
        await fail_link(session, link=link, why=GiveUp("amount_not_representable", str(problem)), now=now)
        return
    link.connection_id = connection.id
    link.request = frozen_link_request(
        stripe_amount=stripe_amount,
        currency=order.currency,
        invoice_number=order.invoice_number,
        description=order.description,
        return_url=order.return_url,
        metadata=link_metadata(
            organization=format_id("org", link.organization_id),
            invoice=format_id("inv", link.invoice_id),
            link=format_id("lnk", link.id),
            attempt=link.attempt,
        ),
    )
    session.add(link)


async def _add_never_made(session: AsyncSession, collection: Collection, *, attempt: int, reason: CloseReason) -> None:
    """An order that was overtaken before it arrived: its row says so, and so does an event."""
    now = await app_now(session)
    link = _new_link(collection, attempt=attempt, now=now)
    link.close_reason = reason.value
    await close_without_proof(session, link=link, now=now)


def _new_link(collection: Collection, *, attempt: int, now: datetime) -> PaymentLink:
    return PaymentLink(
        organization_id=collection.organization_id,
        id=new_id(),
        invoice_id=collection.invoice_id,
        attempt=attempt,
        status=LinkStatus.CREATING.value,
        created_at=now,
        changed_at=now,
    )


async def _give_task_of(session: AsyncSession, link: PaymentLink) -> None:
    work = {LinkStatus.CREATING.value: CREATE_LINK, LinkStatus.CLOSING.value: CLOSE_LINK}
    wanted = work.get(link.status, "")
    if wanted and link.task_given != wanted:
        link.task_given = wanted
        session.add(link)
        await give_link_task(
            session,
            organization_id=link.organization_id,
            task_type=wanted,
            about=LinkTask(invoice_id=link.invoice_id, link_id=link.id),
        )


async def _answer_void(session: AsyncSession, collection: Collection) -> None:
    collection.void_unanswered = False
    session.add(collection)
    link = await link_of_attempt(
        session,
        organization_id=collection.organization_id,
        invoice_id=collection.invoice_id,
        attempt=collection.stopped_attempt,
    )
    if link is None:
        await _add_never_made(session, collection, attempt=collection.stopped_attempt, reason=CloseReason.VOID)
    else:
        await _say_closed(session, link)


async def _say_closed(session: AsyncSession, link: PaymentLink) -> None:
    await record_event(session, Outbox, closed_event(link), service=Service.PAYMENT)


def closed_event(link: PaymentLink) -> PaymentLinkClosed:
    """What is said of a link that can take no money, from the facts its row keeps."""
    return PaymentLinkClosed(
        organization_id=link.organization_id,
        invoice_id=link.invoice_id,
        link_id=link.id,
        attempt=link.attempt,
        reason=link.close_reason or CloseReason.VOID.value,
        captured_minor=link.captured_minor,
        in_flight=link.in_flight,
        proof=ClosingProof.model_validate(link.close_proof) if link.close_proof else None,
    )
