"""Everything that a list shows, as CSV: read in chunks from one snapshot, so memory stays flat and it is consistent.

Each export is in the audit log before its first byte leaves. Names and order of columns never change; new ones come at
the end.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from contracts.ids import CustomerId, InvoiceId
from fastapi import APIRouter, Query, Request
from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.record_audit import record_audit
from invoice_service.api import audit_log, export_columns, invoice_filters
from invoice_service.api.authentication import Caller, needs
from invoice_service.api.csv_answer import CsvAnswer, written
from invoice_service.api.customers import SearchText
from invoice_service.api.export_columns import Column
from invoice_service.api.invoice_filters import Since, Until
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.domain.list_order import InvoiceOrder, Place
from invoice_service.domain.permissions import Permission
from invoice_service.domain.search_words import words_to_find
from invoice_service.queries.audit import page_of_audit_log
from invoice_service.queries.customers import CustomerFilters, page_of_customers
from invoice_service.queries.exports import PaymentFilters, page_of_payments
from invoice_service.queries.invoice_details import invoices_in_list, today_of
from invoice_service.queries.invoices import place_in_order
from invoice_service.queries.organizations import get_organization
from invoice_service.tables.audit import AuditEntry

router = APIRouter(prefix="/v1/exports", tags=["exports"])

CHUNK_ROWS = 500
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The table, its header row first"}
}

Shown = TypeVar("Shown")
Page = Callable[[AsyncSession, Place | None], Awaitable[list[Shown]]]


@dataclass(frozen=True)
class _Export(Generic[Shown]):
    """``page`` reads up to `CHUNK_ROWS` rows from behind a place."""

    name: str
    columns: Sequence[Column[Shown]]
    page: Page[Shown]
    place: Callable[[Shown], Place]


@router.get(
    "/invoices",
    name="export_invoices",
    summary="Invoices as CSV, the newest first",
    responses=_CSV,
    response_class=CsvAnswer,
    status_code=200,
)
async def invoices(
    caller: Annotated[Caller, needs(Permission.INVOICES_READ)],
    parts: Parts,
    request: Request,
    wanted: invoice_filters.Wanted,
) -> CsvAnswer:
    """The filters are those of the list. Each amount is there as decimal text and in minor units."""
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        organization = await get_organization(session, organization_id=caller.organization_id)
        today = today_of(organization, await app_now(session))
    filters = wanted.filters(organization_id=caller.organization_id, today=today, order=InvoiceOrder.NEWEST)
    export = _Export(
        name="invoices",
        columns=export_columns.INVOICES,
        page=lambda session, after: invoices_in_list(session, filters=filters, after=after, limit=CHUNK_ROWS),
        place=lambda row: place_in_order(row.invoice, InvoiceOrder.NEWEST),
    )
    return await _answer(export, caller=caller, parts=parts, request=request)


@router.get(
    "/customers",
    name="export_customers",
    summary="Customers as CSV, the newest first",
    responses=_CSV,
    response_class=CsvAnswer,
    status_code=200,
)
async def customers(
    caller: Annotated[Caller, needs(Permission.CUSTOMERS_READ)], parts: Parts, request: Request, q: SearchText = ""
) -> CsvAnswer:
    """Like the list without those that are archived."""
    filters = CustomerFilters(caller.organization_id, words=words_to_find(q))
    export = _Export(
        name="customers",
        columns=export_columns.CUSTOMERS,
        page=lambda session, after: page_of_customers(session, filters=filters, after=after, limit=CHUNK_ROWS),
        place=lambda row: row.place,
    )
    return await _answer(export, caller=caller, parts=parts, request=request)


@router.get(
    "/payments",
    name="export_payments",
    summary="Payments as CSV, the newest first",
    responses=_CSV,
    response_class=CsvAnswer,
    status_code=200,
)
async def payments(
    caller: Annotated[Caller, needs(Permission.INVOICES_READ)],
    parts: Parts,
    request: Request,
    customer: Annotated[CustomerId | None, Query()] = None,
    invoice: Annotated[InvoiceId | None, Query()] = None,
    created_from: Since = None,
    created_to: Until = None,
) -> CsvAnswer:
    """Every posting that moved money, by hand or through Stripe; one that takes money back has a negative amount.
    `created` is the moment at which it was recorded."""
    filters = PaymentFilters(caller.organization_id, customer, invoice, created_from, created_to)
    export = _Export(
        name="payments",
        columns=export_columns.PAYMENTS,
        page=lambda session, after: page_of_payments(session, filters=filters, after=after, limit=CHUNK_ROWS),
        place=lambda row: (row.entry.recorded_at, row.entry.id),
    )
    return await _answer(export, caller=caller, parts=parts, request=request)


@router.get(
    "/audit-log",
    name="export_audit_log",
    summary="The audit log as CSV, the newest first",
    responses=_CSV,
    response_class=CsvAnswer,
    status_code=200,
)
async def audit(
    caller: Annotated[Caller, needs(Permission.AUDIT_READ)],
    parts: Parts,
    request: Request,
    wanted: audit_log.Wanted,
) -> CsvAnswer:
    """The filters are those of the list. `details` is JSON."""
    filters = wanted.filters(organization_id=caller.organization_id)
    export: _Export[AuditEntry] = _Export(
        name="audit-log",
        columns=export_columns.AUDIT_LOG,
        page=lambda session, after: page_of_audit_log(session, filters=filters, after=after, limit=CHUNK_ROWS),
        place=lambda row: (row.at, row.id),
    )
    return await _answer(export, caller=caller, parts=parts, request=request)


async def _answer(export: _Export[Shown], *, caller: Caller, parts: Dependencies, request: Request) -> CsvAnswer:
    moment = parts.clock.now()
    filename = f"{export.name}-{moment:%Y%m%dT%H%M%SZ}.csv"
    return CsvAnswer(_chunks(export, caller, parts, filters=sorted(request.query_params)), filename=filename)


async def _chunks(
    export: _Export[Shown], caller: Caller, parts: Dependencies, *, filters: list[str]
) -> AsyncGenerator[str]:
    """The header row with the first rows, then chunk after chunk. Raises `ExportsBusy` before anything is read."""
    with parts.exports.take(caller.organization_id):
        async with parts.database.transaction(organization_id=caller.organization_id) as session:
            await record_audit(
                session,
                organization_id=caller.organization_id,
                actor=caller.who,
                action=f"export_{export.name.replace('-', '_')}",
                object_type="export",
                object_id=export.name,
                details={"filters": filters} if filters else {},
            )
        async with parts.database.snapshot(organization_id=caller.organization_id) as session:
            before = written([[column.name for column in export.columns]])
            after: Place | None = None
            while True:
                rows = await export.page(session, after)
                yield before + written([[column.cell(row) for column in export.columns] for row in rows])
                if len(rows) < CHUNK_ROWS:
                    return
                before, after = "", export.place(rows[-1])
                # The session would keep hold of every row that it has seen.
                session.expunge_all()
