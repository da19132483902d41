"""How numbers look."""

from datetime import date

import pytest
from invoice_service.domain.numbering import invoice_number, series_name


def test_a_number_is_prefix_year_and_at_least_four_digits() -> None:
    series = series_name(prefix="INV", issue_date=date(2026, 12, 31))

    assert invoice_number(series=series, sequence_number=1) == "INV-2026-0001"
    assert invoice_number(series=series, sequence_number=12345) == "INV-2026-12345"


def test_each_year_is_a_series_of_its_own() -> None:
    assert series_name(prefix="INV", issue_date=date(2027, 1, 1)) == "INV-2027"


def test_numbers_start_at_one() -> None:
    with pytest.raises(ValueError, match="start at 1"):
        invoice_number(series="INV-2026", sequence_number=0)
