"""What an amount is called at Stripe's door, and which amounts it cannot take.

Stripe's minor units are not ISO 4217's: MGA has none there, ISK and UGX have two that must be zero, and the
three-digit currencies must end in zero. An amount that cannot be said exactly is refused, never rounded.
Source: docs.stripe.com/currencies, read in November 2026.
"""

from contracts.money import Money, fraction_digits, plain_text

_NO_FRACTION = frozenset([
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
])  # fmt: skip
_THREE_DIGITS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_NOT_TAKEN = frozenset([
    "CUP", "ERN", "IQD", "IRR", "KPW", "LYD", "MRU", "SDG", "SSP", "STN", "SVC", "SYP", "TMT", "UYI", "VES",
])  # fmt: skip
AMOUNT_MAX = 99_999_999

_MINIMUM = {
    "USD": 50, "EUR": 50, "GBP": 30, "AUD": 50, "CAD": 50, "CHF": 50, "JPY": 50, "SEK": 300, "NOK": 300, "DKK": 250,
    "PLN": 200, "CZK": 1500, "HUF": 17500, "MXN": 1000, "SGD": 50, "HKD": 400, "THB": 1000,
}  # fmt: skip


class NotRepresentableAtStripe(ValueError):
    """Stripe cannot take exactly this amount; the message names the amount and the rule."""


def to_stripe_amount(money: Money) -> int:
    """The integer that Stripe expects for this amount. Raises `NotRepresentableAtStripe`, `UnknownCurrency`."""
    currency, minor = money.currency, money.minor
    digits = fraction_digits(currency)
    if currency in _NOT_TAKEN:
        raise NotRepresentableAtStripe(f"Stripe does not take {currency}")
    amount = _scaled(minor, digits, _stripe_digits(currency), currency)
    if currency in _THREE_DIGITS and amount % 10:
        raise NotRepresentableAtStripe(
            f"Stripe cannot take {plain_text(minor, currency)} {currency}; the last digit must be 0"
        )
    if amount > AMOUNT_MAX:
        raise NotRepresentableAtStripe(
            f"Stripe takes at most 8 digits; {plain_text(minor, currency)} {currency} is more"
        )
    if amount <= 0:
        raise NotRepresentableAtStripe("Stripe takes amounts above zero only")
    return amount


def from_stripe_amount(amount: int, currency: str) -> Money:
    """Stripe's integer and currency (either case) as our money.

    Raises `UnknownCurrency`, and `NotRepresentableAtStripe` where our minor unit would lose a digit.
    """
    code = currency.upper()
    minor = _scaled(amount, _stripe_digits(code), fraction_digits(code), code)
    return Money(minor=minor, currency=code)


def minimum_minor(currency: str) -> int | None:
    """The smallest charge in our minor units where the account settles in the same currency, or None where unknown.

    A hint for drafts only: the real minimum depends on the account's settlement currency, and Stripe has the last word.
    """
    return _MINIMUM.get(currency)


def _stripe_digits(currency: str) -> int:
    if currency in _NO_FRACTION:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


def _scaled(amount: int, from_digits: int, to_digits: int, currency: str) -> int:
    if to_digits >= from_digits:
        return amount * _power_of_ten(to_digits - from_digits)
    whole, rest = divmod(amount, _power_of_ten(from_digits - to_digits))
    if rest:
        raise NotRepresentableAtStripe(f"Stripe cannot take a fraction of {currency}")
    return whole


def _power_of_ten(exponent: int) -> int:
    return int(10**exponent)
