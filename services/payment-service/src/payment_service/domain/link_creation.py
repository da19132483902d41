"""What to do after Stripe did not make a link: the one table from answer to next step.

Only a definite refusal becomes a failure that people see. Everything else is tried again under the same idempotency
key, until the key may have been forgotten or replays a saved error; then Stripe's own list is read before a new key
is used. That order is what makes a second link impossible.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from payment_service.domain.stripe_answers import FailureKind, StripeFailure

KEY_TRUSTED_FOR = timedelta(hours=23)
"""Stripe may forget an idempotency key after 24 hours (docs.stripe.com/api/idempotent_requests)."""
SERVER_ERRORS_PER_EPOCH_MAX = 5
SCAN_MARGIN = timedelta(minutes=5)
"""How much earlier than our first call a link must have been recorded, to prove that ours cannot be older."""


@dataclass(frozen=True)
class TryAgain:
    """``after_seconds`` is None where the usual growing delay serves."""

    reason: str
    after_seconds: float | None = None


@dataclass(frozen=True)
class GiveUp:
    """``reason_code`` is one of those of ``PaymentLinkFailed``; ``message`` is our own text."""

    reason_code: str
    message: str


@dataclass(frozen=True)
class AskAPerson:
    reason: str


NextStep = TryAgain | GiveUp | AskAPerson


def scan_before_calling(*, first_attempt_at: datetime | None, server_errors: int, now: datetime) -> bool:
    """True when the key of this epoch may no longer mean what it meant at the first call."""
    if first_attempt_at is None:
        return False
    return now - first_attempt_at >= KEY_TRUSTED_FOR or server_errors >= SERVER_ERRORS_PER_EPOCH_MAX


def next_step(failure: StripeFailure) -> NextStep:
    """Branches on every kind of failure."""
    match failure.kind:
        case FailureKind.UNKNOWN | FailureKind.SERVER_ERROR:
            return TryAgain(str(failure))
        case FailureKind.CONFLICT:
            return TryAgain(str(failure), after_seconds=2)
        case FailureKind.BUSY:
            return TryAgain(str(failure), after_seconds=failure.retry_after_seconds)
        case FailureKind.KEY_REUSED:
            return AskAPerson("the idempotency key was used before with another request")
        case FailureKind.KEY_REFUSED:
            return GiveUp("key_refused", KEY_REFUSED_MESSAGE)
        case FailureKind.PERMISSION_MISSING:
            return GiveUp("permission_missing", permission_message(failure.permission))
        case FailureKind.NOT_FOUND | FailureKind.REFUSED:
            return _refusal(failure)


NOT_CONNECTED_MESSAGE = "Stripe is not connected. Enter a secret key in the settings, then try again."
KEY_REFUSED_MESSAGE = "Stripe no longer accepts the secret key. Enter a new one in the settings, then try again."


def permission_message(permission: str) -> str:
    named = f" It needs {permission}." if permission else ""
    return f"The Stripe key lacks a permission.{named} Change the key in Stripe's dashboard, then try again."


_AMOUNT_CODES = {
    "amount_too_small": GiveUp(
        "amount_too_small", "The amount is below the smallest that Stripe charges in this currency."
    ),
    "amount_too_large": GiveUp("amount_too_large", "The amount is above the largest that Stripe charges at once."),
}


def _refusal(failure: StripeFailure) -> GiveUp:
    if failure.code in _AMOUNT_CODES:
        return _AMOUNT_CODES[failure.code]
    if failure.param.endswith("currency]") or failure.param == "currency" or "currency" in failure.code:
        return GiveUp("currency_refused", "The Stripe account cannot take payments in this currency.")
    return GiveUp("refused", "Stripe refused to make a payment link for this invoice.")
