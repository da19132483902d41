"""What a line, a tax and a deduction may be. A refusal points at the field and says what to use."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from contracts.document import Tax, TaxCategory
from contracts.money import MINOR_MAX
from service_kit.errors import DomainError, ErrorKind

LINES_MAX = 500
TAXES_MAX = 5
DESCRIPTION_MAX = 500
DETAILS_MAX = 4000
UNIT_MAX = 40
QUANTITY_DIGITS = 4
PRICE_DIGITS = 6
PERCENT_DIGITS = 4
WHOLE_MAX = Decimal(999_999_999_999)


class LineRefused(DomainError):
    slug = "line-refused"
    kind = ErrorKind.INVALID
    title = "A line cannot be used as it is"


class LineCountRefused(DomainError):
    slug = "line-count-refused"
    kind = ErrorKind.INVALID
    title = "An invoice has 1 to 500 lines"


class TaxRefused(DomainError):
    slug = "tax-refused"
    kind = ErrorKind.INVALID
    title = "A tax cannot be used as it is"


class AllowanceRefused(DomainError):
    slug = "allowance-refused"
    kind = ErrorKind.INVALID
    title = "A deduction cannot be used as it is"


class AmountTooLarge(DomainError):
    slug = "amount-too-large"
    kind = ErrorKind.INVALID
    title = "The amount is too large"


class CurrencyUnknown(DomainError):
    slug = "currency-unknown"
    kind = ErrorKind.INVALID
    title = "The currency is unknown"


class _Line(Protocol):
    @property
    def description(self) -> str: ...
    @property
    def details(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def unit_price(self) -> Decimal: ...
    @property
    def discount_percent(self) -> Decimal: ...
    @property
    def taxes(self) -> tuple[Tax, ...]: ...


class _Allowance(Protocol):
    @property
    def reason(self) -> str: ...
    @property
    def percent(self) -> Decimal | None: ...
    @property
    def amount_minor(self) -> int | None: ...


def check_line_count(count: int) -> None:
    if not 1 <= count <= LINES_MAX:
        raise LineCountRefused(f"there are {count} lines; use 1 to {LINES_MAX}", pointer="/lines")


def check_line(line: _Line, *, pointer: str) -> None:
    """Raises `LineRefused` or `TaxRefused`; deductions are asked for as such, so nothing here may be negative."""
    _text(line.description, f"{pointer}/description", DESCRIPTION_MAX, needed=True)
    _text(line.details, f"{pointer}/details", DETAILS_MAX)
    _text(line.unit, f"{pointer}/unit", UNIT_MAX)
    _number(line.quantity, f"{pointer}/quantity", digits=QUANTITY_DIGITS)
    _number(line.unit_price, f"{pointer}/unit_price", digits=PRICE_DIGITS)
    _number(line.discount_percent, f"{pointer}/discount_percent", digits=PERCENT_DIGITS, largest=Decimal(100))
    _check_taxes(line.taxes, f"{pointer}/taxes")


def check_allowance(allowance: _Allowance, *, pointer: str) -> None:
    """Exactly one of percent (0 to 100) and amount (above zero). Raises `AllowanceRefused` or `LineRefused`."""
    if (allowance.percent is None) == (allowance.amount_minor is None):
        raise AllowanceRefused("give either percent or amount_minor", pointer=pointer)
    if allowance.percent is not None:
        _number(allowance.percent, f"{pointer}/percent", digits=PERCENT_DIGITS, largest=Decimal(100))
    elif not 0 < (allowance.amount_minor or 0) <= MINOR_MAX:
        raise AllowanceRefused(f"use a whole number from 1 to {MINOR_MAX}", pointer=f"{pointer}/amount_minor")


def _check_taxes(taxes: Sequence[Tax], pointer: str) -> None:
    if len(taxes) > TAXES_MAX:
        raise TaxRefused(f"a line has at most {TAXES_MAX} taxes", pointer=pointer)
    if len({(tax.category, tax.rate) for tax in taxes}) != len(taxes):
        raise TaxRefused("the same category and rate stands twice; give their sum as one tax", pointer=pointer)
    for index, tax in enumerate(taxes):
        _number(tax.rate, f"{pointer}/{index}/rate", digits=PERCENT_DIGITS, largest=Decimal(100))
        if (tax.category is TaxCategory.STANDARD) != (tax.rate > 0):
            raise TaxRefused(
                "category S has a rate above 0 and every other category has 0; use Z for a zero rate",
                pointer=f"{pointer}/{index}/rate",
            )


def _number(value: Decimal, pointer: str, *, digits: int, largest: Decimal = WHOLE_MAX) -> None:
    if not value.is_finite():
        raise LineRefused("use a number such as 12.50", pointer=pointer)
    if value < 0:
        raise LineRefused("use zero or more; deductions are discounts or allowances", pointer=pointer)
    if value > largest:
        raise LineRefused(f"use at most {largest}", pointer=pointer)
    if value != round(value, digits):
        raise LineRefused(f"use at most {digits} digits after the point", pointer=pointer)


def _text(value: str, pointer: str, longest: int, *, needed: bool = False) -> None:
    if needed and not value.strip():
        raise LineRefused("a text is needed here", pointer=pointer)
    if len(value) > longest:
        raise LineRefused(f"use at most {longest} characters", pointer=pointer)
    if any(ord(character) < 32 and character not in "\n\t" for character in value):
        raise LineRefused("control characters cannot be printed; remove them", pointer=pointer)
