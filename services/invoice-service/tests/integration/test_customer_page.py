"""The durable address over the real database: what it opens, what it records, and where paying leads."""

from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from contracts.document import InvoiceDocument
from contracts.ids import parse_id
from invoice_service.actions.invoices.send_invoice import SendWish, send_invoice
from invoice_service.actions.payments.record_manual_payment import ManualPayment, record_manual_payment
from invoice_service.dependencies import Dependencies
from invoice_service.document_gateway import render_invoice_pdf
from invoice_service.tables.invoices import Document, Invoice
from invoice_tests.make import Account
from service_kit.database import app_now
from service_kit.identifiers import new_id
from sqlmodel import col

LINK = "https://buy.stripe.example/test_abc"


class Sent:
    """An issued invoice and its page."""

    def __init__(self, account: Account, parts: Dependencies, invoice: Invoice) -> None:
        self.account, self.parts, self.id = account, parts, invoice.id
        self.number = invoice.number
        self.snapshot = InvoiceDocument.model_validate(invoice.snapshot)

    @property
    def path(self) -> str:
        address = self.parts.pages.address_of(
            organization_id=self.account.organization_id, invoice_id=self.id, generation=1
        )
        return address.removeprefix("https://invoices.example.com")

    async def change(self, **values: Any) -> None:
        own = (col(Invoice.organization_id) == self.account.organization_id) & (col(Invoice.id) == self.id)
        async with self.parts.database.transaction(organization_id=self.account.organization_id) as session:
            await session.exec(sa.update(Invoice).where(own).values(**values))

    async def row(self) -> Invoice:
        async with self.parts.database.transaction(organization_id=self.account.organization_id) as session:
            row = await session.get(Invoice, (self.account.organization_id, self.id))
            assert row is not None
            return row

    async def pay_by_hand(self, amount_minor: int) -> None:
        async with self.parts.database.transaction(organization_id=self.account.organization_id) as session:
            await record_manual_payment(
                session,
                organization_id=self.account.organization_id,
                invoice_id=self.id,
                payment=ManualPayment(amount_minor=amount_minor),
                actor="tests",
                pages=self.parts.pages,
            )

    async def store_file(self) -> bytes:
        rendered = render_invoice_pdf(document=self.snapshot, durable_url="", sandbox=False)
        async with self.parts.database.transaction(organization_id=self.account.organization_id) as session:
            session.add(
                Document(
                    organization_id=self.account.organization_id,
                    id=new_id(),
                    invoice_id=self.id,
                    filename=rendered.filename,
                    content=rendered.content,
                    size_bytes=len(rendered.content),
                    sha256=rendered.sha256,
                    created_at=await app_now(session),
                )
            )
        return rendered.content


@pytest.fixture
async def sent(account: Account, dependencies: Dependencies) -> Sent:
    draft = await account.draft()
    async with dependencies.database.transaction(organization_id=account.organization_id) as session:
        invoice = await send_invoice(
            session,
            organization_id=account.organization_id,
            invoice_id=parse_id("inv", draft["id"]),
            wish=SendWish(to=("ap+in@acme.example.com",)),
            actor="tests",
        )
    return Sent(account, dependencies, invoice)


async def test_the_page_shows_the_invoice_and_says_nothing_to_anyone_else(
    sent: Sent, public_http: httpx.AsyncClient
) -> None:
    response = await public_http.get(sent.path)

    assert response.status_code == 200
    assert sent.number is not None
    assert sent.number in response.text
    assert "238" in response.text
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-robots-tag"].startswith("noindex")
    assert response.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "set-cookie" not in response.headers


async def test_the_first_view_is_recorded_once_and_not_for_head(sent: Sent, public_http: httpx.AsyncClient) -> None:
    assert (await public_http.head(sent.path)).status_code == 200
    assert (await sent.row()).first_viewed_at is None

    await public_http.get(sent.path)
    first = await sent.row()
    await public_http.get(sent.path)
    second = await sent.row()

    assert first.first_viewed_at is not None
    assert second.first_viewed_at == first.first_viewed_at
    assert second.version == first.version


async def test_wrong_revoked_and_foreign_addresses_get_the_same_page(
    sent: Sent, public_http: httpx.AsyncClient
) -> None:
    pages = sent.parts.pages
    strangers = [
        "/i/nonsense",
        sent.path[:-1] + ("A" if sent.path[-1] != "A" else "B"),
        _path(pages.address_of(organization_id=new_id(), invoice_id=sent.id, generation=1)),
        _path(pages.address_of(organization_id=sent.account.organization_id, invoice_id=new_id(), generation=1)),
        _path(pages.address_of(organization_id=sent.account.organization_id, invoice_id=sent.id, generation=2)),
    ]

    answers = [await public_http.get(path) for path in strangers]
    files = [await public_http.get(f"{path}/invoice.pdf") for path in strangers]
    payments = [await public_http.post(f"{path}/pay") for path in strangers]

    assert {answer.status_code for answer in [*answers, *files, *payments]} == {404}
    assert len({answer.text for answer in [*answers, *files, *payments]}) == 1


