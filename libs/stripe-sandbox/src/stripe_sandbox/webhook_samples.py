"""One webhook payload per event type that an integration of payments must understand, for tests without a sandbox.

Each is a whole event in the shape the installed library declares; values are ours. `samples()` checks every one against
the subset, so a payload that Stripe could not send cannot be tested with.
"""

from collections.abc import Callable

from stripe_sandbox.subset import Json, Subset

ACCOUNT = "acct_1SandboxTenant"
SECOND = 1_793_000_000
LINK, SESSION, INTENT = "plink_1SandboxLink", "cs_test_a1SandboxSession", "pi_3SandboxIntent"
CHARGE, REFUND, DISPUTE = "ch_3SandboxCharge", "re_3SandboxRefund", "du_1SandboxDispute"
AMOUNT = 12345


def _session(metadata: Json, **changed: object) -> Json:
    body = {
        "id": SESSION,
        "object": "checkout.session",
        "amount_subtotal": AMOUNT,
        "amount_total": AMOUNT,
        "automatic_tax": {"enabled": False},
        "created": SECOND,
        "currency": "usd",
        "custom_fields": [],
        "custom_text": {},
        "customer_details": {"email": "billing@example.test", "name": "Ada Buyer", "tax_exempt": "none", "tax_ids": []},
        "expires_at": SECOND + 86400,
        "livemode": False,
        "metadata": metadata,
        "mode": "payment",
        "payment_intent": INTENT,
        "payment_link": LINK,
        "payment_method_types": ["card"],
        "payment_status": "paid",
        "shipping_options": [],
        "status": "complete",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    }
    return {**body, **changed}


def _intent(metadata: Json, **changed: object) -> Json:
    body = {
        "id": INTENT,
        "object": "payment_intent",
        "amount": AMOUNT,
        "amount_capturable": 0,
        "amount_received": AMOUNT,
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "created": SECOND + 10,
        "currency": "usd",
        "latest_charge": CHARGE,
        "livemode": False,
        "metadata": metadata,
        "payment_method_types": ["card"],
        "status": "succeeded",
    }
    return {**body, **changed}


def _charge(metadata: Json, **changed: object) -> Json:
    body = {
        "id": CHARGE,
        "object": "charge",
        "amount": AMOUNT,
        "amount_captured": AMOUNT,
        "amount_refunded": 0,
        "balance_transaction": "txn_3Sandbox",
        "billing_details": {},
        "captured": True,
        "created": SECOND + 11,
        "currency": "usd",
        "disputed": False,
        "livemode": False,
        "metadata": metadata,
        "paid": True,
        "payment_intent": INTENT,
        "refunded": False,
        "status": "succeeded",
    }
    return {**body, **changed}


def _refund(_metadata: Json, **changed: object) -> Json:
    """A refund has metadata of its own, not the payment's."""
    body = {
        "id": REFUND,
        "object": "refund",
        "amount": 4000,
        "charge": CHARGE,
        "created": SECOND + 86400,
        "currency": "usd",
        "metadata": {},
        "payment_intent": INTENT,
        "reason": "requested_by_customer",
        "status": "succeeded",
    }
    return {**body, **changed}


def _dispute(_metadata: Json, **changed: object) -> Json:
    due = {
        "submission_method": "manual",
        "due_by": SECOND + 9 * 86400,
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
    }
    body = {
        "id": DISPUTE,
        "object": "dispute",
        "amount": AMOUNT,
        "balance_transactions": [],
        "charge": CHARGE,
        "created": SECOND + 2 * 86400,
        "currency": "usd",
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {**due, "enhanced_eligibility": {}},
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": INTENT,
        "reason": "fraudulent",
        "status": "needs_response",
    }
    return {**body, **changed}


def _application(_metadata: Json, **changed: object) -> Json:
    return {"id": "ca_SandboxClientId", "object": "application", "name": "Invoice Central", **changed}


def _account(_metadata: Json, **changed: object) -> Json:
    body = {"id": ACCOUNT, "object": "account", "charges_enabled": True, "payouts_enabled": True, "country": "US"}
    return {**body, "default_currency": "usd", "details_submitted": True, "type": "standard", **changed}


Maker = Callable[..., Json]
DEBIT = {"payment_method_types": ["us_bank_account"]}
NO_FUNDS = {
    "code": "card_declined",
    "decline_code": "insufficient_funds",
    "message": "Your card has insufficient funds.",
    "type": "card_error",
}

# Name, maker of the object, what differs. A name may carry a variant after `#`.
PLAN: tuple[tuple[str, Maker, Json], ...] = (
    ("checkout.session.completed", _session, {}),
    ("checkout.session.completed#delayed", _session, {"payment_status": "unpaid", **DEBIT}),
    ("checkout.session.async_payment_succeeded", _session, DEBIT),
    ("checkout.session.async_payment_failed", _session, {"payment_status": "unpaid", **DEBIT}),
    ("checkout.session.expired", _session, {"status": "expired", "payment_status": "unpaid", "payment_intent": None}),
    ("payment_intent.processing", _intent, {"status": "processing", "amount_received": 0, **DEBIT}),
    ("payment_intent.succeeded", _intent, {}),
    (
        "payment_intent.payment_failed",
        _intent,
        {"status": "requires_payment_method", "amount_received": 0, "last_payment_error": NO_FUNDS},
    ),
    (
        "payment_intent.canceled",
        _intent,
        {"status": "canceled", "amount_received": 0, "latest_charge": None, "cancellation_reason": "abandoned"},
    ),
    ("payment_intent.partially_funded", _intent, {"status": "requires_action", "amount_received": 0}),
    ("charge.failed", _charge, {"status": "failed", "paid": False, "captured": False, "amount_captured": 0}),
    ("charge.refunded", _charge, {"amount_refunded": 4000}),
    ("refund.created", _refund, {}),
    ("refund.updated", _refund, {}),
    ("refund.failed", _refund, {"status": "failed", "failure_reason": "expired_or_canceled_card"}),
    ("charge.refund.updated", _refund, {}),
    ("charge.dispute.created", _dispute, {}),
    ("charge.dispute.updated", _dispute, {"status": "under_review"}),
    ("charge.dispute.funds_withdrawn", _dispute, {}),
    ("charge.dispute.funds_reinstated", _dispute, {"status": "won"}),
    ("charge.dispute.closed", _dispute, {"status": "lost"}),
    ("account.application.deauthorized", _application, {}),
    ("account.updated", _account, {}),
)
PREVIOUS = {"refund.updated": {"status": "pending"}, "charge.dispute.updated": {"status": "needs_response"}}


def samples(*, metadata: dict[str, str]) -> dict[str, Json]:
    """Events by type, or by type and variant. `metadata` is put where a payment link's own would arrive."""
    subset = Subset.load()
    events = {}
    for place, (name, make, changed) in enumerate(PLAN):
        event_type = name.split("#", 1)[0]
        body = make(metadata, **changed)
        completed = subset.complete(body["object"], body)
        subset.expect(body["object"], completed)
        data: Json = {"object": completed}
        if event_type in PREVIOUS:
            data["previous_attributes"] = PREVIOUS[event_type]
        event = {
            "id": f"evt_1Sandbox{place:04d}",
            "object": "event",
            "account": ACCOUNT,
            "api_version": subset.version,
            "created": SECOND + 100 + place,
            "data": data,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": event_type,
        }
        events[name] = subset.complete("event", event)
        subset.expect("event", events[name])
    return events
