"""What a payer can pay with here: Stripe's published test cards, and bank debits that settle later.

Numbers and outcomes: https://docs.stripe.com/testing. Any other card number is refused unread, so that a real one
typed by mistake is neither tried nor kept.
"""

from dataclasses import dataclass
from typing import Literal

from stripe_sandbox.refusals import Refusal, invalid


@dataclass(frozen=True, kw_only=True)
class Decline:
    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """`settles` is None for a card, which answers at once; a debit's outcome is known only later."""

    method: str
    brand: str = ""
    last4: str
    decline: Decline | None = None
    settles: Literal["succeeded", "failed"] | None = None


GENERIC = Decline(code="card_declined", decline_code="generic_decline", message="Your card was declined.")
FUNDS = Decline(code="card_declined", decline_code="insufficient_funds", message="Your card has insufficient funds.")
EXPIRED = Decline(code="expired_card", decline_code="expired_card", message="Your card has expired.")
CVC = Decline(code="incorrect_cvc", decline_code="incorrect_cvc", message="Your card's security code is incorrect.")
PROCESSING = Decline(
    code="processing_error", decline_code="processing_error", message="An error occurred while processing your card."
)
DEBIT_REFUSED = Decline(
    code="payment_intent_payment_attempt_failed", decline_code=None, message="The bank did not pay the debit."
)

CARDS: dict[str, tuple[str, Decline | None]] = {
    "4242424242424242": ("visa", None),
    "5555555555554444": ("mastercard", None),
    "378282246310005": ("amex", None),
    "4000000000000002": ("visa", GENERIC),
    "4000000000009995": ("visa", FUNDS),
    "4000000000000069": ("visa", EXPIRED),
    "4000000000000127": ("visa", CVC),
    "4000000000000119": ("visa", PROCESSING),
}
DEBIT_METHODS = {"eur": "sepa_debit", "gbp": "bacs_debit", "usd": "us_bank_account"}
DEBITS: dict[str, Literal["succeeded", "failed"]] = {"debit_succeeds": "succeeded", "debit_fails": "failed"}


def instrument_for(text: str, *, currency: str) -> Instrument:
    """A card number (spaces allowed), `debit_succeeds` or `debit_fails`."""
    if text in DEBITS:
        if currency not in DEBIT_METHODS:
            offered = ", ".join(code.upper() for code in sorted(DEBIT_METHODS))
            raise invalid(f"Bank debit is offered in {offered} only. Pay with a test card.", param="card")
        return Instrument(method=DEBIT_METHODS[currency], last4="3201", settles=DEBITS[text])
    number = text.replace(" ", "").replace("-", "")
    if number not in CARDS:
        raise not_a_test_card()
    brand, decline = CARDS[number]
    return Instrument(method="card", brand=brand, last4=number[-4:], decline=decline)


def not_a_test_card() -> Refusal:
    return Refusal(
        status=402,
        kind="card_error",
        code="card_declined",
        decline_code="test_mode_live_card",
        param="card",
        message="This is a sandbox and takes test cards only, for example 4242 4242 4242 4242.",
    )
