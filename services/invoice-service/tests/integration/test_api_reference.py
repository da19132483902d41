"""The reference at ``/docs`` as it is served: there only when asked for, complete, and in need of nothing else."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from invoice_service.api.problem_codes import NOT_FOR_CALLERS, codes_by_status
from invoice_service.app import create_public_app, describe_public_api
from invoice_service.dependencies import Dependencies
from invoice_service.domain.permissions import Permission, who_may
from invoice_tests.browser import text_of
from invoice_tests.every_operation import operations_of
from invoice_tests.make import PUBLIC_URL, Account
from service_kit.errors import DomainError

PAGE_BYTES_MAX = 600_000
LINK = re.compile(r"""\s(?:src|href|action|srcset|poster|data)\s*=\s*["']?([^"'\s>]+)""")


@pytest.fixture
async def with_docs(dependencies: Dependencies) -> AsyncIterator[httpx.AsyncClient]:
    app = create_public_app(dependencies, docs=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC_URL) as client:
        yield client


async def test_without_being_asked_for_there_is_no_description(public_http: httpx.AsyncClient) -> None:
    assert [(await public_http.get(path)).status_code for path in ("/docs", "/openapi.json", "/redoc")] == [404] * 3


async def test_every_operation_has_its_place_on_the_page(with_docs: httpx.AsyncClient) -> None:
    operations = operations_of((await with_docs.get("/openapi.json")).json())

    page = (await with_docs.get("/docs")).text

    assert len(operations) >= 40
    assert [name for name in operations if page.count(f'<article id="{name}">') != 1] == []
    assert [name for name in operations if f'href="#{name}"' not in page] == []
    assert "/docs" not in {operation.path for operation in operations.values()}


async def test_it_leads_nowhere_that_is_not_there(with_docs: httpx.AsyncClient) -> None:
    page = (await with_docs.get("/docs")).text

    places = set(re.findall(r'\sid="([^"]+)"', page))
    links = set(LINK.findall(page))

    assert len(places) == len(re.findall(r'\sid="', page))
    assert {link for link in links if not link.startswith("#")} == {"/openapi.json"}
    assert {link[1:] for link in links if link.startswith("#")} - places == set()


async def test_a_browser_may_show_it_and_do_no_more(with_docs: httpx.AsyncClient) -> None:
    answer = await with_docs.get("/docs")

    style = re.findall(r"<style>(.*?)</style>", answer.text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert len(style) == 1
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "script" not in policy
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert all(address.startswith("../page-fonts/") for address in re.findall(r'url\("?([^")]*)', answer.text))
    assert len(answer.content) < PAGE_BYTES_MAX


async def test_it_says_who_may_what_may_be_sent_and_what_is_answered(with_docs: httpx.AsyncClient) -> None:
    page = await with_docs.get("/docs")

    drafting = _article(page.text, "create_draft")
    signing_out = _article(page.text, "end_session")
    text = text_of(page)
    assert who_may(Permission.INVOICES_WRITE)[2:] in drafting
    assert "owners or accountants" in drafting
    assert "customer_id" in drafting
    assert "unit_price" in drafting
    assert "1 to 500 items" in drafting
    assert "Work in November" in drafting
    assert 'href="#refused-409"' in drafting
    assert "No API key can" in signing_out
    assert all(who_may(permission)[2:] in text.replace("&#39;", "'") for permission in Permission)


async def test_it_is_written_at_the_first_reading_and_never_again(dependencies: Dependencies) -> None:
    app, asked = create_public_app(dependencies, docs=True), 0
    describe = app.openapi

    def counted() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return describe()

    app.openapi = counted  # type: ignore[method-assign]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC_URL) as client:
        before = asked
        answers = [await client.get("/docs"), await client.get("/docs"), await client.head("/docs")]

    assert (before, asked) == (0, 1)
    assert answers[0].content == answers[1].content
    assert (answers[2].status_code, answers[2].content) == (200, b"")


async def test_refusals_have_codes_that_the_page_knows(account: Account) -> None:
    answers = [
        await account.send("GET", "/v1/invoices?cursor=nonsense"),
        await account.send("GET", "/v1/invoices?limit=0"),
        await account.send("GET", "/v1/nowhere"),
        await account.send("GET", "/v1/customers/cus_00000000000000000000000000"),
        await account.send("POST", "/v1/invoices", {"customer_id": "cus_00000000000000000000000000"}),
        await account.http.post("/v1/customers", content=b"a", headers={"Authorization": f"Bearer {account.key}"}),
        await account.http.get("/v1/customers"),
    ]

    known = {status: {code.code for code in codes} for status, codes in codes_by_status().items()}
    said = {(answer.status_code, answer.json()["code"]) for answer in answers}
    assert len(said) >= 6
    assert {(status, code) for status, code in said if code not in known.get(status, set())} == set()


def test_what_is_kept_from_the_page_exists() -> None:
    assert describe_public_api()["paths"]
    assert {code for code in NOT_FOR_CALLERS if code not in _slugs(DomainError)} == set()


def _slugs(above: type[DomainError]) -> set[str]:
    return {above.slug}.union(*(_slugs(error) for error in above.__subclasses__()))


def _article(page: str, name: str) -> str:
    start = page.index(f'<article id="{name}">')
    return page[start : page.index("</article>", start)].replace("&#39;", "'")
