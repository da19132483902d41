"""What this service does with each event it hears and each task it gave itself: one short function each, and the table.

News of an invoice that is not there yet is tried again for a few minutes, because messages overtake each other; after
that it is parked. The organisation of the event decides what can be seen, so nobody's news reaches another's invoice.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from contracts.events.notification import AccountMailSettled, EmailFailed, EmailOutcomeUnknown, EmailSent
from contracts.events.payment import (
    PaymentLinkClosed,
    PaymentLinkCreated,
    PaymentLinkFailed,
    PaymentReceived,
    StripeConnectionChanged,
)
from service_kit.handlers import Delivery, Handler, InTransaction, OutsideWork, RetryLater, WithOutsideCall
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.deliveries.apply_mail_news import MailNews, apply_mail_news
from invoice_service.actions.invoices.render_document import Typesetter, render_document
from invoice_service.actions.invoices.send_invoice import RENDER_DOCUMENT
from invoice_service.actions.payments.apply_provider_entry import apply_provider_entry
from invoice_service.actions.people.settle_account_mail import settle_account_mail
from invoice_service.actions.record_audit import record_audit
from invoice_service.actions.stripe.apply_connection import apply_connection
from invoice_service.actions.stripe.apply_link_news import link_closed, link_created, link_failed
from invoice_service.domain.actors import PAYMENT_SERVICE
from invoice_service.domain.page_token import PageAddresses
from invoice_service.queries.account_mails import find_and_lock_account_mail
from invoice_service.queries.receivables import find_and_lock_invoice
from invoice_service.tables.invoices import Invoice

UNKNOWN_THING_PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Handling:
    """What the handlers need from the process that runs them."""

    pages: PageAddresses
    typesetter: Typesetter = field(default_factory=Typesetter)


def build_handlers(handling: Handling) -> dict[str, Handler]:
    async def on_payment_received(session: AsyncSession, delivery: Delivery) -> None:
        money = delivery.event(PaymentReceived)
        invoice = await _invoice(session, money.organization_id, money.invoice_id)
        await apply_provider_entry(session, invoice=invoice, money=money, pages=handling.pages)

    async def on_render_document(work: OutsideWork) -> None:
        await render_document(work, pages=handling.pages, typesetter=handling.typesetter)

    return {
        StripeConnectionChanged.event_type: InTransaction(_on_connection_changed),
        PaymentLinkCreated.event_type: InTransaction(_on_link_created),
        PaymentLinkFailed.event_type: InTransaction(_on_link_failed),
        PaymentLinkClosed.event_type: InTransaction(_on_link_closed),
        PaymentReceived.event_type: InTransaction(on_payment_received),
        EmailSent.event_type: InTransaction(_on_mail(EmailSent)),
        EmailFailed.event_type: InTransaction(_on_mail(EmailFailed)),
        EmailOutcomeUnknown.event_type: InTransaction(_on_mail(EmailOutcomeUnknown)),
        AccountMailSettled.event_type: InTransaction(_on_account_mail_settled),
        RENDER_DOCUMENT: WithOutsideCall(on_render_document),
    }


async def _on_connection_changed(session: AsyncSession, delivery: Delivery) -> None:
    picture = delivery.event(StripeConnectionChanged)
    if await apply_connection(session, picture=picture):
        await record_audit(
            session,
            organization_id=picture.organization_id,
            actor=PAYMENT_SERVICE,
            action="stripe_connection_changed",
            object_type="stripe_connection",
            object_id=picture.account_id,
            details={"status": picture.status, "mode": picture.mode, "key_last4": picture.key_last4},
        )


async def _on_link_created(session: AsyncSession, delivery: Delivery) -> None:
    news = delivery.event(PaymentLinkCreated)
    invoice = await _invoice(session, news.organization_id, news.invoice_id)
    await link_created(session, invoice=invoice, news=news)


async def _on_link_failed(session: AsyncSession, delivery: Delivery) -> None:
    news = delivery.event(PaymentLinkFailed)
    invoice = await _invoice(session, news.organization_id, news.invoice_id)
    await link_failed(session, invoice=invoice, news=news)


async def _on_link_closed(session: AsyncSession, delivery: Delivery) -> None:
    news = delivery.event(PaymentLinkClosed)
    invoice = await _invoice(session, news.organization_id, news.invoice_id)
    await link_closed(session, invoice=invoice, news=news)


def _on_mail(kind: type[MailNews]) -> Callable[[AsyncSession, Delivery], Awaitable[None]]:
    async def on_mail(session: AsyncSession, delivery: Delivery) -> None:
        news = delivery.event(kind)
        invoice = await _invoice(session, news.organization_id, news.invoice_id)
        await apply_mail_news(session, invoice=invoice, news=news)

    return on_mail


async def _on_account_mail_settled(session: AsyncSession, delivery: Delivery) -> None:
    news = delivery.event(AccountMailSettled)
    mail = await find_and_lock_account_mail(session, organization_id=news.organization_id, mail_id=news.mail_id)
    if mail is None:
        raise RetryLater(
            "the organisation has no such mail (yet)", give_up_after_seconds=UNKNOWN_THING_PATIENCE_SECONDS
        )
    await settle_account_mail(session, mail=mail, news=news)


async def _invoice(session: AsyncSession, organization_id: UUID, invoice_id: UUID) -> Invoice:
    invoice = await find_and_lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    if invoice is None:
        raise RetryLater(
            "the organisation has no such invoice (yet)", give_up_after_seconds=UNKNOWN_THING_PATIENCE_SECONDS
        )
    return invoice
