"""The closed list of what invoices are filtered by, the same for the list and its export."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from contracts.ids import CustomerId
from fastapi import Depends, Query

from invoice_service.api.customers import SearchText
from invoice_service.api.request_fields import Moment
from invoice_service.domain.headline import Headline
from invoice_service.domain.list_order import InvoiceOrder
from invoice_service.domain.search_words import words_to_find
from invoice_service.domain.statuses import DocumentStatus
from invoice_service.queries.invoices import InvoiceFilters

_ASKED = "A moment with its zone, such as 2026-01-31T00:00:00Z."
Since = Annotated[Moment | None, Query(alias="created[gte]", description=_ASKED)]
Until = Annotated[Moment | None, Query(alias="created[lte]", description=_ASKED)]
Status = Annotated[
    Literal["issued"] | Headline | None,
    Query(description="A headline, or `issued` for everything that was sent and is not void or written off."),
]


@dataclass(frozen=True)
class WantedInvoices:
    """As the caller wrote it."""

    status: str | None
    customer: UUID | None
    words: tuple[str, ...]
    created_from: datetime | None
    created_to: datetime | None

    def filters(self, *, organization_id: UUID, today: date, order: InvoiceOrder) -> InvoiceFilters:
        return InvoiceFilters(
            organization_id=organization_id,
            today=today,
            status=_status(self.status),
            customer_id=self.customer,
            words=self.words,
            created_from=self.created_from,
            created_to=self.created_to,
            order=order,
        )


def _wanted(
    status: Status = None,
    customer: Annotated[CustomerId | None, Query()] = None,
    q: SearchText = "",
    created_from: Since = None,
    created_to: Until = None,
) -> WantedInvoices:
    return WantedInvoices(status, customer, words_to_find(q), created_from, created_to)


Wanted = Annotated[WantedInvoices, Depends(_wanted)]


def _status(status: str | None) -> DocumentStatus | Headline | None:
    """Words that are both a document's status and a headline mean the same, and the status has an index."""
    if status is None:
        return None
    if status in set(DocumentStatus):
        return DocumentStatus(status)
    return Headline(status)
