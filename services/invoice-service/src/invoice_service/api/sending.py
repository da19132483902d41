"""What happens to an invoice from *Send* on: send, send again, retry its link, send by hand instead, void."""

from typing import Annotated

from contracts.events.invoice import CollectionMethod
from contracts.ids import InvoiceId
from fastapi import APIRouter, Response
from pydantic import Field
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.invoices.resend_invoice import resend_invoice
from invoice_service.actions.invoices.retry_link import retry_link
from invoice_service.actions.invoices.send_invoice import SendWish, send_invoice
from invoice_service.actions.invoices.send_manually_instead import send_manually_instead
from invoice_service.actions.invoices.void_invoice import void_invoice
from invoice_service.api.invoice_views import InvoiceView, detail_answer
from invoice_service.api.request_fields import Request
from invoice_service.api.writes import Write, writing
from invoice_service.domain.permissions import Permission

router = APIRouter(prefix="/v1/invoices", tags=["invoices"])

Writing = Annotated[Write, writing(Permission.INVOICES_WRITE)]

ADDRESSES_MAX = 100
"""Of one list in a request; the smaller limit on recipients is a rule of its own with its own message."""


class ResendBody(Request):
    """Without `to` it goes where the invoice went before."""

    to: list[str] | None = Field(default=None, max_length=ADDRESSES_MAX)
    cc: list[str] = Field(default=[], max_length=ADDRESSES_MAX)
    message: str | None = None


class SendBody(ResendBody):
    """Without `method` and `message` as drafted; without `to` to the customer's address."""

    method: CollectionMethod | None = None


class VoidBody(Request):
    reason: str = ""


@router.post("/{invoice_id}/send", name="send_invoice", summary="Issue a draft and send it", response_model=InvoiceView)
async def send(invoice_id: InvoiceId, write: Writing, body: SendBody = SendBody()) -> Response:
    async def work(session: AsyncSession) -> Answer:
        await send_invoice(
            session,
            organization_id=write.caller.organization_id,
            invoice_id=invoice_id,
            wish=_wish(body, method=body.method),
            actor=write.caller.actor,
        )
        return await _detail(session, write, invoice_id)

    return await write.once(work)


@router.post("/{invoice_id}/resend", name="resend_invoice", summary="Mail it once more", response_model=InvoiceView)
async def resend(invoice_id: InvoiceId, write: Writing, body: ResendBody = ResendBody()) -> Response:
    async def work(session: AsyncSession) -> Answer:
        await resend_invoice(
            session,
            organization_id=write.caller.organization_id,
            invoice_id=invoice_id,
            wish=_wish(body),
            pages=write.parts.pages,
        )
        return await _detail(session, write, invoice_id)

    return await write.once(work)


@router.post(
    "/{invoice_id}/retry-link",
    name="retry_link",
    summary="Try again after a link failed or closed unpaid",
    response_model=InvoiceView,
)
async def retry(invoice_id: InvoiceId, write: Writing) -> Response:
    async def work(session: AsyncSession) -> Answer:
        await retry_link(
            session,
            organization_id=write.caller.organization_id,
            invoice_id=invoice_id,
            pages=write.parts.pages,
        )
        return await _detail(session, write, invoice_id)

    return await write.once(work)


@router.post(
    "/{invoice_id}/send-manually",
    name="send_manually",
    summary="Collect by hand after a link failed",
    response_model=InvoiceView,
)
async def send_manually(invoice_id: InvoiceId, write: Writing) -> Response:
    async def work(session: AsyncSession) -> Answer:
        await send_manually_instead(session, organization_id=write.caller.organization_id, invoice_id=invoice_id)
        return await _detail(session, write, invoice_id)

    return await write.once(work)


@router.post(
    "/{invoice_id}/void", name="void_invoice", summary="Withdraw an issued invoice", response_model=InvoiceView
)
async def void(invoice_id: InvoiceId, write: Writing, body: VoidBody = VoidBody()) -> Response:
    """It is `voiding` until its payment link is proven closed, and issued again if a payment wins."""

    async def work(session: AsyncSession) -> Answer:
        await void_invoice(
            session, organization_id=write.caller.organization_id, invoice_id=invoice_id, reason=body.reason
        )
        return await _detail(session, write, invoice_id)

    return await write.once(work)


def _wish(body: ResendBody, *, method: CollectionMethod | None = None) -> SendWish:
    to = None if body.to is None else tuple(body.to)
    return SendWish(method=method, to=to, cc=tuple(body.cc), message=body.message)


async def _detail(session: AsyncSession, write: Write, invoice_id: InvoiceId) -> Answer:
    return await detail_answer(
        session,
        pages=write.parts.pages,
        organization_id=write.caller.organization_id,
        invoice_id=invoice_id,
    )
