"""Lines, taxes, deductions and totals: expected figures are worked out by hand, laws hold for any document."""

from decimal import Decimal

import pytest
from contracts.document import Tax, TaxCategory
from hypothesis import given, settings
from hypothesis import strategies as st
from invoice_service.domain.draft_limits import (
    AllowanceRefused,
    AmountTooLarge,
    CurrencyUnknown,
    LineCountRefused,
    LineRefused,
    TaxRefused,
)
from invoice_service.domain.drafting import DraftAllowance, DraftLine, compute_document
from service_kit.errors import DomainError

NINETEEN = Tax(category=TaxCategory.STANDARD, rate=Decimal(19), name="VAT 19 %")
SEVEN = Tax(category=TaxCategory.STANDARD, rate=Decimal(7), name="VAT 7 %")
EXEMPT = Tax(category=TaxCategory.EXEMPT, rate=Decimal(0), name="Exempt, article 132")


def line(unit_price: str, quantity: str = "1", *, discount: str = "0", taxes: tuple[Tax, ...] = ()) -> DraftLine:
    return DraftLine(
        description="Work",
        quantity=Decimal(quantity),
        unit_price=Decimal(unit_price),
        discount_percent=Decimal(discount),
        taxes=taxes,
    )


@pytest.mark.parametrize(
    ("currency", "unit_price", "quantity", "discount", "expected_minor"),
    [
        ("EUR", "0.333", "3", "0", 100),
        ("EUR", "0.335", "1", "0", 34),
        ("EUR", "0.345", "1", "0", 35),
        ("EUR", "0.005", "1", "0", 1),
        ("EUR", "0.004999", "1", "0", 0),
        ("EUR", "19.99", "3", "15", 5097),
        ("EUR", "100.00", "0.3333", "0", 3333),
        ("USD", "1250.00", "8", "10", 900000),
        ("JPY", "1234", "1", "0", 1234),
        ("JPY", "0.5", "3", "0", 2),
        ("ISK", "10.50", "2", "0", 21),
        ("UGX", "3700", "1", "0", 3700),
        ("CLP", "990", "7", "0", 6930),
        ("KWD", "1.234", "1", "0", 1234),
        ("KWD", "1.2345", "1", "0", 1235),
        ("BHD", "5.124", "2", "0", 10248),
        ("MGA", "500.00", "1", "0", 50000),
        ("HUF", "175.00", "1", "0", 17500),
        ("TWD", "80.00", "2", "0", 16000),
    ],
)
def test_a_line_is_rounded_once_in_its_currency(
    currency: str, unit_price: str, quantity: str, discount: str, expected_minor: int
) -> None:
    computed = compute_document(currency=currency, lines=[line(unit_price, quantity, discount=discount)])

    assert computed.lines[0].net_amount_minor == expected_minor
    assert computed.totals.payable_minor == expected_minor


def test_tax_is_rounded_once_per_rate_and_not_per_line() -> None:
    lines = [line("0.33", taxes=(NINETEEN,)), line("0.33", taxes=(NINETEEN,)), line("0.33", taxes=(NINETEEN,))]

    computed = compute_document(currency="EUR", lines=lines)

    # 19 % of 0.99 is 0.1881, so 19 cents; three times the tax of one line would be 18.
    assert computed.totals.tax_minor == 19
    assert computed.totals.gross_minor == 118


def test_each_rate_has_its_own_group_and_the_order_of_lines_does_not_matter() -> None:
    lines = [line("10.10", taxes=(SEVEN,)), line("100.00", taxes=(NINETEEN,)), line("50.00", taxes=(EXEMPT,))]

    forwards = compute_document(currency="EUR", lines=lines)
    backwards = compute_document(currency="EUR", lines=lines[::-1])

    figures = [
        (group.category.value, group.rate, group.taxable_minor, group.tax_minor) for group in forwards.tax_groups
    ]
    assert figures == [
        ("E", Decimal(0), 5000, 0),
        ("S", Decimal(19), 10000, 1900),
        ("S", Decimal(7), 1010, 71),
    ]
    assert forwards.tax_groups == backwards.tax_groups
    assert forwards.tax_groups[0].exemption_reason == "Exempt, article 132"


def test_two_taxes_on_one_line_are_both_taken_from_the_same_sum() -> None:
    state = Tax(category=TaxCategory.STANDARD, rate=Decimal("5"), name="State")
    city = Tax(category=TaxCategory.STANDARD, rate=Decimal("2.5"), name="City")

    computed = compute_document(currency="USD", lines=[line("200.00", taxes=(state, city))])

    assert [(group.name, group.tax_minor) for group in computed.tax_groups] == [("State", 1000), ("City", 500)]
    assert computed.totals.gross_minor == 21500


