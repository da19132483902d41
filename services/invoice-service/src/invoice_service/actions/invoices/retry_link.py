"""Orders another payment link after one could not be made or ended before the debt, over what is due now."""

from uuid import UUID

from contracts.events.invoice import PaymentLinkRequested
from contracts.money import Money
from contracts.stripe_amounts import NotRepresentableAtStripe, to_stripe_amount
from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.announce import announce
from invoice_service.actions.begin_attempt import begin_attempt
from invoice_service.actions.invoices.failed_link import lock_with_failed_link
from invoice_service.actions.outgoing import link_order, touch
from invoice_service.actions.stripe.check_stripe_usable import check_stripe_usable
from invoice_service.domain.invoice_refusals import NothingToPay
from invoice_service.domain.page_token import PageAddresses
from invoice_service.domain.stripe_fit import AmountNotRepresentableAtStripe
from invoice_service.queries.receivables import lock_balance
from invoice_service.tables.invoices import Invoice


async def retry_link(
    session: AsyncSession, *, organization_id: UUID, invoice_id: UUID, pages: PageAddresses
) -> Invoice:
    """The next attempt begins. Raises `LinkNotFailed`, `StripeNotReady`, `NothingToPay` and others."""
    invoice = await lock_with_failed_link(session, organization_id=organization_id, invoice_id=invoice_id)
    await check_stripe_usable(session, organization_id=organization_id)
    balance = await lock_balance(session, invoice=invoice)
    if balance.due_minor == 0:
        raise NothingToPay("the invoice is paid; there is nothing that a link could collect")
    try:
        to_stripe_amount(Money(minor=balance.due_minor, currency=invoice.currency))
    except NotRepresentableAtStripe as problem:
        raise AmountNotRepresentableAtStripe(f"{problem}. Send the invoice by manual instead") from problem
    begin_attempt(invoice)
    touch(invoice, now=await app_now(session))
    order = link_order(invoice=invoice, amount_minor=balance.due_minor, pages=pages)
    await announce(session, PaymentLinkRequested(organization_id=organization_id, invoice_id=invoice.id, link=order))
    return invoice
