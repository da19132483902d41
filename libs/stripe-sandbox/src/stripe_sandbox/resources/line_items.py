"""Reads `line_items` as sent and makes the priced items of a link or a session, with Stripe's rules for them.

Sources: the parameter docs in stripe-python's `params/_payment_link_create_params.py` (one of `price` and `price_data`,
one of `product` and `product_data`, at most 20 items), and `currencies.py` for amounts.
"""

from typing import Any

from stripe_sandbox.currencies import check_total, check_unit_amount, checked_currency
from stripe_sandbox.ids import new_id
from stripe_sandbox.refusals import Refusal, invalid, missing_parameter, no_such, unsupported
from stripe_sandbox.sandbox import Json, Sandbox

ITEMS_MAX = 20
QUANTITY_MAX = 999_999


def exactly_one(given: Json, first: str, second: str, *, param: str) -> str:
    chosen = [name for name in (first, second) if name in given]
    if len(chosen) == 2:
        message = f"You may only specify one of these parameters: {first}, {second}."
        raise invalid(message, param=param, code="parameters_exclusive")
    if not chosen:
        raise missing_parameter(f"{param}[{first}]")
    return chosen[0]


def refuse_unsupported(given: Json, supported: frozenset[str], *, param: str = "") -> None:
    for name in given:
        if name not in supported:
            raise unsupported(f"{param}[{name}]" if param else name)


def price_items(sandbox: Sandbox, *, account: str, sent: list[Json], currency: str | None) -> list[Json]:
    """The items, all in one currency; their sum is checked against Stripe's bounds."""
    if not 1 <= len(sent) <= ITEMS_MAX:
        raise invalid(f"line_items takes 1 to {ITEMS_MAX} items", param="line_items")
    items = [
        _price_item(sandbox, account=account, sent=item, param=f"line_items[{place}]")
        for place, item in enumerate(sent)
    ]
    currencies = {item["currency"] for item in items} | ({currency.lower()} if currency else set())
    if len(currencies) > 1:
        raise invalid(f"All line items must have one currency, not {', '.join(sorted(currencies))}", param="line_items")
    check_total(total_of(items), items[0]["currency"], param="line_items")
    return items


def total_of(items: list[Json]) -> int:
    return sum(int(item["amount_total"]) for item in items)


def _price_item(sandbox: Sandbox, *, account: str, sent: Json, param: str) -> Json:
    refuse_unsupported(sent, frozenset({"price", "price_data", "quantity"}), param=param)
    if exactly_one(sent, "price", "price_data", param=param) == "price":
        found = sandbox.store.find(sent["price"], account=account, kind="price")
        if found is None:
            raise no_such("price", sent["price"], param=f"{param}[price]", status=400)
        price = found.body
        product = sandbox.store.find(price["product"])
        description = product.body["name"] if product else None
    else:
        price, description = _inline_price(sandbox, account=account, sent=sent["price_data"], param=param)
    return priced(sandbox, price=price, description=description, quantity=sent.get("quantity", 1), param=param)


def priced(sandbox: Sandbox, *, price: Json, description: str | None, quantity: int, param: str) -> Json:
    if not 1 <= quantity <= QUANTITY_MAX:
        raise invalid(f"quantity must be 1 to {QUANTITY_MAX}", param=f"{param}[quantity]")
    amount = price["unit_amount"] * quantity
    item = {
        "id": new_id("li_1"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": description,
        "price": price,
        "quantity": quantity,
    }
    return sandbox.complete("item", item)


def _inline_price(sandbox: Sandbox, *, account: str, sent: Json, param: str) -> tuple[Json, str]:
    here = f"{param}[price_data]"
    refuse_unsupported(
        sent, frozenset({"currency", "unit_amount", "product", "product_data", "tax_behavior"}), param=here
    )
    currency = checked_currency(sent["currency"], param=f"{here}[currency]")
    if "unit_amount" not in sent:
        raise missing_parameter(f"{here}[unit_amount]")
    check_unit_amount(sent["unit_amount"], currency, param=f"{here}[unit_amount]")
    product = _product(sandbox, account=account, sent=sent, param=here)
    body: dict[str, Any] = {
        "id": new_id("price_1"),
        "active": False,  # An inline price is made inactive, so that it is not sold by itself.
        "billing_scheme": "per_unit",
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "product": product["id"],
        "tax_behavior": sent.get("tax_behavior", "unspecified"),
        "type": "one_time",
        "unit_amount": sent["unit_amount"],
        "unit_amount_decimal": str(sent["unit_amount"]),
    }
    return sandbox.add("price", body, account=account).body, str(product["name"])


def _product(sandbox: Sandbox, *, account: str, sent: Json, param: str) -> Json:
    if exactly_one(sent, "product", "product_data", param=param) == "product":
        found = sandbox.store.find(sent["product"], account=account, kind="product")
        if found is None:
            raise no_such("product", sent["product"], param=f"{param}[product]", status=400)
        return found.body
    data: Json = sent["product_data"]
    if not data["name"].strip():
        raise empty(f"{param}[product_data][name]")
    body = {
        "id": new_id("prod_"),
        "active": False,
        "description": data.get("description"),
        "images": data.get("images", []),
        "livemode": False,
        "marketing_features": [],
        "metadata": data.get("metadata", {}),
        "name": data["name"],
        "type": "service",
        "updated": sandbox.second(),
    }
    return sandbox.add("product", body, account=account).body


def empty(param: str) -> Refusal:
    message = f"You passed an empty string for '{param}'. Leave it out, or give it a value."
    return invalid(message, param=param, code="parameter_invalid_empty")
