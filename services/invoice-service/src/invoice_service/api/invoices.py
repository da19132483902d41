"""Invoices: list, read, and everything about drafts. What happens to an issued invoice is in its own files."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast

from contracts.ids import CustomerId, InvoiceId
from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel
from service_kit.database import app_now
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.invoices.create_draft import create_draft
from invoice_service.actions.invoices.delete_draft import delete_draft
from invoice_service.actions.invoices.draft_fields import DraftFields
from invoice_service.actions.invoices.edit_draft import edit_draft
from invoice_service.api.authentication import Caller, needs
from invoice_service.api.cursors import CursorMaker
from invoice_service.api.customers import Cursor, PageSize, SearchText
from invoice_service.api.draft_bodies import DraftChange, NewDraft, drafted
from invoice_service.api.invoice_views import (
    InvoiceSummary,
    InvoiceView,
    detail_answer,
    invoice_summary,
    invoice_view,
)
from invoice_service.api.versions import NeededVersion, OptionalVersion
from invoice_service.api.writes import Write, etag, writing
from invoice_service.dependencies import Parts
from invoice_service.domain.headline import Headline
from invoice_service.domain.permissions import Permission
from invoice_service.domain.search_words import words_to_find
from invoice_service.domain.statuses import DocumentStatus
from invoice_service.queries.invoice_details import invoice_detail, invoices_in_list, today_of
from invoice_service.queries.invoices import InvoiceFilters
from invoice_service.queries.organizations import get_organization

router = APIRouter(prefix="/v1/invoices", tags=["invoices"])

Reading = Annotated[Caller, needs(Permission.INVOICES_READ)]
Writing = Annotated[Write, writing(Permission.INVOICES_WRITE)]

Moment = Annotated[AwareDatetime | None, Query(description="A moment with its zone, such as 2026-01-31T00:00:00Z.")]
Status = Annotated[
    Literal["issued"] | Headline | None,
    Query(description="A headline, or `issued` for everything that was sent and is not void or written off."),
]


class InvoicePage(BaseModel):
    object: Literal["list"] = "list"
    data: list[InvoiceSummary]
    has_more: bool
    next_cursor: str | None


@router.get("", name="list_invoices", summary="List invoices, the newest first")
async def list_invoices(
    caller: Reading,
    parts: Parts,
    status: Status = None,
    customer: Annotated[CustomerId | None, Query()] = None,
    q: SearchText = "",
    created_from: Annotated[Moment, Query(alias="created[gte]")] = None,
    created_to: Annotated[Moment, Query(alias="created[lte]")] = None,
    limit: PageSize = 25,
    cursor: Cursor = None,
) -> InvoicePage:
    words = words_to_find(q)
    wanted = [status or "", str(customer or ""), " ".join(words), _moment(created_from), _moment(created_to)]
    cursors = CursorMaker(parts.pages.secret, f"invoices:{caller.organization_id}:{'|'.join(wanted)}")
    after = cursors.read(cursor)
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        organization = await get_organization(session, organization_id=caller.organization_id)
        filters = InvoiceFilters(
            organization_id=caller.organization_id,
            today=today_of(organization, await app_now(session)),
            status=_status(status),
            customer_id=customer,
            words=words,
            created_from=created_from,
            created_to=created_to,
        )
        rows = await invoices_in_list(session, filters=filters, after=after, limit=limit + 1)
    shown = rows[:limit]
    more = len(rows) > limit
    last = shown[-1].invoice if more else None
    return InvoicePage(
        data=[invoice_summary(row) for row in shown],
        has_more=more,
        next_cursor=cursors.write(last.created_at, last.id) if last else None,
    )


@router.post("", name="create_draft", summary="Make a draft", status_code=201, response_model=InvoiceView)
async def create(body: NewDraft, write: Writing) -> Response:
    async def work(session: AsyncSession) -> Answer:
        saved = await create_draft(
            session,
            organization_id=write.caller.organization_id,
            customer_id=body.customer_id,
            template_id=body.template_id,
            fields=_fields(body),
            now=await app_now(session),
        )
        return await detail_answer(
            session,
            pages=write.parts.pages,
            organization_id=write.caller.organization_id,
            invoice_id=saved.invoice.id,
            status=201,
            warnings=saved.warnings,
        )

    return await write.once(work)


@router.get("/{invoice_id}", name="get_invoice", summary="Read one invoice")
async def read(invoice_id: InvoiceId, caller: Reading, parts: Parts, response: Response) -> InvoiceView:
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        detail = await invoice_detail(
            session,
            organization_id=caller.organization_id,
            invoice_id=invoice_id,
            now=await app_now(session),
        )
    view = invoice_view(detail, pages=parts.pages)
    response.headers["ETag"] = etag(view.version)
    return view


@router.patch("/{invoice_id}", name="edit_draft", summary="Change a draft", response_model=InvoiceView)
async def edit(invoice_id: InvoiceId, body: DraftChange, write: Writing, version: NeededVersion) -> Response:
    async def work(session: AsyncSession) -> Answer:
        saved = await edit_draft(
            session,
            organization_id=write.caller.organization_id,
            invoice_id=invoice_id,
            fields=_fields(body),
            expected_version=version,
            now=await app_now(session),
        )
        return await detail_answer(
            session,
            pages=write.parts.pages,
            organization_id=write.caller.organization_id,
            invoice_id=invoice_id,
            warnings=saved.warnings,
        )

    return await write.once(work)


@router.delete("/{invoice_id}", name="delete_draft", summary="Delete a draft", status_code=204)
async def delete(invoice_id: InvoiceId, write: Writing, version: OptionalVersion) -> Response:
    async def work(session: AsyncSession) -> Answer:
        await delete_draft(
            session,
            organization_id=write.caller.organization_id,
            invoice_id=invoice_id,
            expected_version=version,
            now=await app_now(session),
        )
        return Answer(status=204)

    return await write.once(work)


def _fields(body: DraftChange) -> DraftFields:
    fields: dict[str, Any] = drafted(body)
    fields.pop("template_id", None)
    return cast(DraftFields, fields)


def _status(status: str | None) -> DocumentStatus | Headline | None:
    """Words that are both a document's status and a headline mean the same, and the status has an index."""
    if status is None:
        return None
    if status in set(DocumentStatus):
        return DocumentStatus(status)
    return Headline(status)


def _moment(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
