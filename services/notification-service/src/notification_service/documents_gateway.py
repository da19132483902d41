"""The only door to stored documents: fetches the bytes of one and lets only the right ones through.

A document's id and digest came with the event; bytes with another digest are never given to the caller.
"""

import asyncio
import hashlib
from typing import Protocol
from uuid import UUID

import httpx
from contracts.events.invoice import DocumentFile
from contracts.ids import format_id
from service_kit.errors import Unavailable

from notification_service.invoice_access import TOTAL_SECONDS, InvoiceAccess, limited

DOCUMENT_BYTES_MAX = 25 * 1024 * 1024


class DocumentNotThere(Exception):
    """invoice-service does not know the document."""


class DocumentDiffers(Exception):
    """The bytes are not those that the event named."""


class DocumentDoor(Protocol):
    async def fetch(self, file: DocumentFile, *, organization_id: UUID) -> bytes:
        """The bytes with exactly the digest of ``file``.

        Raises `DocumentNotThere`, `DocumentDiffers`, and `service_kit.errors.Unavailable` for everything that may pass.
        """
        ...


class DocumentsGateway:
    def __init__(self, access: InvoiceAccess) -> None:
        self._access = access

    async def fetch(self, file: DocumentFile, *, organization_id: UUID) -> bytes:
        content = await self._read(file, organization_id=organization_id)
        if len(content) != file.size_bytes or hashlib.sha256(content).hexdigest() != file.sha256:
            raise DocumentDiffers(f"{format_id('doc', file.document_id)} has other bytes than the event said")
        return content

    async def _read(self, file: DocumentFile, *, organization_id: UUID) -> bytes:
        name = format_id("doc", file.document_id)
        headers = self._access.headers(organization_id=organization_id)
        try:
            async with (
                asyncio.timeout(TOTAL_SECONDS),
                self._access.client.stream("GET", f"/internal/documents/{name}", headers=headers) as answer,
            ):
                if answer.status_code == httpx.codes.NOT_FOUND:
                    raise DocumentNotThere(f"invoice-service does not know {name}")
                if answer.status_code != httpx.codes.OK:
                    raise Unavailable(f"invoice-service answered {answer.status_code} for {name}")
                return await limited(answer, limit=min(file.size_bytes, DOCUMENT_BYTES_MAX))
        except (httpx.HTTPError, TimeoutError) as problem:
            raise Unavailable(f"invoice-service does not answer: {type(problem).__name__}") from problem
