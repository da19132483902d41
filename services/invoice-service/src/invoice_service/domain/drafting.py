"""From lines as a person typed them to lines, taxes and totals in minor units: the only place that computes an invoice.

Every figure is rounded once, by `contracts.money`: a line when it is multiplied, a tax once per category and rate.
Sums are sums of those figures, so lines less allowances is net, and net plus tax is gross, to the last digit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from math import prod

from contracts import money
from contracts.document import Allowance, DocumentLine, Tax, TaxCategory, TaxGroup, Totals
from contracts.event import Fact
from contracts.money import MINOR_MAX, UnknownCurrency, decimal_from_minor, fraction_digits, round_to_minor
from pydantic import Field

from invoice_service.domain.draft_limits import (
    AllowanceRefused,
    AmountTooLarge,
    CurrencyUnknown,
    check_allowance,
    check_line,
    check_line_count,
)
from invoice_service.domain.spreading import spread

_PRECISION = 60
"""Digits enough for the largest quantity times price times discount, so that nothing rounds on the way."""

TaxKey = tuple[TaxCategory, Decimal]


class DraftLine(Fact):
    """``quantity`` and ``unit_price`` (major units) are exact decimals; ``discount_percent`` is 0 to 100."""

    description: str
    details: str = ""
    quantity: Decimal = Field(default=Decimal(1), allow_inf_nan=True)
    unit: str = ""
    unit_price: Decimal = Field(allow_inf_nan=True)
    discount_percent: Decimal = Field(default=Decimal(0), allow_inf_nan=True)
    taxes: tuple[Tax, ...] = ()


class DraftAllowance(Fact):
    """A deduction from the whole document: ``percent`` of the sum of the lines, or ``amount_minor`` without tax."""

    reason: str
    percent: Decimal | None = Field(default=None, allow_inf_nan=True)
    amount_minor: int | None = None


@dataclass(frozen=True)
class ComputedDocument:
    """``allowances`` has one row per asked-for deduction and set of taxes it was spread over."""

    lines: tuple[DocumentLine, ...]
    allowances: tuple[Allowance, ...]
    tax_groups: tuple[TaxGroup, ...]
    totals: Totals


def compute_document(
    *, currency: str, lines: Sequence[DraftLine], allowances: Sequence[DraftAllowance] = ()
) -> ComputedDocument:
    """Check and compute. Raises domain errors whose pointer names the field, such as ``/lines/0/quantity``."""
    _check_currency(currency)
    check_line_count(len(lines))
    computed = tuple(_line(index, line, currency) for index, line in enumerate(lines))
    lines_minor = sum(line.net_amount_minor for line in computed)
    _check_amount(lines_minor, "/lines")
    deducted, left = _deductions(allowances, computed, lines_minor, currency)
    groups = _tax_groups(left, computed, currency)
    return ComputedDocument(computed, deducted, groups, _totals(lines_minor, deducted, groups))


def exact_line_amount(line: DraftLine) -> Decimal:
    """Quantity times price less discount, in major units and not rounded."""
    return _product(line.quantity, line.unit_price, 1 - line.discount_percent.scaleb(-2))


def _check_currency(currency: str) -> None:
    try:
        fraction_digits(currency)
    except UnknownCurrency as problem:
        raise CurrencyUnknown(str(problem), pointer="/currency") from problem


def _check_amount(minor: int, pointer: str) -> None:
    if minor > MINOR_MAX:
        raise AmountTooLarge(f"the amount is above the largest one possible, {MINOR_MAX} minor units", pointer=pointer)


def _line(index: int, line: DraftLine, currency: str) -> DocumentLine:
    check_line(line, pointer=f"/lines/{index}")
    pointer = f"/lines/{index}/unit_price"
    full_minor = _rounded(_product(line.quantity, line.unit_price), currency, pointer)
    net_minor = _rounded(exact_line_amount(line), currency, pointer)
    _check_amount(full_minor, pointer)
    discount = Allowance(reason="Discount", percent=line.discount_percent, amount_minor=full_minor - net_minor)
    return DocumentLine(
        position=index + 1,
        description=line.description,
        details=line.details,
        quantity=_plain(line.quantity),
        unit=line.unit,
        unit_price=_plain(line.unit_price),
        allowances=(discount,) if line.discount_percent else (),
        taxes=line.taxes,
        net_amount_minor=net_minor,
    )


def _product(*factors: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = _PRECISION
        return prod(factors, start=Decimal(1))


def _rounded(amount: Decimal, currency: str, pointer: str) -> int:
    try:
        return round_to_minor(amount, currency)
    except money.AmountTooLarge as problem:
        raise AmountTooLarge(str(problem), pointer=pointer) from problem


def _percentage(minor: int, percent: Decimal, currency: str) -> int:
    return round_to_minor(_product(decimal_from_minor(minor, currency), percent, Decimal("0.01")), currency)


def _plain(number: Decimal) -> Decimal:
    """The same number written without an exponent, as people and printed documents write it."""
    return Decimal(format(number, "f"))


def _key(tax: Tax) -> TaxKey:
    return tax.category, _plain(tax.rate.normalize())


def _keys(taxes: Iterable[Tax]) -> tuple[TaxKey, ...]:
    return tuple(sorted(map(_key, taxes)))


def _deductions(
    asked: Sequence[DraftAllowance], lines: Sequence[DocumentLine], lines_minor: int, currency: str
) -> tuple[tuple[Allowance, ...], Mapping[tuple[TaxKey, ...], int]]:
    """The deductions, each spread over the sets of taxes in proportion, and what is left of each set."""
    left: dict[tuple[TaxKey, ...], int] = {}
    taxes: dict[tuple[TaxKey, ...], tuple[Tax, ...]] = {}
    for line in lines:
        keys = _keys(line.taxes)
        left[keys] = left.get(keys, 0) + line.net_amount_minor
        taxes.setdefault(keys, line.taxes)
    made: list[Allowance] = []
    for index, allowance in enumerate(asked):
        check_allowance(allowance, pointer=f"/allowances/{index}")
        amount = _allowance_minor(allowance, lines_minor, currency)
        if amount > sum(left.values()):
            raise AllowanceRefused("the deductions are more than the lines", pointer=f"/allowances/{index}")
        for keys, share in spread(amount, left).items():
            left[keys] -= share
            if share:
                made.append(
                    Allowance(reason=allowance.reason, percent=allowance.percent, amount_minor=share, taxes=taxes[keys])
                )
    return tuple(made), left


def _allowance_minor(allowance: DraftAllowance, lines_minor: int, currency: str) -> int:
    if allowance.percent is None:
        return allowance.amount_minor or 0
    return _percentage(lines_minor, allowance.percent, currency)


def _tax_groups(
    taxable: Mapping[tuple[TaxKey, ...], int], lines: Sequence[DocumentLine], currency: str
) -> tuple[TaxGroup, ...]:
    names: dict[TaxKey, str] = {}
    for tax in (tax for line in lines for tax in line.taxes):
        names[_key(tax)] = names.get(_key(tax)) or tax.name
    return tuple(
        _tax_group(key, names[key], sum(minor for keys, minor in taxable.items() if key in keys), currency)
        for key in sorted(names, key=lambda key: (key[0].value, -key[1]))
    )


def _tax_group(key: TaxKey, name: str, taxable_minor: int, currency: str) -> TaxGroup:
    category, rate = key
    untaxed = category not in (TaxCategory.STANDARD, TaxCategory.ZERO)
    return TaxGroup(
        category=category,
        rate=rate,
        name=name,
        taxable_minor=taxable_minor,
        tax_minor=_percentage(taxable_minor, rate, currency),
        exemption_reason=name if untaxed else "",
    )


def _totals(lines_minor: int, allowances: Sequence[Allowance], groups: Sequence[TaxGroup]) -> Totals:
    allowances_minor = sum(allowance.amount_minor for allowance in allowances)
    net_minor = lines_minor - allowances_minor
    tax_minor = sum(group.tax_minor for group in groups)
    gross_minor = net_minor + tax_minor
    _check_amount(gross_minor, "/lines")
    return Totals(
        lines_minor=lines_minor,
        allowances_minor=allowances_minor,
        net_minor=net_minor,
        tax_minor=tax_minor,
        gross_minor=gross_minor,
        payable_minor=gross_minor,
    )
