"""Amounts: one rounding rule, exact conversion, and a clear refusal of what cannot be said."""

from decimal import Decimal

import pytest
from contracts.money import (
    CURRENCIES,
    MINOR_MAX,
    AmountNotExact,
    AmountTooLarge,
    Money,
    UnknownCurrency,
    decimal_from_minor,
    fraction_digits,
    minor_from_decimal,
    plain_text,
    round_to_minor,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

# ISO 4217 list one, column "minor unit", typed from the standard's table: every currency whose value is not 2.
ISO_NOT_TWO = {
    "BHD": 3, "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KMF": 0, "KRW": 0,
    "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0,
    "XOF": 0, "XPF": 0,
}  # fmt: skip


@pytest.mark.parametrize(("currency", "digits"), ISO_NOT_TWO.items())
def test_unusual_fraction_digits_are_those_of_the_standard(currency: str, digits: int) -> None:
    assert fraction_digits(currency) == digits


def test_every_other_currency_has_two_fraction_digits() -> None:
    assert {code for code in CURRENCIES if fraction_digits(code) != 2} == set(ISO_NOT_TWO)


@pytest.mark.parametrize("code", ["EURO", "eur", "XXX", "XTS", "XAU", "", "DEM", "BTC"])
def test_a_code_that_is_no_currency_is_refused_with_a_remedy(code: str) -> None:
    with pytest.raises(UnknownCurrency, match="use an ISO 4217 code such as EUR"):
        fraction_digits(code)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.50", "EUR", 1250),
        ("12.345", "EUR", 1235),
        ("12.344999999999999999999999999999999", "EUR", 1234),
        ("12.345000000000000000000000000000001", "EUR", 1235),
        ("-12.345", "EUR", -1235),
        ("0.005", "EUR", 1),
        ("-0.004", "EUR", 0),
        ("0.5", "JPY", 1),
        ("1.0005", "KWD", 1001),
        ("1E+3", "EUR", 100000),
        ("0E+999999", "EUR", 0),
        ("1E-999999", "EUR", 0),
    ],
)
def test_rounding_takes_halves_away_from_zero(amount: str, currency: str, minor: int) -> None:
    assert round_to_minor(Decimal(amount), currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("12.345", "EUR"), ("0.5", "JPY"), ("10.50", "ISK"), ("1.0001", "KWD"), ("1." + "0" * 40 + "1", "EUR")],
)
def test_an_exact_conversion_refuses_to_lose_a_digit(amount: str, currency: str) -> None:
    with pytest.raises(AmountNotExact, match=currency):
        minor_from_decimal(Decimal(amount), currency)


@pytest.mark.parametrize("amount", ["1E+18", "1E+30", "-1E+999999", "9" * 5000])
def test_an_absurd_amount_is_refused_by_name(amount: str) -> None:
    with pytest.raises(AmountTooLarge):
        round_to_minor(Decimal(amount), "EUR")
    with pytest.raises(AmountTooLarge):
        minor_from_decimal(Decimal(amount), "EUR")


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_a_number_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        round_to_minor(Decimal(amount), "EUR")


@given(minor=st.integers(-MINOR_MAX, MINOR_MAX), currency=st.sampled_from(sorted(CURRENCIES)))
def test_minor_units_survive_the_way_through_decimals_and_text(minor: int, currency: str) -> None:
    assert minor_from_decimal(decimal_from_minor(minor, currency), currency) == minor
    assert minor_from_decimal(Decimal(plain_text(minor, currency)), currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(125000, "EUR", "1250.00"), (-3, "JPY", "-3"), (5, "KWD", "0.005"), (-7, "USD", "-0.07"), (0, "EUR", "0.00")],
)
def test_plain_text_shows_the_currencys_own_digits(minor: int, currency: str, text: str) -> None:
    assert plain_text(minor, currency) == text


@pytest.mark.parametrize("minor", [MINOR_MAX + 1, -MINOR_MAX - 1, 1.5, "x", None])
def test_money_refuses_amounts_that_no_document_can_hold(minor: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"minor": minor, "currency": "EUR"})
