"""What this service asks of Stripe, as an interface that the real gateway and the tests' fake both keep.

Every method makes at most one attempt and ends within a fixed time; trying again is the caller's decision. All raise
`StripeFailure` and nothing else.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from payment_service.domain.stripe_objects import (
    AccountAtStripe,
    EndpointAtStripe,
    EventAtStripe,
    LinkAtStripe,
    SessionAtStripe,
)


@dataclass(frozen=True)
class StripeAccess:
    """One account's way in. Calls that share ``account_label`` share one rate limit."""

    secret_key: str = field(repr=False)
    account_label: str


class Probe(StrEnum):
    """What can be read without side effects to learn what a key may do."""

    PAYMENT_LINKS = "payment_links"
    CHECKOUT_SESSIONS = "checkout_sessions"
    PAYMENT_INTENTS = "payment_intents"
    EVENTS = "events"
    WEBHOOK_ENDPOINTS = "webhook_endpoints"


class StripeDoor(Protocol):
    async def read_account(self, access: StripeAccess) -> AccountAtStripe: ...

    async def probe(self, access: StripeAccess, probe: Probe) -> None: ...

    async def create_payment_link(self, access: StripeAccess, *, request: str, idempotency_key: str) -> LinkAtStripe:
        """``request`` is the frozen JSON; the same key with the same text gives the same link."""
        ...

    async def retrieve_payment_link(self, access: StripeAccess, *, link_id: str) -> LinkAtStripe: ...

    async def deactivate_payment_link(self, access: StripeAccess, *, link_id: str) -> LinkAtStripe:
        """Safe to repeat. Sessions that are already open stay payable."""
        ...

    def payment_links(self, access: StripeAccess) -> AsyncIterator[LinkAtStripe]:
        """All of the account, newest first, active or not; Stripe tells neither when one was made nor filters them."""
        ...

    async def sessions_of_link(
        self, access: StripeAccess, *, link_id: str, status: str
    ) -> Sequence[SessionAtStripe]: ...

    async def sessions_of_intent(
        self, access: StripeAccess, *, payment_intent_id: str
    ) -> Sequence[SessionAtStripe]: ...

    async def retrieve_session(self, access: StripeAccess, *, session_id: str) -> SessionAtStripe:
        """With its payment intent and latest charge."""
        ...

    async def expire_session(self, access: StripeAccess, *, session_id: str) -> SessionAtStripe:
        """Raises `StripeFailure` of kind refused when the session is not open any more."""
        ...

    async def create_webhook_endpoint(
        self, access: StripeAccess, *, url: str, event_types: Sequence[str], idempotency_key: str
    ) -> EndpointAtStripe: ...

    async def webhook_endpoints(self, access: StripeAccess) -> Sequence[EndpointAtStripe]: ...

    async def delete_webhook_endpoint(self, access: StripeAccess, *, endpoint_id: str) -> None: ...

    def events_since(
        self, access: StripeAccess, *, event_types: Sequence[str], created_from: int
    ) -> AsyncIterator[EventAtStripe]:
        """Newest first, at most 20 types at once, from ``created_from`` (epoch seconds) on."""
        ...
