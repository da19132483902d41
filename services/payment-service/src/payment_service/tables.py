"""The rows of schema ``payment``. Every value that comes from outside is checked before it gets here; CHECKs in the
migration are the last word.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from service_kit.inbox import InboxColumns
from service_kit.outbox import OutboxColumns
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

SCHEMA = "payment"
REGISTRY = registry(metadata=sa.MetaData(schema=SCHEMA))

_MOMENT = sa.DateTime(timezone=True)


class Row(SQLModel, registry=REGISTRY):
    """What all tables of this schema share: their own registry, apart from every other service's."""

    metadata: ClassVar[sa.MetaData] = REGISTRY.metadata


class Outbox(OutboxColumns, Row, table=True):
    __tablename__ = "outbox"


class Inbox(InboxColumns, Row, table=True):
    __tablename__ = "inbox"


class StripeStanding(Row, table=True):
    """One row per organisation that ever connected: which connection is current. Whoever changes it locks this row."""

    __tablename__ = "stripe_standings"

    organization_id: UUID = Field(primary_key=True)
    connection_id: UUID
    version: int = Field(sa_type=sa.BigInteger)


class Connection(Row, table=True):
    """One account of one organisation. ``account_label`` is the account's id, or our own id where Stripe hides it."""

    __tablename__ = "connections"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    status: str = Field(sa_type=sa.Text)
    account_id: str = Field(default="", sa_type=sa.Text)
    account_label: str = Field(sa_type=sa.Text)
    account_name: str = Field(default="", sa_type=sa.Text)
    country: str = Field(default="", sa_type=sa.Text)
    default_currency: str = Field(default="", sa_type=sa.Text)
    mode: str = Field(sa_type=sa.Text)
    sandbox: bool
    secret_key_id: UUID
    key_kind: str = Field(sa_type=sa.Text)
    key_last4: str = Field(sa_type=sa.Text)
    webhook_status: str = Field(default="", sa_type=sa.Text)
    problem_code: str = Field(default="", sa_type=sa.Text)
    problem: str = Field(default="", sa_type=sa.Text)
    events_seen_until: int = Field(default=0, sa_type=sa.BigInteger)
    """Stripe's ``created`` of the newest event read by the poller, in epoch seconds."""
    created_at: datetime = Field(sa_type=_MOMENT)


class DataKeyRow(Row, table=True):
    """The organisation's own encryption key, wrapped by a master key."""

    __tablename__ = "data_keys"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    wrapped: str = Field(sa_type=sa.Text)
    created_at: datetime = Field(sa_type=_MOMENT)


class SecretKeyRow(Row, table=True):
    """One Stripe key, sealed. A replaced key is emptied once nothing uses it."""

    __tablename__ = "secret_keys"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    sealed: str = Field(sa_type=sa.Text)
    last4: str = Field(sa_type=sa.Text)
    created_at: datetime = Field(sa_type=_MOMENT)


class WebhookEndpoint(Row, table=True):
    """Where Stripe calls one connection. ``opaque_id`` is the last part of the URL and names nothing else."""

    __tablename__ = "webhook_endpoints"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    connection_id: UUID
    opaque_id: str = Field(sa_type=sa.Text)
    url: str = Field(sa_type=sa.Text)
    status: str = Field(sa_type=sa.Text)
    epoch: int = 1
    first_attempt_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    stripe_endpoint_id: str = Field(default="", sa_type=sa.Text)
    secret_sealed: str = Field(default="", sa_type=sa.Text)
    previous_secret_sealed: str = Field(default="", sa_type=sa.Text)
    created_at: datetime = Field(sa_type=_MOMENT)


class Collection(Row, table=True):
    """One row per invoice; every change to the invoice's links happens under its lock."""

    __tablename__ = "collections"

    organization_id: UUID = Field(primary_key=True)
    invoice_id: UUID = Field(primary_key=True)
    newest_attempt: int = 0
    stopped_attempt: int = 0
    void_unanswered: bool = False


