"""Says words, dates, figures and countries in the reader's language; one without words here reads English throughout.

One `Words` serves the printed document and the customer's page, so that the two never phrase one fact differently.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent
from contracts.money import decimal_from_minor, fraction_digits

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")
NAMES_OF_LANGUAGES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "it": "Italiano",
    "nl": "Nederlands",
    "pt": "Português",
}
_LOCALES = {"en": "en_GB", "pt": "pt_PT"}
_MONTH_FIRST = frozenset(["US"])


@dataclass(frozen=True)
class Words:
    """``language`` is the one really spoken, which is English when the one asked for has no words."""

    language: str
    locale: Locale
    texts: Mapping[str, str]

    def say(self, key: str, **values: str) -> str:
        return self.texts[key].format(**values)

    def count(self, key: str, number: int, **values: str) -> str:
        """The text ``{key}_one`` or ``{key}_other``, by the language's own plural rule, with ``{count}`` filled in."""
        form = "one" if self.locale.plural_form(number) == "one" else "other"
        return self.say(f"{key}_{form}", count=str(number), **values)

    def long_date(self, day: date) -> str:
        return format_date(day, "long", locale=self.locale)

    def short_date(self, day: date) -> str:
        return format_date(day, "medium", locale=self.locale)

    def figure(self, minor: int, currency: str) -> str:
        """Grouped digits with the currency's own fraction and a real minus sign, without the code."""
        digits = fraction_digits(currency)
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        return _real_minus(format_decimal(decimal_from_minor(minor, currency), format=pattern, locale=self.locale))

    def money(self, minor: int, currency: str) -> str:
        return f"{currency}\N{NO-BREAK SPACE}{self.figure(minor, currency)}"

    def spoken(self, minor: int, currency: str) -> str:
        """As a screen reader should say it: ``7,360 euros``, ``7,360.50 euros``."""
        amount = decimal_from_minor(minor, currency)
        whole = amount == amount.to_integral_value()
        pattern = "#,##0" + ("" if whole else "." + "0" * fraction_digits(currency)) + " ¤¤¤"
        return format_currency(amount, currency, format=pattern, locale=self.locale, currency_digits=False)

    def unit_price(self, price: Decimal, currency: str) -> str:
        digits = fraction_digits(currency)
        fraction = "0" * digits + "#" * (6 - digits)
        return _real_minus(format_decimal(price, format=f"#,##0.{fraction}", locale=self.locale))

    def quantity(self, quantity: Decimal) -> str:
        return _real_minus(format_decimal(quantity, format="#,##0.####", locale=self.locale))

    def percent(self, rate: Decimal) -> str:
        return _real_minus(format_percent(rate / 100, locale=self.locale, decimal_quantization=False))

    def _decimal_sign(self) -> str:
        return str(self.locale.number_symbols["latn"]["decimal"])

    def split_figure(self, minor: int, currency: str) -> tuple[str, str]:
        """``18,400`` and ``.00``, for figures whose fraction is set quieter; the second is empty without fraction."""
        whole, sign, fraction = self.figure(minor, currency).partition(self._decimal_sign())
        return whole, sign + fraction

    def country(self, code: str) -> str:
        return str(self.locale.territories.get(code, code)) if code else ""


def words_for(*, language: str, country: str = "") -> Words:
    """``language`` is a BCP 47 tag; ``country`` (of the seller) chooses the order of an English date."""
    spoken = language.replace("_", "-").split("-")[0].lower()
    if spoken not in LANGUAGES:
        spoken = "en"
    month_first = spoken == "en" and country in _MONTH_FIRST
    locale = Locale.parse("en_US" if month_first else _LOCALES.get(spoken, spoken))
    return Words(language=spoken, locale=locale, texts=_texts(spoken))


@cache
def _texts(language: str) -> Mapping[str, str]:
    source = files("invoice_service").joinpath("document_templates", "words", f"{language}.toml")
    sections = tomllib.loads(source.read_text(encoding="utf-8"))
    return {f"{section}.{key}": text for section, texts in sections.items() for key, text in texts.items()}


def _real_minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
