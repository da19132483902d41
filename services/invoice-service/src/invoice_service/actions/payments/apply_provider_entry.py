"""Books money that payment-service read at Stripe: once per provider entry, whatever happened to the invoice meanwhile.

What fits the invoice is applied up to what is due. Everything else is money all the same: it waits in suspense at its
invoice, and a person decides.
"""

from contracts.events.payment import PaymentReceived
from service_kit.database import app_now
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.end_voiding import keep_against_void
from invoice_service.actions.outgoing import touch
from invoice_service.actions.payments.follow_balance import follow_balance
from invoice_service.actions.payments.post_entry import EntryFacts, post_entry
from invoice_service.domain.invoice_refusals import AttemptNeverOrdered
from invoice_service.domain.page_token import PageAddresses
from invoice_service.domain.receivables import post_incoming
from invoice_service.domain.statuses import DocumentStatus, EntryKind
from invoice_service.queries.receivables import lock_balance, provider_entry_is_posted
from invoice_service.tables.invoices import Invoice


async def apply_provider_entry(
    session: AsyncSession, *, invoice: Invoice, money: PaymentReceived, pages: PageAddresses
) -> None:
    """``invoice`` is locked and belongs to the event's organisation. Raises `AttemptNeverOrdered`; safe to repeat."""
    if not 1 <= money.attempt <= invoice.link_attempt:
        raise AttemptNeverOrdered(
            f"attempt {money.attempt} of this invoice was never ordered; its newest is {invoice.link_attempt}"
        )
    if await provider_entry_is_posted(
        session, organization_id=invoice.organization_id, provider_entry_id=money.provider_entry_id
    ):
        get_logger("payments").info("provider entry was booked before", invoice_id=str(invoice.id))
        return
    keep_against_void(invoice)
    balance = await lock_balance(session, invoice=invoice)
    due_before = balance.due_minor
    await post_entry(
        session,
        invoice=invoice,
        balance=balance,
        posting=post_incoming(amount_minor=money.amount_minor, due_minor=due_before, applicable=_fits(invoice, money)),
        facts=_facts(money),
    )
    touch(invoice, now=await app_now(session))
    await follow_balance(session, invoice=invoice, balance=balance, due_before_minor=due_before, pages=pages)


def _fits(invoice: Invoice, money: PaymentReceived) -> bool:
    """Applied only when it is exactly what the link asked for, in the invoice's currency, while the invoice stands."""
    return (
        invoice.document_status is DocumentStatus.ISSUED
        and money.currency == invoice.currency
        and (money.amount_minor, money.currency) == (money.expected_minor, money.expected_currency)
    )


def _facts(money: PaymentReceived) -> EntryFacts:
    return EntryFacts(
        kind=EntryKind.CAPTURE,
        currency=money.currency,
        occurred_at=money.occurred_at,
        actor="stripe",
        provider_entry_id=money.provider_entry_id,
        details={
            "account_id": money.account_id,
            "payment_intent_id": money.payment_intent_id,
            "charge_id": money.charge_id,
            "checkout_session_id": money.checkout_session_id,
            "method": money.method,
            "mode": money.mode.value,
            "sandbox": money.sandbox,
            "attempt": money.attempt,
            "late": money.late,
            "expected_minor": money.expected_minor,
            "expected_currency": money.expected_currency,
        },
    )
