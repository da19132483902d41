"""What one checkout session, read again from Stripe, says about money.

Only ``payment_status=paid`` is money. A different amount or currency than we asked for is money all the same; it is
recorded as it came, beside what was expected.
"""

from dataclasses import dataclass

from payment_service.domain.stripe_objects import SessionAtStripe


@dataclass(frozen=True)
class Capture:
    """``stripe_amount`` is in Stripe's own minor units of ``currency`` (lower case, as Stripe says it)."""

    payment_intent_id: str
    charge_id: str
    session_id: str
    method: str
    stripe_amount: int
    currency: str
    occurred_at_epoch: int


@dataclass(frozen=True)
class InFlight:
    """Complete, and the money still under way."""


@dataclass(frozen=True)
class NoMoney:
    """Open, expired, free of charge, or a delayed payment that failed."""


class PaidWithoutIntent(Exception):
    """Stripe says paid but names no payment intent or amount; not seen for sessions of payment links."""


def money_in(session: SessionAtStripe) -> Capture | InFlight | NoMoney:
    """Raises `PaidWithoutIntent`."""
    if session.in_flight:
        return InFlight()
    if not session.paid:
        return NoMoney()
    intent = session.payment_intent
    if intent is None or session.amount_total is None or not session.currency:
        raise PaidWithoutIntent(f"session {session.id} is paid but has no payment intent, amount or currency")
    charge = intent.charge
    return Capture(
        payment_intent_id=intent.id,
        charge_id=charge.id if charge else "",
        session_id=session.id,
        method=charge.method if charge else "",
        stripe_amount=session.amount_total,
        currency=session.currency,
        occurred_at_epoch=(charge.created if charge else 0) or session.created,
    )
