"""Stand-ins for what is outside this service: the typesetter where the paper does not matter, and payment-service."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from contracts.catalogue import Service
from contracts.document import InvoiceDocument
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from invoice_service.actions.invoices.render_document import Typesetter
from invoice_service.document_agreement import DocumentDisagrees
from invoice_service.document_gateway import RenderedDocument
from service_kit.clock import SystemClock
from service_kit.http import listening, serve
from service_kit.service_tokens import ServiceCaller, verify


@dataclass
class FakeTypesetter:
    """Prints nothing; remembers what it was asked for. ``failures`` are raised first, ``disagrees`` always."""

    failures: list[Exception] = field(default_factory=list)
    disagrees: bool = False
    asked: list[tuple[str, str, bool]] = field(default_factory=list)

    def render(self, *, document: InvoiceDocument, durable_url: str, sandbox: bool) -> RenderedDocument:
        self.asked.append((document.number, durable_url, sandbox))
        if self.failures:
            raise self.failures.pop(0)
        content = f"%PDF {document.number} {durable_url} try {len(self.asked)}".encode()
        return RenderedDocument(
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            media_type="application/pdf",
            filename=f"{document.number}.pdf",
            marks=(),
        )

    def check(self, *, rendered: RenderedDocument, document: InvoiceDocument) -> None:
        if self.disagrees:
            raise DocumentDisagrees(f"{document.number}: the total reads differently")

    def as_typesetter(self) -> Typesetter:
        return Typesetter(render=self.render, check=self.check)


@dataclass
class FakePaymentService:
    """Answers the private route for secret keys with ``status`` and ``content``; real tokens are verified as there."""

    secret: str
    status: int = 200
    content: Any = field(default_factory=dict)
    media_type: str = "application/json"
    hangs: bool = False
    callers: list[ServiceCaller] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Its address while it runs."""
        app = FastAPI()
        app.add_api_route("/internal/organizations/{organization_id}/stripe/secret-key", self._put, methods=["PUT"])
        with listening(host="127.0.0.1", port=0) as probe:
            port = probe.getsockname()[1]
        stop = asyncio.Event()
        running = asyncio.create_task(serve([(app, "127.0.0.1", port)], stop=stop))
        try:
            await _until_open(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            stop.set()
            await running

    async def _put(self, organization_id: str, request: Request) -> JSONResponse:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.callers.append(
            verify(
                token,
                secret=self.secret,
                audience=Service.PAYMENT.value,
                issuers=frozenset({Service.INVOICE.value}),
                now=SystemClock().now(),
            )
        )
        self.bodies.append(await request.json())
        self.paths.append(request.url.path)
        return JSONResponse(self.content, status_code=self.status, media_type=self.media_type)


async def _until_open(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        await writer.wait_closed()
        return
    raise TimeoutError("the fake payment-service did not open its port")
