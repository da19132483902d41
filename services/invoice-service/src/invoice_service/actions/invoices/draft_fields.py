"""What can be said about a draft, and the figures that follow from it, which nobody can say."""

from dataclasses import dataclass
from datetime import date
from typing import Any, TypedDict
from uuid import UUID

from contracts.document import Layout
from contracts.events.invoice import CollectionMethod
from contracts.events.payment import ConnectionStatus
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.drafting import DraftAllowance, DraftLine, compute_document
from invoice_service.domain.stripe_fit import stripe_objection, stripe_warning
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.pictures import StripeConnection


class DraftFields(TypedDict, total=False):
    customer_id: UUID
    title: str
    currency: str
    language: str
    layout: Layout
    due_date: date | None
    payment_terms_days: int
    purchase_order: str
    lines: tuple[DraftLine, ...]
    allowances: tuple[DraftAllowance, ...]
    notes: str
    terms: str
    message: str
    metadata: dict[str, str]
    collection_method: CollectionMethod


@dataclass(frozen=True)
class DraftSaved:
    """``warnings`` are hints for a person; the draft is saved all the same."""

    invoice: Invoice
    warnings: tuple[str, ...]


def columns_of(fields: DraftFields) -> dict[str, Any]:
    """The columns of `Invoice` that ``fields`` say, with lines as they are stored."""
    columns: dict[str, Any] = dict(fields)
    for name in ("lines", "allowances"):
        if name in columns:
            columns[name] = [row.model_dump(mode="json") for row in columns[name]]
    if "metadata" in columns:
        columns["metadata_"] = columns.pop("metadata")
    return columns


async def compute_totals(session: AsyncSession, *, invoice: Invoice) -> tuple[str, ...]:
    """Write the totals that follow from the draft and return the warnings.

    Raises the domain errors of `compute_document`, and the objection when Stripe is to collect what it cannot say.
    """
    lines = tuple(DraftLine.model_validate(line) for line in invoice.lines)
    allowances = tuple(DraftAllowance.model_validate(allowance) for allowance in invoice.allowances)
    totals = compute_document(currency=invoice.currency, lines=lines, allowances=allowances).totals
    invoice.lines_minor = totals.lines_minor
    invoice.net_minor = totals.net_minor
    invoice.tax_minor = totals.tax_minor
    invoice.total_minor = totals.payable_minor
    if invoice.collection_method is not CollectionMethod.STRIPE:
        return ()
    objection = stripe_objection(currency=invoice.currency, total_minor=invoice.total_minor, lines=lines)
    if objection is not None:
        raise objection
    return await _stripe_warnings(session, invoice)


async def _stripe_warnings(session: AsyncSession, invoice: Invoice) -> tuple[str, ...]:
    connection = await session.get(StripeConnection, invoice.organization_id)
    hints = [stripe_warning(currency=invoice.currency, total_minor=invoice.total_minor)]
    if connection is None or connection.status is not ConnectionStatus.READY:
        hints.append("Stripe is not ready: connect it under settings before this invoice is sent by Stripe")
    return tuple(hint for hint in hints if hint)
