"""Taking the money: one function confirms a session, one settles a debit, and both leave objects and events agreeing.

The order of events is what Stripe's own test mode shows for a hosted checkout, and no consumer may count on it. A
session's payment intent is made when the payer first confirms, not when the page opens (Stripe's change of 2022-08-01).
"""

from dataclasses import dataclass
from typing import Literal

from stripe_sandbox.events import emit
from stripe_sandbox.ids import new_id, random_text
from stripe_sandbox.instruments import DEBIT_REFUSED, Decline, Instrument
from stripe_sandbox.refusals import Refusal
from stripe_sandbox.resources.balance import book
from stripe_sandbox.resources.checkout_sessions import SessionNotOpen, close
from stripe_sandbox.resources.payment_links import count_completed
from stripe_sandbox.sandbox import Json, Sandbox
from stripe_sandbox.store import Record

SETTLE_ACTION = "settle_intent"


@dataclass(frozen=True, kw_only=True)
class Payer:
    email: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Paid:
    """`decline` is set when the card was refused; the session is then still open and may be tried again."""

    session: Record
    decline: Decline | None = None


def pay(sandbox: Sandbox, session: Record, *, instrument: Instrument, payer: Payer) -> Paid:
    """Raise `SessionNotOpen` when it is complete or expired. Runs inside the caller's transaction."""
    if session.body["status"] == "open" and session.body["expires_at"] <= sandbox.second():
        close(sandbox, session)
    if session.body["status"] != "open":
        raise SessionNotOpen(status=session.body["status"], verb="paid")
    intent = _intent_of(sandbox, session)
    charge = _charge(sandbox, intent, instrument=instrument, payer=payer)
    if instrument.decline is not None:
        _refuse(sandbox, intent, charge, instrument.decline)
        return Paid(session=session, decline=instrument.decline)
    if instrument.settles is None:
        _succeed(sandbox, intent, charge)
    else:
        sandbox.change(intent, status="processing", latest_charge=charge.id, last_payment_error=None)
        emit(sandbox, event_type="payment_intent.processing", record=intent)
        emit(sandbox, event_type="charge.pending", record=charge)
        intent.private["settles"] = instrument.settles
        sandbox.store.save(intent)
        due = sandbox.clock.now() + sandbox.settings.debit_delay_seconds
        sandbox.start_timer(due=due, action=SETTLE_ACTION, object_id=intent.id)
    _complete(sandbox, session, paid=instrument.settles is None, payer=payer)
    return Paid(session=session)


def _intent_of(sandbox: Sandbox, session: Record) -> Record:
    existing = sandbox.store.find(session.body["payment_intent"] or "")
    if existing is not None:
        return existing
    data: Json = session.private["payment_intent_data"]
    intent_id = new_id("pi_3")
    body = {
        "id": intent_id,
        "amount": session.body["amount_total"],
        "amount_capturable": 0,
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{random_text(25)}",
        "confirmation_method": "automatic",
        "currency": session.body["currency"],
        "description": data.get("description"),
        "livemode": False,
        "metadata": data.get("metadata") or {},
        "payment_method_types": session.body["payment_method_types"],
        "statement_descriptor": data.get("statement_descriptor"),
        "statement_descriptor_suffix": data.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
    }
    intent = sandbox.add("payment_intent", body, account=session.account, private={"session": session.id})
    sandbox.change(session, payment_intent=intent.id)
    emit(sandbox, event_type="payment_intent.created", record=intent)
    return intent


def _charge(sandbox: Sandbox, intent: Record, *, instrument: Instrument, payer: Payer) -> Record:
    body = {
        "id": new_id("ch_3"),
        "amount": intent.body["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": {"email": payer.email, "name": payer.name},
        "captured": False,
        "currency": intent.body["currency"],
        "description": intent.body["description"],
        "disputed": False,
        "livemode": False,
        "metadata": intent.body["metadata"],
        "paid": False,
        "payment_intent": intent.id,
        "payment_method": new_id("pm_1"),
        "payment_method_details": _method_details(instrument),
        "refunded": False,
        "status": "pending",
    }
    return sandbox.add("charge", body, account=intent.account)


def _method_details(instrument: Instrument) -> Json:
    details: Json = {"last4": instrument.last4}
    if instrument.method == "card":
        details |= {"brand": instrument.brand, "country": "US", "exp_month": 12, "exp_year": 2034, "funding": "credit"}
    return {"type": instrument.method, instrument.method: details}


def _succeed(sandbox: Sandbox, intent: Record, charge: Record) -> None:
    amount = charge.body["amount"]
    transaction = book(sandbox, account=charge.account, source=charge, kind="charge", amount=amount)
    sandbox.change(
        charge,
        amount_captured=amount,
        balance_transaction=transaction.id,
        captured=True,
        paid=True,
        receipt_url=f"{sandbox.settings.public_url}/receipts/{charge.id}",
        status="succeeded",
    )
    sandbox.change(
        intent,
        amount_received=amount,
        last_payment_error=None,
        latest_charge=charge.id,
        payment_method=charge.body["payment_method"],
        status="succeeded",
    )
    emit(sandbox, event_type="charge.succeeded", record=charge)
    emit(sandbox, event_type="payment_intent.succeeded", record=intent)


def _refuse(sandbox: Sandbox, intent: Record, charge: Record, decline: Decline) -> None:
    sandbox.change(charge, status="failed", failure_code=decline.code, failure_message=decline.message)
    problem = {
        "charge": charge.id,
        "code": decline.code,
        "decline_code": decline.decline_code,
        "message": decline.message,
        "type": "card_error" if decline.decline_code else "invalid_request_error",
    }
    sandbox.change(intent, last_payment_error=problem, latest_charge=charge.id, status="requires_payment_method")
    emit(sandbox, event_type="charge.failed", record=charge)
    emit(sandbox, event_type="payment_intent.payment_failed", record=intent)


def _complete(sandbox: Sandbox, session: Record, *, paid: bool, payer: Payer) -> None:
    details: Json = {"email": payer.email, "name": payer.name, "tax_exempt": "none", "tax_ids": []}
    status = "paid" if paid else "unpaid"
    sandbox.change(session, customer_details=details, payment_status=status, status="complete", url=None)
    emit(sandbox, event_type="checkout.session.completed", record=session)
    link = sandbox.store.find(session.body["payment_link"] or "")
    if link is not None:
        count_completed(sandbox, link)


def settle(sandbox: Sandbox, intent: Record, *, outcome: Literal["succeeded", "failed"] | None = None) -> None:
    """End a debit: as chosen by the payer, or by `outcome`. Raise `Refusal` when none is in flight."""
    if intent.body["status"] != "processing":
        message = f"{intent.id} is {intent.body['status']}; only a processing debit can be settled"
        raise Refusal(status=409, message=message)
    charge = sandbox.store.find(intent.body["latest_charge"])
    session = sandbox.store.find(intent.private["session"])
    if charge is None or session is None:
        raise LookupError(f"{intent.id} lost its charge or session")
    if (outcome or intent.private["settles"]) == "succeeded":
        _succeed(sandbox, intent, charge)
        sandbox.change(session, payment_status="paid")
        emit(sandbox, event_type="checkout.session.async_payment_succeeded", record=session)
    else:
        _refuse(sandbox, intent, charge, DEBIT_REFUSED)
        emit(sandbox, event_type="checkout.session.async_payment_failed", record=session)