class PaymentLink(Row, table=True):
    """One attempt to collect one invoice. ``request`` is the frozen JSON; it never changes once it is written."""

    __tablename__ = "payment_links"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    invoice_id: UUID
    attempt: int
    connection_id: UUID | None = None
    status: str = Field(sa_type=sa.Text)
    request: str = Field(default="", sa_type=sa.Text)
    amount_minor: int = Field(default=0, sa_type=sa.BigInteger)
    currency: str = Field(default="", sa_type=sa.Text)
    epoch: int = 1
    first_attempt_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    task_given: str = Field(default="", sa_type=sa.Text)
    server_errors: int = 0
    maybe_made: bool = False
    stripe_link_id: str | None = Field(default=None, sa_type=sa.Text)
    url: str = Field(default="", sa_type=sa.Text)
    made_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    """When its existence at Stripe was recorded; Stripe itself does not say when a link was made."""
    captured_minor: int = Field(default=0, sa_type=sa.BigInteger)
    in_flight: bool = False
    close_reason: str = Field(default="", sa_type=sa.Text)
    close_proof: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    failure_code: str = Field(default="", sa_type=sa.Text)
    failure: str = Field(default="", sa_type=sa.Text)
    sessions_read_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    created_at: datetime = Field(sa_type=_MOMENT)
    changed_at: datetime = Field(sa_type=_MOMENT)


class CheckoutSession(Row, table=True):
    """What each session of our links looked like when it was read last. ``payment_status`` is Stripe's word, or
    ``failed``, ours, where a delayed payment came to nothing and Stripe's own word stays ``unpaid`` for ever."""

    __tablename__ = "checkout_sessions"

    organization_id: UUID = Field(primary_key=True)
    session_id: str = Field(primary_key=True, sa_type=sa.Text)
    link_id: UUID
    status: str = Field(sa_type=sa.Text)
    payment_status: str = Field(sa_type=sa.Text)
    payment_intent_id: str = Field(default="", sa_type=sa.Text)
    read_at: datetime = Field(sa_type=_MOMENT)


class StripeEventRow(Row, table=True):
    """One event as it came, kept for good. ``state`` says what became of it."""

    __tablename__ = "stripe_events"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    connection_id: UUID
    endpoint_id: UUID | None = None
    source: str = Field(sa_type=sa.Text)
    account_label: str = Field(sa_type=sa.Text)
    mode: str = Field(sa_type=sa.Text)
    event_id: str = Field(sa_type=sa.Text)
    type: str = Field(sa_type=sa.Text)
    object_id: str = Field(default="", sa_type=sa.Text)
    stripe_created: int = Field(sa_type=sa.BigInteger)
    body: bytes = Field(sa_type=sa.LargeBinary)
    state: str = Field(sa_type=sa.Text)
    reason: str = Field(default="", sa_type=sa.Text)
    received_at: datetime = Field(sa_type=_MOMENT)


class FetchedObject(Row, table=True):
    """One object as Stripe gave it; the same object read again unchanged is one row."""

    __tablename__ = "fetched_objects"

    organization_id: UUID = Field(primary_key=True)
    object_id: str = Field(primary_key=True, sa_type=sa.Text)
    sha256: str = Field(primary_key=True, sa_type=sa.Text)
    connection_id: UUID
    body: str = Field(sa_type=sa.Text)
    fetched_at: datetime = Field(sa_type=_MOMENT)


class ProviderEntry(Row, table=True):
    """Money that moved at Stripe through a link of ours; one row per thing that Stripe has an id for, never changed."""

    __tablename__ = "provider_entries"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=sa.Text)
    account_label: str = Field(sa_type=sa.Text)
    mode: str = Field(sa_type=sa.Text)
    stripe_id: str = Field(sa_type=sa.Text)
    link_id: UUID
    invoice_id: UUID
    charge_id: str = Field(default="", sa_type=sa.Text)
    session_id: str = Field(default="", sa_type=sa.Text)
    method: str = Field(default="", sa_type=sa.Text)
    stripe_amount: int = Field(sa_type=sa.BigInteger)
    amount_minor: int = Field(sa_type=sa.BigInteger)
    currency: str = Field(sa_type=sa.Text)
    occurred_at: datetime = Field(sa_type=_MOMENT)
    late: bool
    source: str = Field(sa_type=sa.Text)
    recorded_at: datetime = Field(sa_type=_MOMENT)
