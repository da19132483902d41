"""The table of what the API serves: an operation of the subset, and the function that does it."""

from collections.abc import Callable

from stripe_sandbox.resources import (
    balance,
    checkout_sessions,
    payment_links,
    readings,
    refunds,
    webhook_endpoints,
)
from stripe_sandbox.sandbox import Call, Json, Sandbox

Handler = Callable[[Sandbox, Call], Json]

HANDLERS: dict[tuple[str, str], Handler] = {
    ("get", "/v1/account"): readings.current_account,
    ("get", "/v1/accounts/{account}"): readings.account,
    ("get", "/v1/balance"): balance.retrieve,
    ("get", "/v1/balance_transactions"): balance.list_transactions,
    ("get", "/v1/balance_transactions/{id}"): balance.retrieve_transaction,
    ("get", "/v1/charges"): readings.charges,
    ("get", "/v1/charges/{charge}"): readings.charge,
    ("get", "/v1/checkout/sessions"): checkout_sessions.list_all,
    ("post", "/v1/checkout/sessions"): checkout_sessions.create,
    ("get", "/v1/checkout/sessions/{session}"): checkout_sessions.retrieve,
    ("post", "/v1/checkout/sessions/{session}/expire"): checkout_sessions.expire,
    ("get", "/v1/checkout/sessions/{session}/line_items"): checkout_sessions.line_items,
    ("get", "/v1/events"): readings.events,
    ("get", "/v1/events/{id}"): readings.event,
    ("get", "/v1/payment_intents"): readings.payment_intents,
    ("get", "/v1/payment_intents/{intent}"): readings.payment_intent,
    ("post", "/v1/payment_intents/{intent}"): readings.update_payment_intent,
    ("post", "/v1/payment_intents/{intent}/cancel"): readings.cancel_payment_intent,
    ("get", "/v1/payment_links"): payment_links.list_all,
    ("post", "/v1/payment_links"): payment_links.create,
    ("get", "/v1/payment_links/{payment_link}"): payment_links.retrieve,
    ("post", "/v1/payment_links/{payment_link}"): payment_links.update,
    ("get", "/v1/payment_links/{payment_link}/line_items"): payment_links.line_items,
    ("get", "/v1/prices/{price}"): readings.price,
    ("get", "/v1/products/{id}"): readings.product,
    ("get", "/v1/refunds"): refunds.list_all,
    ("post", "/v1/refunds"): refunds.create,
    ("get", "/v1/refunds/{refund}"): refunds.retrieve,
    ("post", "/v1/refunds/{refund}"): refunds.update,
    ("get", "/v1/webhook_endpoints"): webhook_endpoints.list_all,
    ("post", "/v1/webhook_endpoints"): webhook_endpoints.create,
    ("get", "/v1/webhook_endpoints/{webhook_endpoint}"): webhook_endpoints.retrieve,
    ("post", "/v1/webhook_endpoints/{webhook_endpoint}"): webhook_endpoints.update,
    ("delete", "/v1/webhook_endpoints/{webhook_endpoint}"): webhook_endpoints.delete,
}

# Permission names are modelled on those that Stripe's 403 texts mention; the full list is not published.
PERMISSION_STEMS = {
    "account": "rak_accounts_kyc_basic",
    "accounts": "rak_accounts_kyc_basic",
    "balance": "rak_balance",
    "balance_transactions": "rak_balance_transaction",
    "charges": "rak_charge",
    "checkout": "rak_checkout_session",
    "events": "rak_event",
    "payment_intents": "rak_payment_intent",
    "payment_links": "rak_payment_link",
    "prices": "rak_price",
    "products": "rak_product",
    "refunds": "rak_refund",
    "webhook_endpoints": "rak_webhook",
}


def permission_for(*, method: str, template: str) -> str:
    stem = PERMISSION_STEMS[template.split("/")[2]]
    return f"{stem}_{'read' if method == 'get' else 'write'}"


def allows(permissions: frozenset[str] | None, needed: str) -> bool:
    """Write includes read; a key without a list may do everything."""
    return permissions is None or bool({needed, needed.removesuffix("_read") + "_write"} & permissions)
