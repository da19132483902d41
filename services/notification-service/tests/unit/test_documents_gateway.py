"""Only the right bytes come through the door to invoice-service; everything else has a name."""

from collections.abc import Callable

import httpx
import pytest
from contracts.catalogue import Service
from contracts.ids import format_id
from notification_service.documents_gateway import DocumentDiffers, DocumentNotThere, DocumentsGateway
from notification_service.invoice_access import InvoiceAccess
from notification_tests import make
from service_kit import service_tokens
from service_kit.clock import SystemClock
from service_kit.errors import Unavailable

SECRET = "what callers of invoice-service sign with"
Answer = Callable[[httpx.Request], httpx.Response]


async def fetch(answer: Answer) -> bytes:
    client = httpx.AsyncClient(base_url="http://invoices.test", transport=httpx.MockTransport(answer))
    async with client:
        gateway = DocumentsGateway(InvoiceAccess(client=client, secret=SECRET, clock=SystemClock()))
        return await gateway.fetch(make.file(), organization_id=make.ORGANIZATION_ID)


async def test_the_bytes_are_asked_for_by_id_with_a_token_for_this_organisation() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=make.PDF)

    content = await fetch(answer)

    assert content == make.PDF
    [request] = asked
    assert request.url.path == f"/internal/documents/{format_id('doc', make.DOCUMENT_ID)}"
    caller = service_tokens.verify(
        request.headers["Authorization"].removeprefix("Bearer "),
        secret=SECRET,
        audience=Service.INVOICE,
        issuers=frozenset({Service.NOTIFICATION.value}),
        now=SystemClock().now(),
    )
    assert (caller.issuer, caller.organization_id) == (Service.NOTIFICATION, make.ORGANIZATION_ID)


@pytest.mark.parametrize("content", [b"", make.PDF[:-1], make.PDF + b"x", make.PDF.upper(), b"x" * 10_000_000])
async def test_other_bytes_never_come_through(content: bytes) -> None:
    with pytest.raises(DocumentDiffers):
        await fetch(lambda _: httpx.Response(200, content=content))


async def test_an_unknown_document_is_told_apart_from_a_service_that_is_away() -> None:
    with pytest.raises(DocumentNotThere):
        await fetch(lambda _: httpx.Response(404))


@pytest.mark.parametrize("status", [302, 401, 403, 429, 500, 503])
async def test_any_other_answer_may_pass(status: int) -> None:
    with pytest.raises(Unavailable, match=str(status)):
        await fetch(lambda _: httpx.Response(status, headers={"Location": "http://elsewhere.test/"}))


@pytest.mark.parametrize("problem", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")], ids=repr)
async def test_no_answer_may_pass(problem: httpx.TransportError) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise problem

    with pytest.raises(Unavailable):
        await fetch(answer)
