"""The account's balance and the transactions it is the sum of; every charge and refund is booked here once.

Fees are a plain 2.9 %, rounded half up, in the currency of the charge: near Stripe's list price, and no more than
that. Nothing is converted, and everything is available at once.
"""

from typing import Literal

from stripe_sandbox.ids import new_id
from stripe_sandbox.refusals import unsupported
from stripe_sandbox.resources.listing import equals, found, page
from stripe_sandbox.sandbox import Call, Json, Sandbox
from stripe_sandbox.store import Record

FEE_PER_MILLE = 29


def book(sandbox: Sandbox, *, account: str, source: Record, kind: Literal["charge", "refund"], amount: int) -> Record:
    """`amount` is signed: a refund is negative. Stripe keeps the fee of a refunded charge."""
    fee = (amount * FEE_PER_MILLE + 500) // 1000 if kind == "charge" else 0
    currency = source.body["currency"]
    details = [{"amount": fee, "currency": currency, "description": "Sandbox processing fee", "type": "stripe_fee"}]
    body = {
        "id": new_id("txn_3"),
        "amount": amount,
        "available_on": sandbox.second(),
        "balance_type": "payments",
        "currency": currency,
        "fee": fee,
        "fee_details": details if fee else [],
        "net": amount - fee,
        "reporting_category": kind,
        "source": source.id,
        "status": "available",
        "type": kind,
    }
    return sandbox.add("balance_transaction", body, account=account)


def retrieve(sandbox: Sandbox, call: Call) -> Json:
    sums: dict[str, int] = {}
    for transaction in sandbox.store.select(kind="balance_transaction", account=call.account):
        currency = transaction.body["currency"]
        sums[currency] = sums.get(currency, 0) + transaction.body["net"]
    if not sums:
        account = found(sandbox, kind="account", account=call.account, object_id=call.account, param="account")
        sums[account.body["default_currency"]] = 0
    available = [{"amount": amount, "currency": currency} for currency, amount in sorted(sums.items())]
    pending = [{"amount": 0, "currency": currency} for currency in sorted(sums)]
    return sandbox.complete(
        "balance", {"object": "balance", "available": available, "pending": pending, "livemode": False}
    )


def list_transactions(sandbox: Sandbox, call: Call) -> Json:
    if "payout" in call.params:
        raise unsupported("payout")
    where, values = equals(call.params, "currency", "source", "type")
    url = "/v1/balance_transactions"
    return page(sandbox, call, kind="balance_transaction", url=url, where=where, values=values)


def retrieve_transaction(sandbox: Sandbox, call: Call) -> Json:
    transaction_id = call.path["id"]
    return found(sandbox, kind="balance_transaction", account=call.account, object_id=transaction_id, param="id").body
