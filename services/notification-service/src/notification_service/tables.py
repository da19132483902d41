"""The rows of schema `notification`. CHECKs, the triggers and row security of the migrations are the last word."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from contracts.events.accounts import AccountMailKind
from contracts.events.invoice import CollectionMethod, MailKind
from service_kit.inbox import InboxColumns
from service_kit.outbox import OutboxColumns
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from notification_service.domain.delivery import DeliveryState, MailState

SCHEMA = "notification"
METADATA = sa.MetaData(schema=SCHEMA)
_REGISTRY = registry(metadata=METADATA)

_Moment: Any = sa.DateTime(timezone=True)


def _text_of(words: type[StrEnum]) -> Any:
    """Text in the database, the member of the enumeration in Python."""
    return sa.Enum(
        words,
        native_enum=False,
        create_constraint=False,
        length=None,
        values_callable=lambda kind: [member.value for member in kind],
    )


class _KindText(sa.TypeDecorator[StrEnum]):
    """Text in the database; in Python a kind of mail about an invoice or about an account."""

    impl = sa.Text
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> StrEnum | None:
        if value is None:
            return None
        return AccountMailKind(value) if value in set(AccountMailKind) else MailKind(value)


class Row(SQLModel, registry=_REGISTRY):
    """What all tables of this schema share: their own registry, apart from every other service's."""

    metadata: ClassVar[sa.MetaData] = METADATA


class Outbox(OutboxColumns, Row, table=True):
    __tablename__ = "outbox"


class Inbox(InboxColumns, Row, table=True):
    __tablename__ = "inbox"


class InvoiceFacts(Row, table=True):
    """What is known of one invoice beside its mails. Whoever decides about a mail of it locks this row first.

    ``change`` is the newest ``InvoiceCollectionChanged`` as it came; sequences are those of the invoice's own events.
    """

    __tablename__ = "invoice_facts"

    organization_id: UUID = Field(primary_key=True)
    invoice_id: UUID = Field(primary_key=True)
    void_requested_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    voided: bool = False
    paid_at: int | None = Field(default=None, sa_type=sa.BigInteger)
    change_version: int | None = None
    change_sequence: int | None = Field(default=None, sa_type=sa.BigInteger)
    change: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))


class PaymentLink(Row, table=True):
    __tablename__ = "payment_links"

    organization_id: UUID = Field(primary_key=True)
    invoice_id: UUID = Field(primary_key=True)
    attempt: int = Field(primary_key=True)
    url: str = Field(sa_type=sa.Text)
    sandbox: bool
    amount_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    noted_at: datetime = Field(sa_type=_Moment)


class MailRow(Row, table=True):
    """One intent to mail. ``asked_at`` is the sequence of the event that asked, ``task_id`` the one task that sends.

    A mail about an account has neither invoice nor collection method, and its ``content`` is the event that asked.
    """

    __tablename__ = "mails"

    organization_id: UUID = Field(primary_key=True)
    mail_id: UUID = Field(primary_key=True)
    invoice_id: UUID | None = None
    kind: MailKind | AccountMailKind = Field(sa_type=_KindText)
    state: MailState = Field(sa_type=_text_of(MailState))
    collection_method: CollectionMethod | None = Field(default=None, sa_type=_text_of(CollectionMethod))
    asked_at: int = Field(sa_type=sa.BigInteger)
    content: dict[str, Any] = Field(sa_type=JSONB)
    message_id: str = Field(sa_type=sa.Text)
    dated_at: datetime = Field(sa_type=_Moment)
    task_id: UUID | None = None
    tries: int = 0
    first_tried_at: datetime | None = Field(default=None, sa_type=_Moment)
    payment_url: str = Field(default="", sa_type=sa.Text)
    drop_reason: str = Field(default="", sa_type=sa.Text)
    created_at: datetime = Field(sa_type=_Moment)
    updated_at: datetime = Field(sa_type=_Moment)


class DeliveryRow(Row, table=True):
    """One recipient of one mail; see `domain.delivery`."""

    __tablename__ = "deliveries"

    organization_id: UUID = Field(primary_key=True)
    mail_id: UUID = Field(primary_key=True)
    recipient: str = Field(primary_key=True, sa_type=sa.Text)
    position: int
    state: DeliveryState = Field(sa_type=_text_of(DeliveryState))
    tries: int = 0
    unknowns: int = 0
    reason: str = Field(default="", sa_type=sa.Text)
    due_at: datetime | None = Field(default=None, sa_type=_Moment)
    updated_at: datetime = Field(sa_type=_Moment)
