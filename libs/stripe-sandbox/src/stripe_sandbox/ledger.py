"""What the sandbox knows about money, per account and currency: the other side of any reconciliation."""

from stripe_sandbox.sandbox import Json, Sandbox

SESSION_FIELDS = (
    "id",
    "payment_link",
    "payment_intent",
    "amount_total",
    "currency",
    "status",
    "payment_status",
    "metadata",
)
INTENT_FIELDS = ("id", "amount", "amount_received", "currency", "status", "latest_charge", "metadata")


def ledger(sandbox: Sandbox) -> Json:
    accounts = sandbox.store.select(kind="account", tail="ORDER BY seq")
    return {"accounts": {account.id: _books(sandbox, account.id) for account in accounts}}


def _books(sandbox: Sandbox, account: str) -> Json:
    sessions = sandbox.store.select(kind="checkout.session", account=account, tail="ORDER BY seq")
    intents = sandbox.store.select(kind="payment_intent", account=account, tail="ORDER BY seq")
    refunds = sandbox.store.select(kind="refund", account=account, tail="ORDER BY seq")
    links = sandbox.store.select(kind="payment_link", account=account, tail="ORDER BY seq")
    totals: dict[str, dict[str, int]] = {}
    for intent in intents:
        if intent.body["status"] == "succeeded":
            _add(totals, intent.body["currency"], "received", intent.body["amount_received"])
    for refund in refunds:
        if refund.body["status"] == "succeeded":
            _add(totals, refund.body["currency"], "refunded", refund.body["amount"])
    paid = [session.body for session in sessions if session.body["payment_status"] == "paid"]
    return {
        "sessions_paid": [{name: body[name] for name in SESSION_FIELDS} for body in paid],
        "sessions_open": [session.id for session in sessions if session.body["status"] == "open"],
        "payment_intents": [{name: intent.body[name] for name in INTENT_FIELDS} for intent in intents],
        "totals": totals,
        "links_total": len(links),
        "links_active": [link.id for link in links if link.body["active"]],
    }


def _add(totals: dict[str, dict[str, int]], currency: str, column: str, amount: int) -> None:
    row = totals.setdefault(currency, {"received": 0, "refunded": 0})
    row[column] += amount
