"""Invoices: list, read, and everything about drafts. What happens to an issued invoice is in its own files."""

from dataclasses import asdict
from typing import Annotated, Any, Literal, cast

from contracts.ids import InvoiceId
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from service_kit.database import app_now
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.invoices.create_draft import create_draft
from invoice_service.actions.invoices.delete_draft import delete_draft
from invoice_service.actions.invoices.draft_fields import DraftFields
from invoice_service.actions.invoices.edit_draft import edit_draft
from invoice_service.api.authentication import Caller, needs
from invoice_service.api.cursors import Cursor, CursorMaker, PageSize, context_of, link_to_next
from invoice_service.api.draft_bodies import DraftChange, NewDraft, drafted
from invoice_service.api.invoice_filters import Wanted
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
from invoice_service.domain.list_order import InvoiceOrder
from invoice_service.domain.permissions import Permission
from invoice_service.queries.invoice_details import invoice_detail, invoices_in_list, today_of
from invoice_service.queries.invoices import place_in_order
from invoice_service.queries.organizations import get_organization

router = APIRouter(prefix="/v1/invoices", tags=["invoices"])

Reading = Annotated[Caller, needs(Permission.INVOICES_READ)]
Writing = Annotated[Write, writing(Permission.INVOICES_WRITE)]

Order = Annotated[
    InvoiceOrder,
    Query(description="A leading `-` turns it round. Without a due date it is due after all others."),
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
    request: Request,
    response: Response,
    wanted: Wanted,
    sort: Order = InvoiceOrder.NEWEST,
    limit: PageSize = 25,
    cursor: Cursor = None,
) -> InvoicePage:
    context = context_of("invoices", caller.organization_id, **asdict(wanted), sort=sort)
    cursors = CursorMaker(parts.pages.secret, context)
    after = cursors.read(cursor)
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        organization = await get_organization(session, organization_id=caller.organization_id)
        today = today_of(organization, await app_now(session))
        filters = wanted.filters(organization_id=caller.organization_id, today=today, order=sort)
        rows = await invoices_in_list(session, filters=filters, after=after, limit=limit + 1)
    more = len(rows) > limit
    next_cursor = cursors.write(place_in_order(rows[limit - 1].invoice, sort)) if more else None
    link_to_next(request, response, cursor=next_cursor)
    return InvoicePage(data=[invoice_summary(row) for row in rows[:limit]], has_more=more, next_cursor=next_cursor)


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
