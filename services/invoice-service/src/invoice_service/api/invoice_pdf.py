"""The document of an invoice for its sender: the same bytes that were mailed, never rendered again."""

from typing import Annotated, Any

from contracts.ids import InvoiceId
from fastapi import APIRouter, Response

from invoice_service.api.authentication import Caller, needs
from invoice_service.dependencies import Parts
from invoice_service.domain.invoice_refusals import DocumentNotStored
from invoice_service.domain.permissions import Permission
from invoice_service.queries.invoice_details import newest_document_id
from invoice_service.queries.invoices import get_invoice
from invoice_service.queries.receivables import get_document

router = APIRouter(prefix="/v1/invoices", tags=["invoices"])

Reading = Annotated[Caller, needs(Permission.INVOICES_READ)]

_PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}, "description": "The stored bytes"}}


@router.get(
    "/{invoice_id}/pdf",
    name="get_invoice_pdf",
    summary="Download the document that was sent",
    response_class=Response,
    responses=_PDF,
)
async def download(invoice_id: InvoiceId, caller: Reading, parts: Parts) -> Response:
    """The ETag is the SHA-256 of the bytes."""
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        invoice = await get_invoice(session, organization_id=caller.organization_id, invoice_id=invoice_id)
        document_id = await newest_document_id(session, invoice=invoice)
        if document_id is None:
            raise DocumentNotStored("this invoice has no stored document; it gets one when it is sent")
        document = await get_document(session, organization_id=caller.organization_id, document_id=document_id)
    return Response(
        content=document.content,
        media_type=document.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{document.filename}"',
            "ETag": f'"{document.sha256}"',
        },
    )
