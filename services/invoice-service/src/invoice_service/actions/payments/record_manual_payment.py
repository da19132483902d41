"""Records money that a person says came in by another way than Stripe; what is more than due waits in suspense."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from contracts.money import MINOR_MAX
from service_kit.database import app_now
from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.outgoing import touch
from invoice_service.actions.payments.follow_balance import follow_balance
from invoice_service.actions.payments.post_entry import EntryFacts, post_entry
from invoice_service.domain.invoice_refusals import InvoiceNotIssued, PaymentRefused
from invoice_service.domain.page_token import PageAddresses
from invoice_service.domain.receivables import post_incoming
from invoice_service.domain.statuses import DocumentStatus, EntryKind
from invoice_service.queries.invoices import lock_invoice
from invoice_service.queries.organizations import get_organization
from invoice_service.queries.receivables import lock_balance
from invoice_service.tables.ledger import LedgerEntry

DAYS_BACK_MAX = 3653
TEXT_MAX = 500


@dataclass(frozen=True)
class ManualPayment:
    """In minor units of the invoice's currency. ``paid_on`` is a date in the organisation's zone; None is today."""

    amount_minor: int
    paid_on: date | None = None
    reference: str = ""
    note: str = ""


async def record_manual_payment(
    session: AsyncSession,
    *,
    organization_id: UUID,
    invoice_id: UUID,
    payment: ManualPayment,
    actor: str,
    pages: PageAddresses,
) -> LedgerEntry:
    """The ledger row; its ``payment_id`` names the payment. Raises domain errors and then has changed nothing."""
    invoice = await lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    if invoice.document_status is not DocumentStatus.ISSUED:
        raise InvoiceNotIssued(f"the invoice is {invoice.document_status}; payments are recorded on issued invoices")
    organization = await get_organization(session, organization_id=organization_id)
    now = await app_now(session)
    zone = ZoneInfo(organization.time_zone)
    paid_on = check_payment(payment, today=now.astimezone(zone).date())
    balance = await lock_balance(session, invoice=invoice)
    due_before = balance.due_minor
    entry = await post_entry(
        session,
        invoice=invoice,
        balance=balance,
        posting=post_incoming(amount_minor=payment.amount_minor, due_minor=due_before, applicable=True),
        facts=EntryFacts(
            kind=EntryKind.MANUAL,
            currency=invoice.currency,
            occurred_at=datetime.combine(paid_on, time(12), tzinfo=zone).astimezone(UTC),
            actor=actor,
            note=payment.note,
            payment_id=new_id(),
            details={"paid_on": paid_on.isoformat(), "reference": payment.reference},
        ),
    )
    touch(invoice, now=now)
    await follow_balance(session, invoice=invoice, balance=balance, due_before_minor=due_before, pages=pages)
    return entry


def check_payment(payment: ManualPayment, *, today: date) -> date:
    """The day it was paid. Raises `PaymentRefused` for an amount or a day that no payment has."""
    if not 0 < payment.amount_minor <= MINOR_MAX:
        raise PaymentRefused(f"use an amount from 1 to {MINOR_MAX} minor units", pointer="/amount_minor")
    for pointer, text in (("/reference", payment.reference), ("/note", payment.note)):
        if len(text) > TEXT_MAX or "\x00" in text:
            raise PaymentRefused(f"use at most {TEXT_MAX} printable characters", pointer=pointer)
    paid_on = payment.paid_on or today
    if not today - timedelta(days=DAYS_BACK_MAX) <= paid_on <= today + timedelta(days=1):
        raise PaymentRefused("use the day the money came, within the last ten years", pointer="/paid_on")
    return paid_on