async def test_a_raised_generation_revokes_the_address(sent: Sent, public_http: httpx.AsyncClient) -> None:
    await sent.change(page_generation=2)

    assert (await public_http.get(sent.path)).status_code == 404


async def test_a_draft_has_no_page(
    account: Account, dependencies: Dependencies, public_http: httpx.AsyncClient
) -> None:
    draft = await account.draft()
    invoice_id: UUID = parse_id("inv", draft["id"])
    address = dependencies.pages.address_of(
        organization_id=account.organization_id, invoice_id=invoice_id, generation=1
    )

    assert (await public_http.get(_path(address))).status_code == 404


async def test_pay_leads_to_the_link_of_this_moment(sent: Sent, public_http: httpx.AsyncClient) -> None:
    await sent.change(collection_method="stripe", link_status="active", link_attempt=1, link_url=LINK)
    first = await public_http.post(f"{sent.path}/pay")
    await sent.change(link_attempt=2, link_url=f"{LINK}2?locale=de")

    second = await public_http.post(f"{sent.path}/pay")

    assert (first.status_code, first.headers["location"]) == (303, f"{LINK}?prefilled_email=ap%2Bin%40acme.example.com")
    assert second.headers["location"] == f"{LINK}2?locale=de&prefilled_email=ap%2Bin%40acme.example.com"


@pytest.mark.parametrize(
    "standing",
    [
        {"link_status": "creating"},
        {"link_status": "closing"},
        {"link_status": "closed"},
        {"link_status": "failed"},
        {"link_status": "active", "document_status": "voiding"},
        {"link_status": "none", "collection_method": "manual"},
    ],
)
async def test_pay_leads_back_to_the_page_when_no_link_can_be_paid(
    sent: Sent, public_http: httpx.AsyncClient, standing: dict[str, str]
) -> None:
    await sent.change(**{"collection_method": "stripe", "link_attempt": 1, "link_url": LINK, **standing})

    response = await public_http.post(f"{sent.path}/pay")

    assert (response.status_code, response.headers["location"]) == (303, sent.path)


async def test_a_paid_invoice_says_so_and_cannot_be_paid_again(sent: Sent, public_http: httpx.AsyncClient) -> None:
    await sent.pay_by_hand(23800)
    await sent.change(collection_method="stripe", link_status="active", link_attempt=1, link_url=LINK)

    page = await public_http.get(sent.path)
    pressed = await public_http.post(f"{sent.path}/pay")

    assert "Paid in full on" in page.text
    assert pressed.headers["location"] == sent.path


async def test_what_is_left_to_pay_follows_the_ledger(sent: Sent, public_http: httpx.AsyncClient) -> None:
    await sent.pay_by_hand(3800)

    page = await public_http.get(sent.path)

    assert 'aria-label="38.00 of 238.00 is paid"' in page.text
    assert 'aria-label="200 euros"' in page.text


async def test_opening_the_address_of_pay_starts_nothing(sent: Sent, public_http: httpx.AsyncClient) -> None:
    await sent.change(collection_method="stripe", link_status="active", link_attempt=1, link_url=LINK)

    response = await public_http.get(f"{sent.path}/pay")

    assert (response.status_code, response.headers["location"]) == (303, sent.path)


async def test_the_file_is_the_stored_one_byte_for_byte(sent: Sent, public_http: httpx.AsyncClient) -> None:
    assert (await public_http.get(f"{sent.path}/invoice.pdf")).status_code == 303
    stored = await sent.store_file()

    shown = await public_http.get(f"{sent.path}/invoice.pdf")
    saved = await public_http.get(f"{sent.path}/invoice.pdf", params={"download": "1"})

    assert shown.content == saved.content == stored
    assert shown.headers["content-type"] == "application/pdf"
    assert shown.headers["content-disposition"].startswith("inline")
    assert saved.headers["content-disposition"] == f'attachment; filename="{sent.number}.pdf"'


async def test_the_reader_chooses_the_language_and_nonsense_is_ignored(
    sent: Sent, public_http: httpx.AsyncClient
) -> None:
    german = await public_http.get(sent.path, params={"lang": "de"})
    other = await public_http.get(sent.path, params={"lang": "../../etc"})

    assert "Noch zu zahlen" in german.text
    assert "Left to pay" in other.text


async def test_the_faces_are_served_and_nothing_beside_them(public_http: httpx.AsyncClient) -> None:
    face = await public_http.get("/page-fonts/inter-latin-opsz-normal.woff2")
    other = await public_http.get("/page-fonts/..%2f..%2fsettings.py")

    assert face.content[:4] == b"wOF2"
    assert face.headers["content-type"] == "font/woff2"
    assert other.status_code == 404


def _path(address: str) -> str:
    return address.removeprefix("https://invoices.example.com")
