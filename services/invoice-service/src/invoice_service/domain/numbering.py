"""How an invoice number looks: prefix, year of issue and a counter, such as ``INV-2026-0001``.

The counter is taken in the transaction that issues, so within one series the numbers are unique and without gaps.
"""

from datetime import date


def series_name(*, prefix: str, issue_date: date) -> str:
    """One series for each prefix and year: ``INV-2026``."""
    return f"{prefix}-{issue_date.year}"


def invoice_number(*, series: str, sequence_number: int) -> str:
    """At least four digits, more when a year needs them. Raises `ValueError` below 1."""
    if sequence_number < 1:
        raise ValueError("numbers start at 1")
    return f"{series}-{sequence_number:04d}"
