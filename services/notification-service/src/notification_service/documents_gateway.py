"""The only door to invoice-service: fetches the bytes of a stored document and lets none through but the right ones.

A document's id and digest came with the event; bytes with another digest are never given to the caller.
"""

import asyncio
import hashlib
from typing import Protocol
from uuid import UUID

import httpx
from contracts.catalogue import Service
from contracts.events.invoice import DocumentFile
from contracts.ids import format_id
from service_kit import correlation, service_tokens
from service_kit.clock import Clock
from service_kit.errors import Unavailable

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 20.0
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
    def __init__(self, *, client: httpx.AsyncClient, secret: str, clock: Clock) -> None:
        """``client`` has invoice-service's private address as its base; make it with `new_client`."""
        self._client = client
        self._secret = secret
        self._clock = clock

    async def fetch(self, file: DocumentFile, *, organization_id: UUID) -> bytes:
        content = await self._read(file, organization_id=organization_id)
        if len(content) != file.size_bytes or hashlib.sha256(content).hexdigest() != file.sha256:
            raise DocumentDiffers(f"{format_id('doc', file.document_id)} has other bytes than the event said")
        return content

    async def _read(self, file: DocumentFile, *, organization_id: UUID) -> bytes:
        name = format_id("doc", file.document_id)
        token = service_tokens.sign(
            secret=self._secret,
            issuer=Service.NOTIFICATION,
            audience=Service.INVOICE,
            organization_id=organization_id,
            actor=correlation.current().actor or Service.NOTIFICATION,
            now=self._clock.now(),
        )
        headers = {
            "Authorization": f"Bearer {token}",
            correlation.CORRELATION_HEADER: correlation.current().correlation_id,
        }
        try:
            async with (
                asyncio.timeout(TOTAL_SECONDS),
                self._client.stream("GET", f"/internal/documents/{name}", headers=headers) as answer,
            ):
                if answer.status_code == httpx.codes.NOT_FOUND:
                    raise DocumentNotThere(f"invoice-service does not know {name}")
                if answer.status_code != httpx.codes.OK:
                    raise Unavailable(f"invoice-service answered {answer.status_code} for {name}")
                return await _limited(answer, limit=min(file.size_bytes, DOCUMENT_BYTES_MAX))
        except (httpx.HTTPError, TimeoutError) as problem:
            raise Unavailable(f"invoice-service does not answer: {type(problem).__name__}") from problem


def new_client(base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=base_url, timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS), follow_redirects=False
    )


async def _limited(answer: httpx.Response, *, limit: int) -> bytes:
    """At most one byte more than ``limit``: enough to know that it is too long."""
    parts = bytearray()
    async for part in answer.aiter_bytes():
        parts += part
        if len(parts) > limit:
            break
    return bytes(parts)
