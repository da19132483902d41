"""Write down what a checkout session of ours says about money: one provider entry and one event per payment intent.

Every way of hearing of a payment ends here, and the unique key of the entry decides who was first. The link was found
by the id that we stored when we made it; nothing in the session's metadata is believed.
"""

from datetime import UTC, datetime

from contracts.catalogue import Service
from contracts.events.payment import PaymentReceived, StripeMode
from contracts.money import Money, UnknownCurrency
from contracts.stripe_amounts import NotRepresentableAtStripe, from_stripe_amount
from pydantic import ValidationError
from service_kit import crash_points
from service_kit.database import app_now
from service_kit.handlers import Park
from service_kit.identifiers import new_id
from service_kit.log_setup import get_logger
from service_kit.outbox import record_event
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.actions.order_links import standing_of
from payment_service.domain.link_orders import LinkStatus
from payment_service.domain.stripe_objects import SessionAtStripe
from payment_service.domain.stripe_outcomes import Capture, PaidWithoutIntent, money_in
from payment_service.queries.stripe_records import (
    add_provider_entry,
    captured_minor,
    in_flight,
    note_session_of_link,
)
from payment_service.tables import Collection, Connection, Outbox, PaymentLink, ProviderEntry


async def record_session(
    session: AsyncSession,
    *,
    collection: Collection,
    connection: Connection,
    link: PaymentLink,
    seen: SessionAtStripe,
    source: str,
) -> None:
    """``collection`` is locked by the caller. Safe to repeat. Raises `Park` when the money cannot be written down."""
    now = await app_now(session)
    await note_session_of_link(session, organization_id=link.organization_id, link_id=link.id, seen=seen, now=now)
    try:
        money = money_in(seen)
    except PaidWithoutIntent as problem:
        raise Park(str(problem)) from None
    if isinstance(money, Capture):
        entry = _entry(collection, connection, link, money, source, now)
        crash_points.reached("payment.before_capture_record")
        if await add_provider_entry(session, entry):
            await record_event(session, Outbox, _received(connection, link, entry), service=Service.PAYMENT)
        else:
            get_logger().info("payment recorded before", payment_intent=money.payment_intent_id, source=source)
    link.captured_minor = await captured_minor(
        session, organization_id=link.organization_id, link_id=link.id, currency=link.currency
    )
    link.in_flight = await in_flight(session, organization_id=link.organization_id, link_id=link.id)
    session.add(link)


def _entry(
    collection: Collection,
    connection: Connection,
    link: PaymentLink,
    money: Capture,
    source: str,
    now: datetime,
) -> ProviderEntry:
    amount = _our_money(money)
    overtaken = standing_of(collection).overtaken(link.attempt)
    return ProviderEntry(
        organization_id=link.organization_id,
        id=new_id(),
        kind="capture",
        account_label=connection.account_label,
        mode=connection.mode,
        stripe_id=money.payment_intent_id,
        link_id=link.id,
        invoice_id=link.invoice_id,
        charge_id=money.charge_id,
        session_id=money.session_id,
        method=money.method,
        stripe_amount=money.stripe_amount,
        amount_minor=amount.minor,
        currency=amount.currency,
        occurred_at=datetime.fromtimestamp(money.occurred_at_epoch, tz=UTC),
        late=overtaken or link.status in (LinkStatus.CLOSING.value, LinkStatus.CLOSED.value),
        source=source,
        recorded_at=now,
    )


def _our_money(money: Capture) -> Money:
    try:
        return from_stripe_amount(money.stripe_amount, money.currency)
    except (NotRepresentableAtStripe, UnknownCurrency, ValidationError):
        raise Park(
            f"{money.payment_intent_id} brought {money.stripe_amount} {money.currency}, which our money cannot say"
        ) from None


def _received(connection: Connection, link: PaymentLink, entry: ProviderEntry) -> PaymentReceived:
    return PaymentReceived(
        organization_id=link.organization_id,
        invoice_id=link.invoice_id,
        provider_entry_id=entry.id,
        link_id=link.id,
        attempt=link.attempt,
        account_id=connection.account_id or connection.account_label,
        mode=StripeMode(connection.mode),
        sandbox=connection.sandbox,
        payment_intent_id=entry.stripe_id,
        charge_id=entry.charge_id,
        checkout_session_id=entry.session_id,
        method=entry.method,
        amount_minor=entry.amount_minor,
        currency=entry.currency,
        expected_minor=link.amount_minor,
        expected_currency=link.currency,
        occurred_at=entry.occurred_at,
        late=entry.late,
        source=entry.source,
    )
