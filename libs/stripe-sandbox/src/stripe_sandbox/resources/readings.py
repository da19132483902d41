"""What is only read, or nearly: accounts, events, payment intents, charges, prices and products.

Events are kept 30 days (https://docs.stripe.com/api/events); `type` and `types` exclude each other, and `types` takes
at most 20 names (stripe-python's `params/_event_list_params.py`).
"""

from stripe_sandbox.refusals import Refusal, invalid, unsupported
from stripe_sandbox.resources.line_items import refuse_unsupported
from stripe_sandbox.resources.listing import equals, found, page
from stripe_sandbox.resources.payment_links import merged_metadata
from stripe_sandbox.sandbox import Call, Json, Sandbox

EVENT_DAYS = 30
EVENT_TYPES_MAX = 20
UNDELIVERED = "id IN (SELECT event_id FROM deliveries WHERE state != 'delivered')"


def current_account(sandbox: Sandbox, call: Call) -> Json:
    return found(sandbox, kind="account", account=call.account, object_id=call.account, param="account").body


def account(sandbox: Sandbox, call: Call) -> Json:
    account_id = call.path["account"]
    return found(sandbox, kind="account", account=call.account, object_id=account_id, param="account").body


def events(sandbox: Sandbox, call: Call) -> Json:
    params = call.params
    if "type" in params and "types" in params:
        message = "You may only specify one of these parameters: type, types."
        raise invalid(message, param="types", code="parameters_exclusive")
    where, values = ["created > ?"], [sandbox.second() - EVENT_DAYS * 86400]
    if "type" in params:
        where.append("json_extract(body, '$.type') GLOB ?")
        values.append(params["type"])
    if "types" in params:
        if not 1 <= len(params["types"]) <= EVENT_TYPES_MAX:
            raise invalid(f"types takes 1 to {EVENT_TYPES_MAX} names", param="types")
        where.append(f"json_extract(body, '$.type') IN ({', '.join('?' * len(params['types']))})")
        values += params["types"]
    if "delivery_success" in params:
        where.append(f"NOT {UNDELIVERED}" if params["delivery_success"] else UNDELIVERED)
    return page(sandbox, call, kind="event", url="/v1/events", where=where, values=values)


def event(sandbox: Sandbox, call: Call) -> Json:
    return found(sandbox, kind="event", account=call.account, object_id=call.path["id"], param="id").body


def payment_intents(sandbox: Sandbox, call: Call) -> Json:
    for name in ("customer", "customer_account"):
        if name in call.params:
            raise unsupported(name)
    return page(sandbox, call, kind="payment_intent", url="/v1/payment_intents")


def payment_intent(sandbox: Sandbox, call: Call) -> Json:
    intent_id = call.path["intent"]
    return found(sandbox, kind="payment_intent", account=call.account, object_id=intent_id, param="intent").body


def update_payment_intent(sandbox: Sandbox, call: Call) -> Json:
    refuse_unsupported(call.params, frozenset({"description", "expand", "metadata"}))
    intent_id = call.path["intent"]
    intent = found(sandbox, kind="payment_intent", account=call.account, object_id=intent_id, param="intent")
    metadata = merged_metadata(intent.body["metadata"], call.params.get("metadata", {}))
    description = call.params.get("description", intent.body["description"]) or None
    sandbox.change(intent, description=description, metadata=metadata)
    return intent.body


def cancel_payment_intent(sandbox: Sandbox, call: Call) -> Json:
    """Every intent here belongs to a Checkout Session, and those end by expiring the session.

    Source: the docstring of `PaymentIntent.cancel` in stripe-python.
    """
    intent_id = call.path["intent"]
    intent = found(sandbox, kind="payment_intent", account=call.account, object_id=intent_id, param="intent")
    message = f"{intent.id} was made by a Checkout Session. Expire that session instead."
    raise Refusal(status=400, message=message, code="payment_intent_unexpected_state", saved=True)


def charges(sandbox: Sandbox, call: Call) -> Json:
    for name in ("customer", "transfer_group"):
        if name in call.params:
            raise unsupported(name)
    where, values = equals(call.params, "payment_intent")
    return page(sandbox, call, kind="charge", url="/v1/charges", where=where, values=values)


def charge(sandbox: Sandbox, call: Call) -> Json:
    return found(sandbox, kind="charge", account=call.account, object_id=call.path["charge"], param="charge").body


def price(sandbox: Sandbox, call: Call) -> Json:
    return found(sandbox, kind="price", account=call.account, object_id=call.path["price"], param="price").body


def product(sandbox: Sandbox, call: Call) -> Json:
    return found(sandbox, kind="product", account=call.account, object_id=call.path["id"], param="id").body
