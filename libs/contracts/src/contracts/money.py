"""Amounts: integers in minor units with their currency, and the one rounding rule that everything shares.

Fraction digits are ISO 4217's. What Stripe calls a minor unit differs for some currencies and lives in
`contracts.stripe_amounts`; nothing else may convert.
"""

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MINOR_MAX = 999_999_999_999
"""The largest amount of one document, in minor units; far below 2**53, so that no JSON reader loses a digit."""

_ADJUSTED_MAX = 17
"""The power of ten from which an amount is absurd; generous, since `MINOR_MAX` is the limit of a document."""

_NO_FRACTION = frozenset([
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
])  # fmt: skip
_THREE_DIGITS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
_TWO_DIGITS = frozenset([
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BMD", "BND",
    "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP", "CRC", "CUP", "CVE", "CZK",
    "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ", "GYD",
    "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IRR", "JMD", "KES", "KGS", "KHR", "KPW", "KYD", "KZT", "LAK",
    "LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN",
    "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "QAR", "RON",
    "RSD", "RUB", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP",
    "SZL", "THB", "TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "UYU", "UZS", "VES", "WST", "XCD",
    "YER", "ZAR", "ZMW",
])  # fmt: skip
CURRENCIES = _NO_FRACTION | _THREE_DIGITS | _TWO_DIGITS

CurrencyCode = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]


class UnknownCurrency(ValueError):
    """A code that is not an active ISO 4217 currency for invoices."""


class AmountNotExact(ValueError):
    """A decimal has more fraction digits than its currency."""


class AmountTooLarge(ValueError):
    """A decimal is far beyond what any document may say."""


class Money(BaseModel):
    """``minor`` is signed, in the currency's own smallest unit: EUR 12.50 is ``Money(minor=1250, currency="EUR")``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minor: Annotated[int, Field(ge=-MINOR_MAX, le=MINOR_MAX)]
    currency: CurrencyCode


def fraction_digits(currency: str) -> int:
    """How many digits stand after the point. Raises `UnknownCurrency`. Source: ISO 4217, list one."""
    if currency in _TWO_DIGITS:
        return 2
    if currency in _NO_FRACTION:
        return 0
    if currency in _THREE_DIGITS:
        return 3
    raise UnknownCurrency(f"{currency!r} is not a currency that invoices can use; use an ISO 4217 code such as EUR")


def round_to_minor(amount: Decimal, currency: str) -> int:
    """Round major units to minor units, halves away from zero: the one rounding rule of the whole product.

    Raises `UnknownCurrency`, `AmountTooLarge`, and `ValueError` for NaN and infinities.
    """
    return int(_in_minor_units(amount, currency).to_integral_value(rounding=ROUND_HALF_UP))


def minor_from_decimal(amount: Decimal, currency: str) -> int:
    """Convert without rounding. Raises `AmountNotExact` where digits would be lost, else as `round_to_minor`."""
    exact = _in_minor_units(amount, currency)
    minor = int(exact.to_integral_value())
    if minor != exact:
        raise AmountNotExact(f"{currency} has {fraction_digits(currency)} fraction digits; {amount} has more")
    return minor


def decimal_from_minor(minor: int, currency: str) -> Decimal:
    """``decimal_from_minor(1250, "EUR")`` is ``Decimal("12.50")``."""
    return Decimal(minor).scaleb(-fraction_digits(currency))


def plain_text(minor: int, currency: str) -> str:
    """Digits with the currency's own number of fraction digits and no grouping: ``1250.00``, ``-3``, ``0.005``."""
    return f"{decimal_from_minor(minor, currency):.{fraction_digits(currency)}f}"


def _in_minor_units(amount: Decimal, currency: str) -> Decimal:
    digits = fraction_digits(currency)
    if not amount.is_finite():
        raise ValueError("an amount must be a finite number")
    if not amount:
        return Decimal(0)
    if amount.adjusted() > _ADJUSTED_MAX:
        raise AmountTooLarge(f"an amount may have at most {_ADJUSTED_MAX + 1} digits before the point")
    # The shift must not round: the default context keeps 28 digits only, and a caller's amount may have more.
    precision = Context(prec=len(amount.as_tuple().digits) + _ADJUSTED_MAX)
    return amount.scaleb(digits, context=precision)
