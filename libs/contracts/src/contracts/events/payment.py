"""What payment-service says: what Stripe can do for an organisation, the life of each link, and the money that came."""

from enum import StrEnum
from typing import ClassVar

from pydantic import AwareDatetime

from contracts.event import Event, Fact
from contracts.ids import ConnectionId, InvoiceId, LinkId, ProviderEntryId
from contracts.money import CurrencyCode


class ConnectionStatus(StrEnum):
    NOT_CONNECTED = "not_connected"
    READY = "ready"
    ATTENTION = "attention"


class StripeMode(StrEnum):
    LIVE = "live"
    TEST = "test"


class StripeConnectionChanged(Event):
    """The whole picture of an organisation's Stripe connection; the newest ``version`` wins. It never holds a key."""

    event_type: ClassVar[str] = "payment.stripe_connection_changed.v1"
    aggregate: ClassVar[tuple[str, str]] = ("organization_id", "org")

    version: int
    status: ConnectionStatus
    connection_id: ConnectionId | None = None
    account_id: str = ""
    account_name: str = ""
    country: str = ""
    default_currency: str = ""
    mode: StripeMode | None = None
    sandbox: bool = False
    """True when Stripe's address is not the real one: no money moves."""
    key_kind: str = ""
    key_last4: str = ""
    webhook_status: str = ""
    """``active``, ``polling_only`` or empty."""
    problem_code: str = ""
    problem: str = ""


class PaymentLinkCreated(Event):
    event_type: ClassVar[str] = "payment.link_created.v1"

    invoice_id: InvoiceId
    link_id: LinkId
    attempt: int
    url: str
    """The page at Stripe, without the payer's prefilled address."""
    amount_minor: int
    currency: CurrencyCode
    mode: StripeMode
    sandbox: bool


class PaymentLinkFailed(Event):
    """Stripe, or the state of the connection, made a link impossible. ``message`` is ours and safe to show."""

    event_type: ClassVar[str] = "payment.link_failed.v1"

    invoice_id: InvoiceId
    link_id: LinkId
    attempt: int
    reason_code: str
    """``not_connected``, ``key_refused``, ``permission_missing``, ``amount_too_small``, ``amount_too_large``,
    ``amount_not_representable``, ``currency_refused`` or ``refused``."""
    message: str


class ClosingProof(Fact):
    """What was done and read back at Stripe, in UTC."""

    deactivated_at: AwareDatetime | None = None
    expired_session_ids: tuple[str, ...] = ()
    completed_session_ids: tuple[str, ...] = ()
    read_back_at: AwareDatetime


class PaymentLinkClosed(Event):
    """The link is proven unable to take money. ``captured_minor`` is what arrived through it before that."""

    event_type: ClassVar[str] = "payment.link_closed.v1"

    invoice_id: InvoiceId
    link_id: LinkId
    attempt: int
    reason: str
    """``void``, ``balance_changed``, ``manual``, ``replaced`` or ``paid``."""
    captured_minor: int
    in_flight: bool
    proof: ClosingProof | None = None
    """None when the link never came into being at Stripe."""


class PaymentReceived(Event):
    """Money arrived, read again from Stripe. Identity is ``provider_entry_id``; one exists per payment intent."""

    event_type: ClassVar[str] = "payment.received.v1"

    invoice_id: InvoiceId
    provider_entry_id: ProviderEntryId
    link_id: LinkId
    attempt: int
    account_id: str
    mode: StripeMode
    sandbox: bool
    payment_intent_id: str
    charge_id: str = ""
    checkout_session_id: str = ""
    method: str = ""
    amount_minor: int
    currency: CurrencyCode
    expected_minor: int
    expected_currency: CurrencyCode
    occurred_at: AwareDatetime
    late: bool
    """True when the link had been overtaken, closed or was closing when the money was read."""
    source: str = ""
    """``webhook``, ``poller`` or ``closing``: which way the news came first."""
