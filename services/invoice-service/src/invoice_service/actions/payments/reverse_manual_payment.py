"""Takes a manual payment back by a posting of its own; the first one stays, so the history reads as it happened.

Money that waited in suspense covers the debt that opens again, in the same transaction, before a link could ask for it.
"""

from uuid import UUID

from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.outgoing import touch
from invoice_service.actions.payments.apply_surplus import apply_surplus
from invoice_service.actions.payments.follow_balance import follow_balance
from invoice_service.actions.payments.post_entry import EntryFacts, post_entry
from invoice_service.domain.invoice_refusals import PaymentAlreadyReversed
from invoice_service.domain.page_token import PageAddresses
from invoice_service.domain.receivables import Posting, post_reversal
from invoice_service.domain.statuses import EntryKind
from invoice_service.queries.invoices import lock_invoice
from invoice_service.queries.receivables import get_manual_entry, is_reversed, lock_balance
from invoice_service.tables.ledger import LedgerEntry


async def reverse_manual_payment(
    session: AsyncSession,
    *,
    organization_id: UUID,
    invoice_id: UUID,
    payment_id: UUID,
    note: str,
    actor: str,
    pages: PageAddresses,
) -> LedgerEntry:
    """The reversing row. Raises `PaymentNotFound` or `PaymentAlreadyReversed`."""
    invoice = await lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    original = await get_manual_entry(
        session, organization_id=organization_id, invoice_id=invoice_id, payment_id=payment_id
    )
    if await is_reversed(session, entry=original):
        raise PaymentAlreadyReversed("this payment was taken back before; it is reversed once")
    balance = await lock_balance(session, invoice=invoice)
    due_before = balance.due_minor
    now = await app_now(session)
    entry = await post_entry(
        session,
        invoice=invoice,
        balance=balance,
        posting=post_reversal(_posting_of(original), waiting_minor=balance.suspense_minor),
        facts=EntryFacts(
            kind=EntryKind.MANUAL_REVERSAL,
            currency=original.currency,
            occurred_at=now,
            actor=actor,
            note=note,
            payment_id=original.payment_id,
            reverses_id=original.id,
        ),
    )
    await apply_surplus(session, invoice=invoice, balance=balance, due_before_minor=due_before, actor=actor)
    touch(invoice, now=now)
    await follow_balance(session, invoice=invoice, balance=balance, due_before_minor=due_before, pages=pages)
    return entry


def _posting_of(entry: LedgerEntry) -> Posting:
    return Posting(entry.received_minor, entry.applied_minor, entry.credit_minor, entry.suspense_minor)
