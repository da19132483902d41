"""Amounts and dates look as their reader expects; the expected texts are written out here, not computed."""

from datetime import date
from decimal import Decimal

import pytest
from notification_service.mail_rendering.figures import amount, long_date, rate


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "expected"),
    [
        (436_500, "USD", "en_GB", "USD 4,365.00"),
        (436_500, "USD", "de_DE", "4.365,00 USD"),
        (436_500, "EUR", "fr_FR", "4 365,00 EUR"),
        (2_173_000, "PLN", "es_ES", "21.730,00 PLN"),
        (1_250, "JPY", "en_GB", "JPY 1,250"),
        (1_284_505, "KWD", "en_GB", "KWD 1,284.505"),
        (-48_500, "EUR", "en_GB", "EUR −485.00"),
        (-5, "EUR", "de_DE", "−0,05 EUR"),
        (0, "EUR", "en_GB", "EUR 0.00"),
        (999_999_999_999, "EUR", "en_GB", "EUR 9,999,999,999.99"),
        (1_000, "ISK", "de_DE", "1.000 ISK"),
    ],
)
def test_an_amount_is_grouped_and_ordered_for_its_reader(minor: int, currency: str, locale: str, expected: str) -> None:
    text = amount(minor=minor, currency=currency, locale=locale).text

    assert text.replace("\u00a0", " ").replace("\u202f", " ") == expected


def test_the_fraction_can_be_shown_apart() -> None:
    figure = amount(minor=436_500, currency="USD", locale="de_DE")

    assert (figure.whole, figure.fraction, figure.currency_first) == ("4.365", ",00", False)


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("en_GB", "5 December 2026"),
        ("de_DE", "5. Dezember 2026"),
        ("fr_FR", "5 décembre 2026"),
        ("es_ES", "5 de diciembre de 2026"),
    ],
)
def test_a_date_is_written_out(locale: str, expected: str) -> None:
    assert long_date(date(2026, 12, 5), locale=locale) == expected


def test_a_rate_keeps_the_digits_it_has() -> None:
    assert rate(Decimal("19.00"), locale="en_GB") == "19"
    assert rate(Decimal("5.5"), locale="de_DE") == "5,5"
