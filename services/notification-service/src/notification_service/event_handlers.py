"""What this service listens to, and the one action that answers each."""

from functools import partial

from contracts.events.accounts import AccountMailRequested
from contracts.events.invoice import (
    InvoiceCollectionChanged,
    InvoicePaid,
    InvoiceSent,
    InvoiceVoided,
    InvoiceVoidRequested,
    MailRequested,
)
from contracts.events.payment import PaymentLinkCreated
from service_kit.handlers import Delivery, Handlers, InTransaction, Park, WithOutsideCall
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service.actions.note_collection_change import note_collection_change
from notification_service.actions.note_paid import note_paid
from notification_service.actions.note_payment_link import note_payment_link
from notification_service.actions.note_void import note_void
from notification_service.actions.plan_account_mail import plan_account_mail
from notification_service.actions.plan_mail import plan_mail
from notification_service.actions.send_mail import send_mail
from notification_service.actions.settle_mail import SEND_MAIL
from notification_service.actions.write_mail import PostOffice
from notification_service.mail_content import content_of_request, content_of_sent


def event_handlers(*, office: PostOffice, message_id_domain: str) -> Handlers:
    """``message_id_domain`` is what Message-IDs end with; a mail keeps the one it was planned with."""
    return {
        InvoiceSent.event_type: InTransaction(partial(_sent, domain=message_id_domain)),
        MailRequested.event_type: InTransaction(partial(_requested, domain=message_id_domain)),
        AccountMailRequested.event_type: InTransaction(partial(_account_mail, domain=message_id_domain)),
        InvoiceCollectionChanged.event_type: InTransaction(partial(_changed, domain=message_id_domain)),
        PaymentLinkCreated.event_type: InTransaction(_link_created),
        InvoicePaid.event_type: InTransaction(_paid),
        InvoiceVoidRequested.event_type: InTransaction(_void_requested),
        InvoiceVoided.event_type: InTransaction(_voided),
        SEND_MAIL: WithOutsideCall(partial(send_mail, office=office)),
    }


async def _sent(session: AsyncSession, delivery: Delivery, *, domain: str) -> None:
    event = delivery.event(InvoiceSent)
    await plan_mail(
        session,
        organization_id=event.organization_id,
        invoice_id=event.invoice_id,
        content=content_of_sent(event),
        asked_at=_sequence(delivery),
        message_id_domain=domain,
    )


async def _requested(session: AsyncSession, delivery: Delivery, *, domain: str) -> None:
    event = delivery.event(MailRequested)
    await plan_mail(
        session,
        organization_id=event.organization_id,
        invoice_id=event.invoice_id,
        content=content_of_request(event),
        asked_at=_sequence(delivery),
        message_id_domain=domain,
    )


async def _account_mail(session: AsyncSession, delivery: Delivery, *, domain: str) -> None:
    event = delivery.event(AccountMailRequested)
    await plan_account_mail(session, event=event, asked_at=_sequence(delivery), message_id_domain=domain)


async def _changed(session: AsyncSession, delivery: Delivery, *, domain: str) -> None:
    event = delivery.event(InvoiceCollectionChanged)
    await note_collection_change(session, event=event, sequence=_sequence(delivery), message_id_domain=domain)


async def _link_created(session: AsyncSession, delivery: Delivery) -> None:
    await note_payment_link(session, event=delivery.event(PaymentLinkCreated))


async def _paid(session: AsyncSession, delivery: Delivery) -> None:
    event = delivery.event(InvoicePaid)
    await note_paid(
        session,
        organization_id=event.organization_id,
        invoice_id=event.invoice_id,
        paid_at=_sequence(delivery),
    )


async def _void_requested(session: AsyncSession, delivery: Delivery) -> None:
    event = delivery.event(InvoiceVoidRequested)
    await note_void(
        session,
        organization_id=event.organization_id,
        invoice_id=event.invoice_id,
        requested_at=_sequence(delivery),
        voided=False,
    )


async def _voided(session: AsyncSession, delivery: Delivery) -> None:
    event = delivery.event(InvoiceVoided)
    await note_void(
        session, organization_id=event.organization_id, invoice_id=event.invoice_id, requested_at=None, voided=True
    )


def _sequence(delivery: Delivery) -> int:
    if delivery.sequence is None:
        raise Park("an event without its sequence cannot be put in order")
    return delivery.sequence
