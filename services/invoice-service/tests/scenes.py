"""How far an invoice has come when a test begins, reached through the same routes and events as in production."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.events.payment import (
    ClosingProof,
    ConnectionStatus,
    PaymentLinkClosed,
    PaymentLinkCreated,
    PaymentLinkFailed,
    PaymentReceived,
    StripeConnectionChanged,
    StripeMode,
)
from contracts.ids import parse_id
from invoice_tests.driver import Driver
from invoice_tests.make import Account
from service_kit.identifiers import new_id

LINK_ID = UUID("01934b5c-0000-7000-8000-00000000000a")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Issued:
    """An issued invoice of ``account``, and the news that payment-service could bring about it."""

    account: Account
    driver: Driver
    id: UUID
    path: str
    total_minor: int
    currency: str

    async def read(self) -> dict[str, Any]:
        return await self.account.get(self.path)

    def link_created(self, attempt: int = 1, *, amount_minor: int | None = None) -> PaymentLinkCreated:
        return PaymentLinkCreated(
            organization_id=self.account.organization_id,
            invoice_id=self.id,
            link_id=LINK_ID,
            attempt=attempt,
            url=f"https://buy.stripe.com/test_{attempt}",
            amount_minor=self.total_minor if amount_minor is None else amount_minor,
            currency=self.currency,
            mode=StripeMode.TEST,
            sandbox=True,
        )

    def link_failed(self, attempt: int = 1) -> PaymentLinkFailed:
        return PaymentLinkFailed(
            organization_id=self.account.organization_id,
            invoice_id=self.id,
            link_id=LINK_ID,
            attempt=attempt,
            reason_code="amount_too_small",
            message="Stripe's minimum for EUR is higher.",
        )

    def link_closed(
        self, attempt: int = 1, *, captured_minor: int = 0, in_flight: bool = False, reason: str = "void"
    ) -> PaymentLinkClosed:
        return PaymentLinkClosed(
            organization_id=self.account.organization_id,
            invoice_id=self.id,
            link_id=LINK_ID,
            attempt=attempt,
            reason=reason,
            captured_minor=captured_minor,
            in_flight=in_flight,
            proof=ClosingProof(deactivated_at=NOON, expired_session_ids=("cs_1",), read_back_at=NOON),
        )

    def money(self, attempt: int = 1, **overrides: Any) -> PaymentReceived:
        """A card payment of exactly what the first link asked for."""
        amount = overrides.pop("amount_minor", self.total_minor)
        values: dict[str, Any] = {
            "organization_id": self.account.organization_id,
            "invoice_id": self.id,
            "provider_entry_id": new_id(),
            "link_id": LINK_ID,
            "attempt": attempt,
            "account_id": "acct_1",
            "mode": StripeMode.TEST,
            "sandbox": True,
            "payment_intent_id": f"pi_{new_id().hex}",
            "amount_minor": amount,
            "currency": self.currency,
            "expected_minor": amount,
            "expected_currency": self.currency,
            "occurred_at": NOON,
            "late": False,
        }
        return PaymentReceived(**{**values, **overrides})


def connection(account: Account, *, version: int = 1, **overrides: Any) -> StripeConnectionChanged:
    values: dict[str, Any] = {
        "organization_id": account.organization_id,
        "version": version,
        "status": ConnectionStatus.READY,
        "account_id": "acct_1",
        "account_name": "Nordlicht",
        "mode": StripeMode.TEST,
        "sandbox": True,
        "key_kind": "restricted",
        "key_last4": "9fQ2",
    }
    return StripeConnectionChanged(**{**values, **overrides})


async def issued(account: Account, driver: Driver, *, method: str = "manual", **draft: Any) -> Issued:
    """Sent, and not rendered yet. By Stripe needs the organisation to be connected."""
    made = await account.draft(**draft)
    sent = await account.post(f"/v1/invoices/{made['id']}/send", {"method": method})
    return Issued(
        account=account,
        driver=driver,
        id=parse_id("inv", sent["id"]),
        path=f"/v1/invoices/{sent['id']}",
        total_minor=sent["total_minor"],
        currency=sent["currency"],
    )


async def sent_by_hand(account: Account, driver: Driver, **draft: Any) -> Issued:
    """Its document is stored and its mail asked for."""
    invoice = await issued(account, driver, **draft)
    await driver.settle()
    return invoice


async def ordered_by_stripe(account: Account, driver: Driver, **draft: Any) -> Issued:
    """Its document is stored and its first link ordered."""
    await driver.hear(connection(account))
    invoice = await issued(account, driver, method="stripe", **draft)
    await driver.settle()
    return invoice


async def payable_by_stripe(account: Account, driver: Driver, **draft: Any) -> Issued:
    """Its first link is active."""
    invoice = await ordered_by_stripe(account, driver, **draft)
    await driver.hear(invoice.link_created())
    return invoice