def test_the_same_rate_written_differently_is_one_group_without_an_exponent() -> None:
    other = Tax(category=TaxCategory.STANDARD, rate=Decimal("20.00"), name="")
    one = Tax(category=TaxCategory.STANDARD, rate=Decimal("20"), name="VAT")

    computed = compute_document(currency="EUR", lines=[line("1.00", taxes=(other,)), line("2.00", taxes=(one,))])

    assert [(str(group.rate), group.name, group.tax_minor) for group in computed.tax_groups] == [("20", "VAT", 60)]


def test_a_percentage_off_the_document_is_spread_over_the_rates() -> None:
    lines = [line("100.00", taxes=(NINETEEN,)), line("50.00", taxes=(SEVEN,))]
    allowance = DraftAllowance(reason="Early order", percent=Decimal(10))

    computed = compute_document(currency="EUR", lines=lines, allowances=[allowance])

    assert [row.amount_minor for row in computed.allowances] == [1000, 500]
    assert computed.totals.allowances_minor == 1500
    assert computed.totals.net_minor == 13500
    assert [(group.taxable_minor, group.tax_minor) for group in computed.tax_groups] == [(9000, 1710), (4500, 315)]
    assert computed.totals.payable_minor == 15525


def test_a_fixed_amount_off_is_spread_to_the_last_cent() -> None:
    lines = [line("10.00", taxes=(NINETEEN,)), line("10.00", taxes=(SEVEN,)), line("10.00", taxes=(EXEMPT,))]
    allowance = DraftAllowance(reason="Goodwill", amount_minor=1000)

    computed = compute_document(currency="EUR", lines=lines, allowances=[allowance])

    assert sorted(row.amount_minor for row in computed.allowances) == [333, 333, 334]
    assert computed.totals.net_minor == 2000


def test_a_line_discount_says_what_it_took_off() -> None:
    computed = compute_document(currency="EUR", lines=[line("9.99", "3", discount="12.5")])

    # 29.97 less 12.5 % is 26.22375.
    assert computed.lines[0].net_amount_minor == 2622
    assert [row.amount_minor for row in computed.lines[0].allowances] == [375]


def test_everything_may_be_deducted() -> None:
    computed = compute_document(
        currency="EUR",
        lines=[line("10.00", taxes=(NINETEEN,))],
        allowances=[DraftAllowance(reason="Free", percent=Decimal(100))],
    )

    assert computed.totals.payable_minor == 0


def test_the_largest_amount_is_accepted_and_one_more_is_not() -> None:
    largest = compute_document(currency="EUR", lines=[line("9999999999.99")])

    assert largest.totals.payable_minor == 999_999_999_999
    with pytest.raises(AmountTooLarge):
        compute_document(currency="EUR", lines=[line("9999999999.99"), line("0.01")])


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"quantity": Decimal("-1")}, "/lines/1/quantity"),
        ({"quantity": Decimal("NaN")}, "/lines/1/quantity"),
        ({"quantity": Decimal("sNaN")}, "/lines/1/quantity"),
        ({"quantity": Decimal("Infinity")}, "/lines/1/quantity"),
        ({"quantity": Decimal("1.00001")}, "/lines/1/quantity"),
        ({"quantity": Decimal("1E+30")}, "/lines/1/quantity"),
        ({"unit_price": Decimal("-0.01")}, "/lines/1/unit_price"),
        ({"unit_price": Decimal("0.0000001")}, "/lines/1/unit_price"),
        ({"unit_price": Decimal("1E-400")}, "/lines/1/unit_price"),
        ({"unit_price": Decimal("-Infinity")}, "/lines/1/unit_price"),
        ({"discount_percent": Decimal("100.01")}, "/lines/1/discount_percent"),
        ({"discount_percent": Decimal("-1")}, "/lines/1/discount_percent"),
        ({"description": "   "}, "/lines/1/description"),
        ({"description": "x" * 501}, "/lines/1/description"),
        ({"details": "bell \x07"}, "/lines/1/details"),
        ({"unit": "u" * 41}, "/lines/1/unit"),
    ],
)
def test_a_line_that_cannot_be_billed_is_refused_by_the_name_of_its_field(
    changed: dict[str, object], pointer: str
) -> None:
    bad = line("1.00").model_copy(update=changed)

    with pytest.raises(LineRefused) as refusal:
        compute_document(currency="EUR", lines=[line("1.00"), bad])

    assert refusal.value.pointer == pointer


