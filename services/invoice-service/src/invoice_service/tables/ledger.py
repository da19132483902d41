"""The receivables ledger: append-only postings, and the balance of each invoice that is nothing but their sum.

The database holds both to it: each posting balances by itself, and a balance that differs from its postings cannot
be committed.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Text
from sqlmodel import Field

from invoice_service.domain.statuses import EntryKind, PaymentStatus
from invoice_service.tables.schema import Json, Row, Timestamp, text_of


class LedgerEntry(Row, table=True):
    """Signed changes in minor units of ``currency``, with ``received = applied + credit + suspense``.

    ``due_minor`` is what a credit note or a write-off takes off the debt; no money moves with it.
    """

    __tablename__ = "ledger_entries"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    invoice_id: UUID | None = Field(default=None)
    kind: EntryKind = Field(sa_type=text_of(EntryKind))
    currency: str = Field(sa_type=Text)
    received_minor: int = Field(default=0, sa_type=BigInteger)
    applied_minor: int = Field(default=0, sa_type=BigInteger)
    credit_minor: int = Field(default=0, sa_type=BigInteger)
    suspense_minor: int = Field(default=0, sa_type=BigInteger)
    due_minor: int = Field(default=0, sa_type=BigInteger)
    provider_entry_id: UUID | None = Field(default=None)
    payment_id: UUID | None = Field(default=None)
    """The manual payment that this posting records or takes back."""
    reverses_id: UUID | None = Field(default=None)
    """The posting that a manual reversal takes back; each can be taken back once."""
    occurred_at: datetime = Field(sa_type=Timestamp)
    recorded_at: datetime = Field(sa_type=Timestamp)
    actor: str = Field(default="", sa_type=Text)
    note: str = Field(default="", sa_type=Text)
    details: dict[str, Any] = Field(default_factory=dict, sa_type=Json)


class InvoiceBalance(Row, table=True):
    """``due = total + sum of due_minor - applied``; exists from the moment an invoice is issued."""

    __tablename__ = "invoice_balances"

    organization_id: UUID = Field(primary_key=True)
    invoice_id: UUID = Field(primary_key=True)
    currency: str = Field(sa_type=Text)
    total_minor: int = Field(sa_type=BigInteger)
    received_minor: int = Field(default=0, sa_type=BigInteger)
    applied_minor: int = Field(default=0, sa_type=BigInteger)
    suspense_minor: int = Field(default=0, sa_type=BigInteger)
    due_minor: int = Field(sa_type=BigInteger)
    payment_status: PaymentStatus = Field(default=PaymentStatus.UNPAID, sa_type=text_of(PaymentStatus))
    updated_at: datetime = Field(sa_type=Timestamp)


class PaymentFact(Row, table=True):
    """Something known about a payment that moves no amount: it is in flight, or it is disputed."""

    __tablename__ = "payment_facts"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    invoice_id: UUID
    kind: str = Field(sa_type=Text)
    ref: str = Field(sa_type=Text)
    occurred_at: datetime = Field(sa_type=Timestamp)
