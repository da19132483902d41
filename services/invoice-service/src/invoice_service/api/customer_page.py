"""The durable address of an invoice: its page, its file, and the door to the payment link of this moment.

Whoever holds the token is the customer. Opening the page, or a machine checking the link, starts nothing at Stripe:
only pressing *Pay* does, and it leads to the link that is current then or back to the page, which says why not.
"""

import asyncio
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from invoice_service.actions.invoices.record_first_view import record_first_view
from invoice_service.api.request_limits import limit_page
from invoice_service.customer_html import WrittenPage, write_invoice_page, write_unknown_page
from invoice_service.customer_view import StubState, build_customer_view, state_of
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.document_gateway import transfer_svg
from invoice_service.document_words import LANGUAGES
from invoice_service.domain.page_token import PageClaim, PageTokenInvalid, read_page_token
from invoice_service.queries.customer_page import PageFacts, page_facts
from invoice_service.queries.receivables import get_document
from invoice_service.tables.invoices import Document

router = APIRouter(include_in_schema=False, dependencies=[Depends(limit_page)])

_FACES = Path(__file__).parent.parent / "fonts" / "web"
_FACE_NAME = re.compile(r"inter-[a-z]+(?:-ext)?-opsz-normal\.woff2")
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

Language = Annotated[str, Query(alias="lang", max_length=12)]


@router.api_route("/i/{token}", methods=["GET", "HEAD"])
async def show_page(token: str, parts: Parts, request: Request, language: Language = "") -> Response:
    claim = _claim_of(token, parts)
    facts = await _facts_of(claim, parts, viewed=request.method == "GET")
    if claim is None or facts is None:
        return _unknown(request)
    page = await asyncio.to_thread(_write, facts, _path_of(claim, parts), language if language in LANGUAGES else "")
    return _answer(page, status=200)


@router.post("/i/{token}/pay")
async def pay(token: str, parts: Parts, request: Request) -> Response:
    """See Other: to the payment link, or to the page when nothing can be paid there now."""
    claim = _claim_of(token, parts)
    facts = await _facts_of(claim, parts)
    if claim is None or facts is None:
        return _unknown(request)
    payable = state_of(facts.standing) is StubState.PAY and facts.pay_url != ""
    target = _with_email(facts.pay_url, facts.recipient) if payable else _path_of(claim, parts)
    return RedirectResponse(target, status_code=303, headers=_HEADERS)


@router.get("/i/{token}/pay")
async def pay_again(token: str, parts: Parts, request: Request) -> Response:
    """Reloading or bookmarking the address of *Pay* leads to the page and starts nothing."""
    claim = _claim_of(token, parts)
    if claim is None:
        return _unknown(request)
    return RedirectResponse(_path_of(claim, parts), status_code=303, headers=_HEADERS)


@router.api_route("/i/{token}/invoice.pdf", methods=["GET", "HEAD"])
async def download(token: str, parts: Parts, request: Request, download: bool = False) -> Response:
    """The bytes as they were stored and mailed. While they are being made, the page says what there is to say."""
    claim = _claim_of(token, parts)
    facts = await _facts_of(claim, parts)
    if claim is None or facts is None:
        return _unknown(request)
    if facts.document_id is None:
        return RedirectResponse(_path_of(claim, parts), status_code=303, headers=_HEADERS)
    async with parts.database.transaction(organization_id=claim.organization_id) as session:
        document = await get_document(session, organization_id=claim.organization_id, document_id=facts.document_id)
    return _file(document, as_attachment=download)


@router.get("/page-fonts/{name}")
async def face(name: str) -> Response:
    path = _FACES / name
    if not _FACE_NAME.fullmatch(name) or not path.is_file():
        return Response(status_code=404)
    return FileResponse(path, media_type="font/woff2", headers={"Cache-Control": "public, max-age=2592000"})


def _claim_of(token: str, parts: Dependencies) -> PageClaim | None:
    try:
        return read_page_token(secret=parts.pages.secret, token=token)
    except PageTokenInvalid:
        return None


async def _facts_of(claim: PageClaim | None, parts: Dependencies, *, viewed: bool = False) -> PageFacts | None:
    if claim is None:
        return None
    async with parts.database.transaction(organization_id=claim.organization_id) as session:
        facts = await page_facts(session, claim=claim, pages=parts.pages)
        if viewed and facts is not None:
            await record_first_view(session, organization_id=claim.organization_id, invoice_id=claim.invoice_id)
        return facts


def _path_of(claim: PageClaim, parts: Dependencies) -> str:
    address = parts.pages.address_of(
        organization_id=claim.organization_id, invoice_id=claim.invoice_id, generation=claim.generation
    )
    return urlsplit(address).path


def _write(facts: PageFacts, address: str, language: str) -> WrittenPage:
    code = transfer_svg(document=facts.document, amount_minor=facts.standing.due_minor)
    view = build_customer_view(
        document=facts.document,
        standing=facts.standing,
        today=facts.today,
        language=language,
        transfer_code=code,
    )
    return write_invoice_page(view=view, address=address, pay_url=facts.pay_url)


def _with_email(url: str, email: str) -> str:
    if not email:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'prefilled_email': email})}"


def _file(document: Document, *, as_attachment: bool) -> Response:
    disposition = "attachment" if as_attachment else "inline"
    headers = {
        **_HEADERS,
        "Content-Disposition": f'{disposition}; filename="{document.filename}"',
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    }
    return Response(document.content, media_type=document.media_type, headers=headers)


def _unknown(request: Request) -> HTMLResponse:
    wished = request.headers.get("accept-language", "").split(",")[0]
    return _answer(write_unknown_page(language=wished), status=404)


def _answer(page: WrittenPage, *, status: int) -> HTMLResponse:
    headers = {**_HEADERS, "Content-Security-Policy": page.content_security_policy}
    return HTMLResponse(page.html, status_code=status, headers=headers)
