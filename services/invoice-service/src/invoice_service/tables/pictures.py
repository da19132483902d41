"""What other services told us, kept as we show it: each mail's way to each recipient, and the Stripe connection.

Built from events alone, so either could be thrown away and built again.
"""

from datetime import datetime
from uuid import UUID

from contracts.events.invoice import MailKind
from contracts.events.payment import ConnectionStatus, StripeMode
from sqlalchemy import BigInteger, Text
from sqlmodel import Field

from invoice_service.domain.statuses import DeliveryState
from invoice_service.tables.schema import Row, Timestamp, text_of


class Delivery(Row, table=True):
    __tablename__ = "deliveries"

    organization_id: UUID = Field(primary_key=True)
    mail_id: UUID = Field(primary_key=True)
    recipient: str = Field(primary_key=True, sa_type=Text)
    invoice_id: UUID
    kind: MailKind = Field(sa_type=text_of(MailKind))
    state: DeliveryState = Field(default=DeliveryState.QUEUED, sa_type=text_of(DeliveryState))
    message_id: str = Field(default="", sa_type=Text)
    reason: str = Field(default="", sa_type=Text)
    duplicate_possible: bool = Field(default=False)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)


class StripeConnection(Row, table=True):
    """The newest ``version`` of what payment-service said; no key is in it, only its last four characters."""

    __tablename__ = "stripe_connections"

    organization_id: UUID = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)
    status: ConnectionStatus = Field(default=ConnectionStatus.NOT_CONNECTED, sa_type=text_of(ConnectionStatus))
    account_id: str = Field(default="", sa_type=Text)
    account_name: str = Field(default="", sa_type=Text)
    country: str = Field(default="", sa_type=Text)
    default_currency: str = Field(default="", sa_type=Text)
    mode: StripeMode | None = Field(default=None, sa_type=text_of(StripeMode))
    sandbox: bool = Field(default=False)
    key_kind: str = Field(default="", sa_type=Text)
    key_last4: str = Field(default="", sa_type=Text)
    webhook_status: str = Field(default="", sa_type=Text)
    problem_code: str = Field(default="", sa_type=Text)
    problem: str = Field(default="", sa_type=Text)
    updated_at: datetime = Field(sa_type=Timestamp)
