"""Amounts at Stripe's door, against a table typed by hand from Stripe's page on currencies (November 2026)."""

import pytest
from contracts.money import CURRENCIES, MINOR_MAX, Money, UnknownCurrency
from contracts.stripe_amounts import NotRepresentableAtStripe, from_stripe_amount, minimum_minor, to_stripe_amount
from hypothesis import given
from hypothesis import strategies as st

# currency: (our minor units, Stripe's integer); ours follow ISO 4217, Stripe's are those of its "special cases".
SAID_BY_STRIPE = {
    # Two digits on both sides.
    "EUR": (1050, 1050), "USD": (1050, 1050), "GBP": (1050, 1050), "CHF": (1050, 1050), "PLN": (1050, 1050),
    # "Zero-decimal currencies": ten units are 10.
    "BIF": (10, 10), "CLP": (10, 10), "DJF": (10, 10), "GNF": (10, 10), "JPY": (10, 10), "KMF": (10, 10),
    "KRW": (10, 10), "PYG": (10, 10), "RWF": (10, 10), "VND": (10, 10), "VUV": (10, 10), "XAF": (10, 10),
    "XOF": (10, 10), "XPF": (10, 10),
    # Zero-decimal at Stripe although ISO gives it two: MGA 10.00 is 1000 for us and 10 there.
    "MGA": (1000, 10),
    # "Three-decimal currencies", rounded to a ten: 5.120 is 5120.
    "BHD": (5120, 5120), "JOD": (5120, 5120), "KWD": (5120, 5120), "OMR": (5120, 5120), "TND": (5120, 5120),
    # Without fractions, but written with two zeros there: 5 ISK is 500.
    "ISK": (5, 500), "UGX": (5, 500),
    # Two digits for charges; only payouts want whole units.
    "HUF": (1050, 1050), "TWD": (1050, 1050),
}  # fmt: skip


@pytest.mark.parametrize(("currency", "pair"), SAID_BY_STRIPE.items())
def test_an_amount_is_written_as_stripe_expects_it_and_read_back(currency: str, pair: tuple[int, int]) -> None:
    ours, stripes = pair

    assert to_stripe_amount(Money(minor=ours, currency=currency)) == stripes
    assert from_stripe_amount(stripes, currency.lower()) == Money(minor=ours, currency=currency)


@pytest.mark.parametrize(
    ("minor", "currency", "rule"),
    [
        (1001, "KWD", "1.001 KWD; the last digit must be 0"),
        (5124, "BHD", "the last digit must be 0"),
        (5121, "JOD", "the last digit must be 0"),
        (5129, "OMR", "the last digit must be 0"),
        (5125, "TND", "the last digit must be 0"),
        (1050, "MGA", "fraction of MGA"),
        (1, "MGA", "fraction of MGA"),
        (100_000_000, "EUR", "at most 8 digits; 1000000.00 EUR"),
        (1_000_000, "ISK", "at most 8 digits"),
        (0, "EUR", "above zero"),
        (-1050, "EUR", "above zero"),
        (1050, "IRR", "does not take IRR"),
        (1050, "KPW", "does not take KPW"),
    ],
)
def test_an_amount_that_stripe_cannot_take_is_refused_and_never_rounded(minor: int, currency: str, rule: str) -> None:
    with pytest.raises(NotRepresentableAtStripe, match=rule):
        to_stripe_amount(Money(minor=minor, currency=currency))


@pytest.mark.parametrize(("amount", "currency"), [(550, "isk"), (501, "UGX")])
def test_a_fraction_that_our_minor_unit_lacks_is_refused_on_the_way_back(amount: int, currency: str) -> None:
    with pytest.raises(NotRepresentableAtStripe, match="fraction"):
        from_stripe_amount(amount, currency)


def test_the_largest_amount_is_eight_digits() -> None:
    assert to_stripe_amount(Money(minor=99_999_999, currency="EUR")) == 99_999_999
    assert to_stripe_amount(Money(minor=999_999, currency="ISK")) == 99_999_900


@pytest.mark.parametrize("currency", ["XXX", "EURO", ""])
def test_an_unknown_currency_is_refused_on_the_way_back(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        from_stripe_amount(100, currency)


@given(minor=st.integers(1, MINOR_MAX), currency=st.sampled_from(sorted(CURRENCIES)))
def test_what_stripe_takes_comes_back_as_the_same_money(minor: int, currency: str) -> None:
    money = Money(minor=minor, currency=currency)
    try:
        amount = to_stripe_amount(money)
    except NotRepresentableAtStripe:
        return

    assert from_stripe_amount(amount, currency.lower()) == money


@pytest.mark.parametrize(
    ("currency", "minor"),
    [("USD", 50), ("GBP", 30), ("JPY", 50), ("SEK", 300), ("DKK", 250), ("CZK", 1500), ("HUF", 17500), ("XAF", None)],
)
def test_a_known_minimum_is_in_our_minor_units(currency: str, minor: int | None) -> None:
    assert minimum_minor(currency) == minor
