"""Amounts, dates and rates as a reader expects them: grouping and order by language, fraction digits by currency."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, get_decimal_symbol
from babel.units import format_unit
from contracts.money import decimal_from_minor, fraction_digits

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Amount:
    """``fraction`` has its decimal sign in front, and is empty for currencies without one."""

    currency: str
    whole: str
    fraction: str
    currency_first: bool

    @property
    def digits(self) -> str:
        return self.whole + self.fraction

    @property
    def text(self) -> str:
        parts = (self.currency, self.digits) if self.currency_first else (self.digits, self.currency)
        return " ".join(parts)


def amount(*, minor: int, currency: str, locale: str) -> Amount:
    """Raises `contracts.money.UnknownCurrency`."""
    places = fraction_digits(currency)
    pattern = "#,##0" + ("." + "0" * places if places else "")
    digits = format_decimal(abs(decimal_from_minor(minor, currency)), format=pattern, locale=locale)
    whole, sign, fraction = digits.partition(get_decimal_symbol(locale)) if places else (digits, "", "")
    standard = Locale.parse(locale).currency_formats["standard"].pattern
    return Amount(
        currency=currency,
        whole=(MINUS if minor < 0 else "") + whole,
        fraction=sign + fraction,
        currency_first=standard.lstrip("\u200f\u200e ").startswith("¤"),
    )


def long_date(day: date, *, locale: str) -> str:
    return format_date(day, format="long", locale=locale)


def rate(value: Decimal, *, locale: str) -> str:
    """A share in percent without the sign: ``19`` or ``5,5``."""
    return format_decimal(value, format="#,##0.######", locale=locale)


def moment(instant: datetime, *, locale: str) -> str:
    """``29 November 2026, 18:41 UTC``: nothing is known of the reader's own time zone."""
    there = instant.astimezone(UTC)
    return f"{long_date(there.date(), locale=locale)}, {format_time(there, format='HH:mm', locale=locale)} UTC"


def duration(length: timedelta, *, locale: str) -> str:
    """``30 minutes``, ``1 hour``, ``47 hours``: a begun minute counts, from two hours on a begun hour does not."""
    minutes = ceil(length.total_seconds() / 60)
    if minutes % 60 and minutes < 120:
        return format_unit(minutes, "minute", length="long", locale=locale)
    return format_unit(minutes // 60, "hour", length="long", locale=locale)
