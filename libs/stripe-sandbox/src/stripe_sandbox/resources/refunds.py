"""Refunds: never more than a charge still holds, and done at once.

Sources: https://docs.stripe.com/api/refunds/create and https://docs.stripe.com/refunds ("listen to `refund.created`");
`charge.amount_refunded` is the running sum. Refunds that fail or stay pending are not simulated yet.
"""

from stripe_sandbox.currencies import check_unit_amount, shown
from stripe_sandbox.events import emit
from stripe_sandbox.ids import new_id
from stripe_sandbox.refusals import Refusal, invalid
from stripe_sandbox.resources.balance import book
from stripe_sandbox.resources.line_items import exactly_one, refuse_unsupported
from stripe_sandbox.resources.listing import equals, found, page
from stripe_sandbox.resources.payment_links import merged_metadata
from stripe_sandbox.sandbox import Call, Json, Sandbox
from stripe_sandbox.store import Record

SUPPORTED = frozenset({"amount", "charge", "expand", "metadata", "payment_intent", "reason"})


def create(sandbox: Sandbox, call: Call) -> Json:
    params = call.params
    refuse_unsupported(params, SUPPORTED)
    charge = _charge(sandbox, call)
    left = charge.body["amount_captured"] - charge.body["amount_refunded"]
    if left == 0:
        message = f"Charge {charge.id} has already been refunded."
        raise Refusal(status=400, message=message, code="charge_already_refunded", saved=True)
    amount = params.get("amount", left)
    check_unit_amount(amount, charge.body["currency"], param="amount")
    if not 0 < amount <= left:
        currency = charge.body["currency"]
        message = f"{shown(amount, currency)} cannot be refunded: {shown(left, currency)} of the charge is left"
        raise Refusal(status=400, message=message, param="amount", saved=True)
    refund = _made(sandbox, charge, params=params, amount=amount)
    refunded = charge.body["amount_refunded"] + amount
    sandbox.change(charge, amount_refunded=refunded, refunded=refunded == charge.body["amount_captured"])
    emit(sandbox, event_type="refund.created", record=refund, cause=call.cause)
    emit(sandbox, event_type="charge.refunded", record=charge, cause=call.cause)
    emit(sandbox, event_type="refund.updated", record=refund, previous={}, cause=call.cause)
    return refund.body


def _charge(sandbox: Sandbox, call: Call) -> Record:
    params = call.params
    if "charge" not in params and "payment_intent" not in params:
        message = "One of these parameters is needed: payment_intent, charge."
        raise invalid(message, param="payment_intent", code="parameter_missing")
    kind = exactly_one(params, "charge", "payment_intent", param="charge")
    record = found(sandbox, kind=kind, account=call.account, object_id=params[kind], param=kind)
    charge_id = record.body["latest_charge"] if kind == "payment_intent" else record.id
    charge = sandbox.store.find(charge_id or "")
    if charge is None or charge.body["status"] != "succeeded":
        raise Refusal(status=400, message=f"{params[kind]} has no successful charge to refund.", param=kind, saved=True)
    return charge


def _made(sandbox: Sandbox, charge: Record, *, params: Json, amount: int) -> Record:
    body = {
        "id": new_id("re_3"),
        "amount": amount,
        "charge": charge.id,
        "currency": charge.body["currency"],
        "metadata": params.get("metadata") or {},
        "payment_intent": charge.body["payment_intent"],
        "reason": params.get("reason"),
        "status": "succeeded",
    }
    refund = sandbox.add("refund", body, account=charge.account)
    transaction = book(sandbox, account=charge.account, source=refund, kind="refund", amount=-amount)
    sandbox.change(refund, balance_transaction=transaction.id)
    return refund


def retrieve(sandbox: Sandbox, call: Call) -> Json:
    return _found(sandbox, call).body


def _found(sandbox: Sandbox, call: Call) -> Record:
    return found(sandbox, kind="refund", account=call.account, object_id=call.path["refund"], param="refund")


def list_all(sandbox: Sandbox, call: Call) -> Json:
    where, values = equals(call.params, "charge", "payment_intent")
    return page(sandbox, call, kind="refund", url="/v1/refunds", where=where, values=values)


def update(sandbox: Sandbox, call: Call) -> Json:
    refund = _found(sandbox, call)
    metadata = merged_metadata(refund.body["metadata"] or {}, call.params.get("metadata", {}))
    before = sandbox.change(refund, metadata=metadata)
    if before:
        emit(sandbox, event_type="refund.updated", record=refund, previous=before, cause=call.cause)
    return refund.body