@pytest.mark.parametrize(
    ("taxes", "pointer"),
    [
        ((Tax(category=TaxCategory.STANDARD, rate=Decimal(0)),), "/lines/0/taxes/0/rate"),
        ((Tax(category=TaxCategory.REVERSE_CHARGE, rate=Decimal(19)),), "/lines/0/taxes/0/rate"),
        ((NINETEEN, NINETEEN), "/lines/0/taxes"),
        (tuple(Tax(category=TaxCategory.STANDARD, rate=Decimal(rate)) for rate in range(1, 7)), "/lines/0/taxes"),
    ],
)
def test_a_tax_that_makes_no_sense_is_refused(taxes: tuple[Tax, ...], pointer: str) -> None:
    with pytest.raises(TaxRefused) as refusal:
        compute_document(currency="EUR", lines=[line("1.00", taxes=taxes)])

    assert refusal.value.pointer == pointer


@pytest.mark.parametrize("rate", [Decimal("100.01"), Decimal("-1"), Decimal("1.00001")])
def test_a_rate_outside_0_to_100_is_refused(rate: Decimal) -> None:
    tax = Tax(category=TaxCategory.STANDARD, rate=rate)

    with pytest.raises(DomainError) as refusal:
        compute_document(currency="EUR", lines=[line("1.00", taxes=(tax,))])

    assert refusal.value.pointer == "/lines/0/taxes/0/rate"


@pytest.mark.parametrize(
    "allowance",
    [
        DraftAllowance(reason="both", percent=Decimal(1), amount_minor=1),
        DraftAllowance(reason="neither"),
        DraftAllowance(reason="zero", amount_minor=0),
        DraftAllowance(reason="negative", amount_minor=-5),
        DraftAllowance(reason="more than there is", amount_minor=101),
    ],
)
def test_a_deduction_that_cannot_be_made_is_refused(allowance: DraftAllowance) -> None:
    with pytest.raises(AllowanceRefused) as refusal:
        compute_document(currency="EUR", lines=[line("1.00")], allowances=[allowance])

    assert refusal.value.pointer.startswith("/allowances/0")


@pytest.mark.parametrize("count", [0, 501])
def test_an_invoice_without_lines_or_with_more_than_500_is_refused(count: int) -> None:
    with pytest.raises(LineCountRefused):
        compute_document(currency="EUR", lines=[line("1.00")] * count)


@pytest.mark.parametrize("currency", ["XXX", "eur", "EURO", "", "BTC"])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(CurrencyUnknown) as refusal:
        compute_document(currency=currency, lines=[line("1.00")])

    assert refusal.value.pointer == "/currency"


rates = st.sampled_from([(), (NINETEEN,), (SEVEN,), (EXEMPT,), (NINETEEN, SEVEN)])
lines_of_a_document = st.lists(
    st.builds(
        DraftLine,
        description=st.just("Work"),
        quantity=st.decimals(min_value=0, max_value=10_000, places=4),
        unit_price=st.decimals(min_value=0, max_value=10_000, places=6),
        discount_percent=st.decimals(min_value=0, max_value=100, places=2),
        taxes=rates,
    ),
    min_size=1,
    max_size=12,
)
deductions = st.lists(
    st.builds(DraftAllowance, reason=st.just("Off"), percent=st.decimals(min_value=0, max_value=33, places=2)),
    max_size=3,
)
currencies = st.sampled_from(["EUR", "JPY", "KWD"])


@settings(max_examples=300, deadline=None)
@given(currency=currencies, lines=lines_of_a_document, allowances=deductions)
def test_the_totals_of_any_document_add_up(
    currency: str, lines: list[DraftLine], allowances: list[DraftAllowance]
) -> None:
    computed = compute_document(currency=currency, lines=lines, allowances=allowances)

    totals = computed.totals
    assert totals.lines_minor == sum(row.net_amount_minor for row in computed.lines)
    assert totals.allowances_minor == sum(row.amount_minor for row in computed.allowances)
    assert totals.net_minor == totals.lines_minor - totals.allowances_minor >= 0
    assert totals.tax_minor == sum(group.tax_minor for group in computed.tax_groups)
    assert totals.gross_minor == totals.net_minor + totals.tax_minor == totals.payable_minor
    for group in computed.tax_groups:
        carried = sum(
            row.net_amount_minor for row in computed.lines if (group.category, group.rate) in _rates_of(row.taxes)
        ) - sum(row.amount_minor for row in computed.allowances if (group.category, group.rate) in _rates_of(row.taxes))
        assert group.taxable_minor == carried >= 0
        assert abs(Decimal(group.tax_minor) - group.taxable_minor * group.rate / 100) <= Decimal("0.5")


def _rates_of(taxes: tuple[Tax, ...]) -> set[tuple[TaxCategory, Decimal]]:
    return {(tax.category, tax.rate) for tax in taxes}
