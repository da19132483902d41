"""Stripe's amounts, against literals copied by hand from its documentation and from nowhere in this package."""

from typing import Any

import pytest
import stripe
from stripe_sandbox.currencies import shown

# https://docs.stripe.com/currencies, sections "Zero-decimal", "Three-decimal" and "Special cases".
SHOWN = [
    ("usd", 1050, "USD 10.50"),
    ("eur", 123456789, "EUR 1,234,567.89"),
    ("jpy", 500, "JPY 500"),
    ("mga", 500, "MGA 500"),
    ("clp", 1500, "CLP 1,500"),
    ("isk", 500, "ISK 5.00"),
    ("ugx", 500, "UGX 5.00"),
    ("huf", 17500, "HUF 175.00"),
    ("twd", 80000, "TWD 800.00"),
    ("kwd", 5120, "KWD 5.120"),
    ("tnd", 1000, "TND 1.000"),
]
ACCEPTED = [
    ("usd", 50),
    ("eur", 50),
    ("gbp", 30),
    ("jpy", 50),
    ("czk", 1500),
    ("sek", 300),
    ("isk", 500),
    ("ugx", 100),
    ("kwd", 5120),
    ("mga", 501),
    ("usd", 99_999_999),
]
REFUSED = [
    ("usd", 49, "amount_too_small"),
    ("eur", 0, "amount_too_small"),
    ("gbp", 29, "amount_too_small"),
    ("jpy", 49, "amount_too_small"),
    ("dkk", 249, "amount_too_small"),
    ("huf", 17499, "amount_too_small"),
    ("usd", 100_000_000, "amount_too_large"),
    ("isk", 1050, "parameter_invalid_integer"),
    ("ugx", 501, "parameter_invalid_integer"),
    ("kwd", 1001, "parameter_invalid_integer"),
    ("bhd", 5125, "parameter_invalid_integer"),
    ("usd", -100, "parameter_invalid_integer"),
]


@pytest.mark.parametrize(("currency", "amount", "text"), SHOWN)
def test_an_amount_reads_as_stripe_means_it(currency: str, amount: int, text: str) -> None:
    assert shown(amount, currency) == text


async def test_each_amount_stripe_takes_is_taken(bench: Any) -> None:
    links = [await bench.new_link(line_items=bench.items(currency, amount)) for currency, amount in ACCEPTED]

    assert [link.currency for link in links] == [currency for currency, _ in ACCEPTED]


async def test_each_amount_stripe_refuses_is_refused_for_its_reason(bench: Any) -> None:
    got = []
    for currency, amount, _ in REFUSED:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            await bench.new_link(line_items=bench.items(currency, amount))
        got.append((currency, amount, refusal.value.code))

    assert got == REFUSED


async def test_a_currency_stripe_does_not_know_is_refused(bench: Any) -> None:
    for currency in ("xxx", "btc", "euro", ""):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            await bench.new_link(line_items=bench.items(currency, 5000))

        assert refusal.value.param == "line_items[0][price_data][currency]"


async def test_the_minimum_is_of_the_whole_not_of_a_line(bench: Any) -> None:
    lines = bench.items("eur", 30) + bench.items("eur", 30)

    assert (await bench.new_link(line_items=lines)).currency == "eur"


async def test_two_currencies_in_one_link_are_refused(bench: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="one currency"):
        await bench.new_link(line_items=bench.items("eur", 500) + bench.items("usd", 500))
