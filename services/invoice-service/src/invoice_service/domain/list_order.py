"""The orders in which lists are shown, and a place in one. Every order ends with the id, so it has no ties."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

Place = tuple[datetime | date | str, UUID]
"""The last row that was seen: its value in the order, and its id."""

UNDATED = date.max
"""An invoice without a due date counts as due after all others: it is the last of `due` and the first of `-due`."""


class InvoiceOrder(StrEnum):
    NEWEST = "-created"
    OLDEST = "created"
    DUE_FIRST = "due"
    DUE_LAST = "-due"


class CustomerOrder(StrEnum):
    NEWEST = "-created"
    OLDEST = "created"
    NAME = "name"
    NAME_BACKWARDS = "-name"


def is_descending(order: InvoiceOrder | CustomerOrder) -> bool:
    return order.value.startswith("-")
