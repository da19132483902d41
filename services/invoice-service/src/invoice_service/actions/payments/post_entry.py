"""The only writer of the ledger: one balanced row, and the invoice's balance moved by exactly that row, together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from service_kit.database import app_now
from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.receivables import Balance, Posting, payment_status
from invoice_service.domain.statuses import EntryKind
from invoice_service.queries.receivables import has_foreign_suspense
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.ledger import InvoiceBalance, LedgerEntry


@dataclass(frozen=True)
class EntryFacts:
    """What a ledger row says beside its amounts. ``occurred_at`` is when the money moved, not when we heard of it."""

    kind: EntryKind
    currency: str
    occurred_at: datetime
    actor: str
    note: str = ""
    provider_entry_id: UUID | None = None
    payment_id: UUID | None = None
    reverses_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


async def post_entry(
    session: AsyncSession, *, invoice: Invoice, balance: InvoiceBalance, posting: Posting, facts: EntryFacts
) -> LedgerEntry:
    """``invoice`` and ``balance`` are locked by the caller. Money in another currency leaves the sums as they are."""
    now = await app_now(session)
    entry = LedgerEntry(
        organization_id=invoice.organization_id,
        id=new_id(),
        invoice_id=invoice.id,
        kind=facts.kind,
        currency=facts.currency,
        received_minor=posting.received_minor,
        applied_minor=posting.applied_minor,
        credit_minor=posting.credit_minor,
        suspense_minor=posting.suspense_minor,
        provider_entry_id=facts.provider_entry_id,
        payment_id=facts.payment_id,
        reverses_id=facts.reverses_id,
        occurred_at=facts.occurred_at,
        recorded_at=now,
        actor=facts.actor,
        note=facts.note,
        details=dict(facts.details),
    )
    session.add(entry)
    await session.flush()
    sums = sums_of(balance)
    if facts.currency == balance.currency:
        sums = sums.after(posting)
    foreign = await has_foreign_suspense(session, invoice=invoice)
    _write(balance, sums=sums, foreign=foreign, now=now)
    return entry


def sums_of(balance: InvoiceBalance) -> Balance:
    return Balance(
        total_minor=balance.total_minor,
        received_minor=balance.received_minor,
        applied_minor=balance.applied_minor,
        suspense_minor=balance.suspense_minor,
        lowered_minor=balance.due_minor - balance.total_minor + balance.applied_minor,
    )


def _write(balance: InvoiceBalance, *, sums: Balance, foreign: bool, now: datetime) -> None:
    balance.received_minor = sums.received_minor
    balance.applied_minor = sums.applied_minor
    balance.suspense_minor = sums.suspense_minor
    balance.due_minor = sums.due_minor
    balance.payment_status = payment_status(balance=sums, has_foreign_suspense=foreign)
    balance.updated_at = now
