"""How this service shows itself to invoice-service: one short-lived token for each call, for one organisation."""

from dataclasses import dataclass, field
from uuid import UUID

import httpx
from contracts.catalogue import Service
from service_kit import correlation, service_tokens
from service_kit.clock import Clock

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 20.0


@dataclass(frozen=True)
class InvoiceAccess:
    """``client`` has invoice-service's private address as its base; make it with `new_client`."""

    client: httpx.AsyncClient
    secret: str = field(repr=False)
    clock: Clock

    def headers(self, *, organization_id: UUID) -> dict[str, str]:
        token = service_tokens.sign(
            secret=self.secret,
            issuer=Service.NOTIFICATION,
            audience=Service.INVOICE,
            organization_id=organization_id,
            actor=correlation.current().actor or Service.NOTIFICATION,
            now=self.clock.now(),
        )
        return {
            "Authorization": f"Bearer {token}",
            correlation.CORRELATION_HEADER: correlation.current().correlation_id,
        }


def new_client(base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=base_url, timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS), follow_redirects=False
    )


async def limited(answer: httpx.Response, *, limit: int) -> bytes:
    """At most one part more than ``limit`` bytes: enough to know that it is too long."""
    parts = bytearray()
    async for part in answer.aiter_bytes():
        parts += part
        if len(parts) > limit:
            break
    return bytes(parts)
