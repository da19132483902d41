"""What Stripe can and cannot collect exactly. Both columns are copied by hand from Stripe's own currency page."""

from decimal import Decimal

import pytest
from invoice_service.domain.drafting import DraftLine
from invoice_service.domain.stripe_fit import stripe_objection, stripe_warning


def lines(*unit_prices: str) -> list[DraftLine]:
    return [DraftLine(description="Work", unit_price=Decimal(price)) for price in unit_prices]


@pytest.mark.parametrize(
    ("currency", "price", "total_minor"),
    [
        ("EUR", "10.50", 1050),
        ("JPY", "1050", 1050),
        ("ISK", "5", 5),
        ("UGX", "3700", 3700),
        ("KWD", "1.230", 1230),
        ("MGA", "500.00", 50000),
        ("HUF", "175.50", 17550),
        ("TWD", "80.50", 8050),
        ("CLP", "990", 990),
        ("EUR", "999999.99", 99_999_999),
    ],
)
def test_an_amount_that_stripe_can_say_raises_no_objection(currency: str, price: str, total_minor: int) -> None:
    assert stripe_objection(currency=currency, total_minor=total_minor, lines=lines(price)) is None


@pytest.mark.parametrize(
    ("currency", "price", "total_minor", "says"),
    [
        ("ISK", "10.50", 11, "10.5 ISK"),
        ("UGX", "0.50", 1, "0.5 UGX"),
        ("JPY", "99.9", 100, "99.9 JPY"),
        ("CLP", "1.5", 2, "1.5 CLP"),
        ("KWD", "1.001", 1001, "1.001 KWD"),
        ("BHD", "1.234", 1234, "1.234 BHD"),
        ("MGA", "10.50", 1050, "MGA"),
        ("EUR", "1000000.00", 100_000_000, "1000000.00 EUR"),
        ("EUR", "0", 0, "above zero"),
        ("CUP", "10.00", 1000, "CUP"),
    ],
)
def test_an_amount_that_stripe_cannot_say_is_refused_and_not_rounded(
    currency: str, price: str, total_minor: int, says: str
) -> None:
    objection = stripe_objection(currency=currency, total_minor=total_minor, lines=lines(price))

    assert objection is not None
    assert objection.slug == "amount-not-representable"
    assert says in objection.detail
    assert "by hand" in objection.detail


def test_two_halves_that_make_a_whole_are_still_refused_without_fractions() -> None:
    objection = stripe_objection(currency="ISK", total_minor=21, lines=lines("10.50", "10.50"))

    assert objection is not None
    assert objection.pointer == "/lines/0"


@pytest.mark.parametrize(
    ("currency", "total_minor", "warns"),
    [("USD", 10, True), ("USD", 50, False), ("HUF", 17499, True), ("HUF", 17500, False), ("ISK", 1, False)],
)
def test_an_amount_below_a_known_minimum_brings_a_warning(currency: str, total_minor: int, *, warns: bool) -> None:
    assert (stripe_warning(currency=currency, total_minor=total_minor) is not None) is warns
