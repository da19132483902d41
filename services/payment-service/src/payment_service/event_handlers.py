"""What this service does about each event it hears and each task it gave itself: one short function per event."""

from contracts.catalogue import Service, subscriptions
from contracts.events.invoice import (
    CollectionMethod,
    InvoiceBalanceChanged,
    InvoiceCollectionChanged,
    InvoiceSent,
    InvoiceVoidRequested,
    PaymentLinkRequested,
)
from service_kit.handlers import Delivery, Handler, Handlers, InTransaction, OutsideWork, WithOutsideCall
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service import tasks
from payment_service.actions.apply_stripe_event import apply_stripe_event, read_checkout_session
from payment_service.actions.close_payment_link import close_payment_link
from payment_service.actions.close_stray_link import close_stray_link
from payment_service.actions.create_payment_link import create_payment_link
from payment_service.actions.order_links import order_link, stop_links
from payment_service.actions.poll_connection import poll_connection
from payment_service.actions.register_webhook import register_webhook
from payment_service.domain.link_orders import CloseReason
from payment_service.stripe_setup import StripeSetup


async def on_invoice_sent(session: AsyncSession, delivery: Delivery) -> None:
    event = delivery.event(InvoiceSent)
    if event.link is not None:
        await order_link(
            session,
            organization_id=event.organization_id,
            invoice_id=event.invoice_id,
            order=event.link,
            reason=CloseReason.REPLACED,
        )


async def on_payment_link_requested(session: AsyncSession, delivery: Delivery) -> None:
    event = delivery.event(PaymentLinkRequested)
    await order_link(
        session,
        organization_id=event.organization_id,
        invoice_id=event.invoice_id,
        order=event.link,
        reason=CloseReason.REPLACED,
    )


async def on_invoice_balance_changed(session: AsyncSession, delivery: Delivery) -> None:
    event = delivery.event(InvoiceBalanceChanged)
    if event.link is not None:
        await order_link(
            session,
            organization_id=event.organization_id,
            invoice_id=event.invoice_id,
            order=event.link,
            reason=CloseReason.BALANCE_CHANGED,
        )
        return
    await stop_links(
        session,
        organization_id=event.organization_id,
        invoice_id=event.invoice_id,
        attempt=event.attempt,
        reason=CloseReason.BALANCE_CHANGED,
    )


async def on_invoice_collection_changed(session: AsyncSession, delivery: Delivery) -> None:
    event = delivery.event(InvoiceCollectionChanged)
    if event.collection_method is CollectionMethod.STRIPE and event.link is not None:
        await order_link(
            session,
            organization_id=event.organization_id,
            invoice_id=event.invoice_id,
            order=event.link,
            reason=CloseReason.REPLACED,
        )
        return
    await stop_links(
        session,
        organization_id=event.organization_id,
        invoice_id=event.invoice_id,
        attempt=event.attempt,
        reason=CloseReason.MANUAL,
    )


async def on_invoice_void_requested(session: AsyncSession, delivery: Delivery) -> None:
    event = delivery.event(InvoiceVoidRequested)
    await stop_links(
        session,
        organization_id=event.organization_id,
        invoice_id=event.invoice_id,
        attempt=event.attempt,
        reason=CloseReason.VOID,
    )


def payment_handlers(setup: StripeSetup) -> Handlers:
    """The whole table. Every event of the catalogue that payment-service hears is in it."""
    table: dict[str, Handler] = {
        InvoiceSent.event_type: InTransaction(on_invoice_sent),
        PaymentLinkRequested.event_type: InTransaction(on_payment_link_requested),
        InvoiceBalanceChanged.event_type: InTransaction(on_invoice_balance_changed),
        InvoiceCollectionChanged.event_type: InTransaction(on_invoice_collection_changed),
        InvoiceVoidRequested.event_type: InTransaction(on_invoice_void_requested),
        **_task_handlers(setup),
    }
    unheard = {entry.event.event_type for entry in subscriptions(Service.PAYMENT)} - table.keys()
    if unheard:
        raise LookupError(f"no handler for {', '.join(sorted(unheard))}")
    return table


def _task_handlers(setup: StripeSetup) -> dict[str, Handler]:
    async def create(work: OutsideWork) -> None:
        await create_payment_link(work, setup=setup)

    async def close(work: OutsideWork) -> None:
        await close_payment_link(work, setup=setup)

    async def close_stray(work: OutsideWork) -> None:
        await close_stray_link(work, setup=setup)

    async def register(work: OutsideWork) -> None:
        await register_webhook(work, setup=setup)

    async def apply(work: OutsideWork) -> None:
        await apply_stripe_event(work, setup=setup)

    async def read(work: OutsideWork) -> None:
        await read_checkout_session(work, setup=setup)

    async def poll(work: OutsideWork) -> None:
        await poll_connection(work, setup=setup)

    return {
        tasks.CREATE_LINK: WithOutsideCall(create),
        tasks.CLOSE_LINK: WithOutsideCall(close),
        tasks.CLOSE_STRAY_LINK: WithOutsideCall(close_stray),
        tasks.REGISTER_WEBHOOK: WithOutsideCall(register),
        tasks.APPLY_EVENT: WithOutsideCall(apply),
        tasks.READ_SESSION: WithOutsideCall(read),
        tasks.POLL_CONNECTION: WithOutsideCall(poll),
    }
