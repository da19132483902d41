"""The bytes of stored documents for the other services, by id and with their digest; never reachable from outside."""

import base64
from typing import Annotated

from contracts.catalogue import Service
from contracts.ids import DocumentId
from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from service_kit.service_tokens import ServiceCaller, verify

from invoice_service.dependencies import Parts
from invoice_service.queries.receivables import get_document

router = APIRouter(prefix="/internal", tags=["internal"])
_CALLERS = frozenset({Service.NOTIFICATION.value})
_bearer = HTTPBearer(auto_error=False, scheme_name="ServiceToken")


async def calling_service(
    request: Request,
    parts: Parts,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> ServiceCaller:
    """Raises `Unauthenticated`. The token names the organisation whose rows the caller may see."""
    return verify(
        credentials.credentials if credentials else "",
        secret=parts.service_token_secret,
        audience=Service.INVOICE.value,
        issuers=_CALLERS,
        now=parts.clock.now(),
    )


@router.get("/documents/{document_id}", name="get_document_bytes", response_class=Response)
async def document_bytes(
    document_id: DocumentId, parts: Parts, caller: Annotated[ServiceCaller, Depends(calling_service)]
) -> Response:
    """`Repr-Digest` (RFC 9530) and `ETag` carry the SHA-256 of the bytes."""
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        document = await get_document(session, organization_id=caller.organization_id, document_id=document_id)
    digest = base64.b64encode(bytes.fromhex(document.sha256)).decode()
    return Response(
        content=document.content,
        media_type=document.media_type,
        headers={
            "Repr-Digest": f"sha-256=:{digest}:",
            "ETag": f'"{document.sha256}"',
            "Content-Disposition": f'attachment; filename="{document.filename}"',
            "Cache-Control": "no-store",
        },
    )
