"""Checkout sessions: opened from a link or by a request, alive for a day, and complete, expired or open.

A session keeps the price it was opened with and does not ask its link again: deactivating a link leaves the sessions
already open payable until they expire, which other integrators have seen at Stripe and which the expire call exists
for. Lifetime: `expires_at` in stripe-python's `params/checkout/_session_create_params.py` (30 minutes to 24 hours).
"""

from stripe_sandbox.events import BY_ITSELF, emit
from stripe_sandbox.ids import new_session_id
from stripe_sandbox.instruments import DEBIT_METHODS
from stripe_sandbox.refusals import Refusal, invalid, missing_parameter, unsupported
from stripe_sandbox.resources.line_items import price_items, refuse_unsupported, total_of
from stripe_sandbox.resources.listing import equals, found, items_page, page
from stripe_sandbox.sandbox import Call, Cause, Json, Sandbox
from stripe_sandbox.store import Record

DAY_SECONDS = 24 * 3600
HALF_HOUR_SECONDS = 1800
CREATE_PARAMS = frozenset(
    {
        "cancel_url",
        "client_reference_id",
        "currency",
        "customer_email",
        "expand",
        "expires_at",
        "line_items",
        "metadata",
        "mode",
        "payment_intent_data",
        "success_url",
    }
)
EXPIRE_ACTION = "expire_session"


class SessionNotOpen(Refusal):
    def __init__(self, *, status: str, verb: str) -> None:
        message = f"Only Checkout Sessions with a status of open can be {verb}. This one has a status of `{status}`."
        super().__init__(status=400, message=message, saved=True)


def open_from_link(
    sandbox: Sandbox, link: Record, *, email: str | None = None, client_reference_id: str | None = None
) -> Record:
    """The caller has seen that the link is active. A link's metadata is copied to every session it makes."""
    after = link.body["after_completion"]
    fields = {
        "client_reference_id": client_reference_id,
        "customer_email": None,
        "metadata": link.body["metadata"],
        "payment_link": link.id,
        "submit_type": link.body["submit_type"],
        "success_url": after["redirect"]["url"] if after["type"] == "redirect" else None,
    }
    private = {
        "line_items": link.private["line_items"],
        "payment_intent_data": link.body["payment_intent_data"] or {},
        "after_completion": after,
        "prefilled_email": email,
    }
    return _open(sandbox, account=link.account, fields=fields, private=private)


def create(sandbox: Sandbox, call: Call) -> Json:
    """The part of the create call that one-time payments need; other modes are refused, not half done."""
    params = call.params
    if params.get("mode", "payment") != "payment":
        raise unsupported("mode")
    refuse_unsupported(params, CREATE_PARAMS)
    for name in ("line_items", "success_url"):
        if name not in params:
            raise missing_parameter(name)
    items = price_items(sandbox, account=call.account, sent=params["line_items"], currency=params.get("currency"))
    names = ("cancel_url", "client_reference_id", "customer_email", "metadata", "success_url")
    fields: Json = {"metadata": {}, **{name: params[name] for name in names if name in params}}
    if "expires_at" in params:
        fields["expires_at"] = _checked_expiry(sandbox, params["expires_at"])
    private = {
        "line_items": items,
        "payment_intent_data": params.get("payment_intent_data", {}),
        "after_completion": {"type": "redirect", "redirect": {"url": params["success_url"]}},
        "prefilled_email": params.get("customer_email"),
    }
    return _open(sandbox, account=call.account, fields=fields, private=private).body


def _checked_expiry(sandbox: Sandbox, expires_at: int) -> int:
    ahead = expires_at - sandbox.second()
    if not HALF_HOUR_SECONDS <= ahead <= DAY_SECONDS:
        raise invalid("expires_at must be 30 minutes to 24 hours from now", param="expires_at")
    return expires_at


def _open(sandbox: Sandbox, *, account: str, fields: Json, private: Json) -> Record:
    session_id = new_session_id()
    items = private["line_items"]
    total, currency = total_of(items), items[0]["currency"]
    debit = DEBIT_METHODS.get(currency)
    body = {
        "id": session_id,
        "adaptive_pricing": {"enabled": False},
        "allow_promotion_codes": False,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False},
        "billing_address_collection": "auto",
        "currency": currency,
        "custom_fields": [],
        "custom_text": {},
        "customer_creation": "if_required",
        "expires_at": sandbox.second() + DAY_SECONDS,
        "livemode": False,
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": ["card", *([debit] if debit else [])],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{sandbox.settings.public_url}/c/pay/{session_id}",
        **fields,
    }
    session = sandbox.add("checkout.session", body, account=account, private=private)
    sandbox.start_timer(due=session.body["expires_at"], action=EXPIRE_ACTION, object_id=session.id)
    return session


def retrieve(sandbox: Sandbox, call: Call) -> Json:
    return _found(sandbox, call).body


def _found(sandbox: Sandbox, call: Call) -> Record:
    session_id = call.path["session"]
    return found(sandbox, kind="checkout.session", account=call.account, object_id=session_id, param="session")


def list_all(sandbox: Sandbox, call: Call) -> Json:
    for name in ("customer", "customer_account", "subscription"):
        if name in call.params:
            raise unsupported(name)
    where, values = equals(call.params, "payment_link", "payment_intent", "status")
    if "customer_details" in call.params:
        where.append("json_extract(body, '$.customer_details.email') = ?")
        values.append(call.params["customer_details"]["email"])
    return page(sandbox, call, kind="checkout.session", url="/v1/checkout/sessions", where=where, values=values)


def line_items(sandbox: Sandbox, call: Call) -> Json:
    session = _found(sandbox, call)
    return items_page(call, session.private["line_items"], url=f"/v1/checkout/sessions/{session.id}/line_items")


def expire(sandbox: Sandbox, call: Call) -> Json:
    session = _found(sandbox, call)
    if session.body["status"] != "open":
        raise SessionNotOpen(status=session.body["status"], verb="expired")
    close(sandbox, session, cause=call.cause)
    return session.body


def close(sandbox: Sandbox, session: Record, *, cause: Cause = BY_ITSELF) -> None:
    """Expire an open session, and with it the payment intent a declined card may have left."""
    sandbox.change(session, status="expired", url=None)
    intent = sandbox.store.find(session.body["payment_intent"] or "")
    if intent is not None:
        sandbox.change(intent, status="canceled", cancellation_reason="expired", canceled_at=sandbox.second())
        emit(sandbox, event_type="payment_intent.canceled", record=intent, cause=cause)
    emit(sandbox, event_type="checkout.session.expired", record=session, cause=cause)
