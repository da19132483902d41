"""Lists: pages that neither skip nor repeat, filters, search by the beginnings of words, cursors that are ours."""

import base64
from typing import Any

import pytest
from invoice_tests.make import Account, customer_body
from service_kit.testing.databases import ServiceDatabase
from sqlalchemy import text


async def _numbers(account: Account, **parameters: Any) -> list[str]:
    return [row["title"] for row in (await account.get("/v1/invoices", **parameters))["data"]]


@pytest.fixture
async def seven(account: Account) -> Account:
    """Drafts titled Job 0 to Job 6 for one customer, the last three made at the same moment."""
    customer = await account.customer()
    for number in range(7):
        await account.draft(customer_id=customer["id"], title=f"Job {number}")
    async with account.database.transaction(organization_id=account.organization_id) as session:
        await (await session.connection()).execute(
            text("update invoices set created_at = (select max(created_at) from invoices) where title >= 'Job 4'")
        )
    return account


async def test_pages_show_every_invoice_once_the_newest_first(seven: Account) -> None:
    shown: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await seven.get("/v1/invoices", limit=2, **cursor)
        shown += [row["title"] for row in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert shown == [f"Job {number}" for number in (6, 5, 4, 3, 2, 1, 0)]
    assert page["next_cursor"] is None


async def test_an_invoice_made_while_paging_moves_no_page(seven: Account) -> None:
    first = await seven.get("/v1/invoices", limit=3)
    await seven.draft(title="Job 7")

    second = await seven.get("/v1/invoices", limit=3, cursor=first["next_cursor"])

    assert [row["title"] for row in second["data"]] == ["Job 3", "Job 2", "Job 1"]


async def test_a_cursor_that_we_did_not_make_is_refused(seven: Account, subtests: pytest.Subtests) -> None:
    for spoil in [
        lambda cursor: "",
        lambda cursor: "x",
        lambda cursor: cursor[:-1],
        lambda cursor: cursor + "A",
        lambda cursor: cursor[:-1] + ("A" if cursor[-1] != "A" else "B"),
        lambda cursor: ("A" if cursor[0] != "A" else "B") + cursor[1:],
        lambda cursor: base64.urlsafe_b64encode(b"2026-01-01|1").decode(),
        lambda cursor: "%00",
        lambda cursor: "ü" * 20,
    ]:
        with subtests.test(str(spoil)):
            cursor = (await seven.get("/v1/invoices", limit=2))["next_cursor"]

            response = await seven.http.get(
                "/v1/invoices",
                params={"limit": 2, "cursor": spoil(cursor)},
                headers={"Authorization": f"Bearer {seven.key}"},
            )

            assert response.status_code == 400, response.text
            assert response.headers["content-type"] == "application/problem+json"


async def test_a_cursor_belongs_to_its_filters(seven: Account) -> None:
    cursor = (await seven.get("/v1/invoices", limit=2, status="draft"))["next_cursor"]

    response = await seven.http.get(
        "/v1/invoices", params={"limit": 2, "cursor": cursor}, headers={"Authorization": f"Bearer {seven.key}"}
    )

    assert response.status_code == 400


async def test_a_filter_that_makes_no_sense_is_refused(account: Account, subtests: pytest.Subtests) -> None:
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "status=gone",
        "customer=inv_1",
        "created[gte]=yesterday",
        "created[gte]=2026-01-01T00:00:00",
    ]:
        with subtests.test(str(query)):
            response = await account.send("GET", f"/v1/invoices?{query}")

            assert response.status_code == 422


async def test_invoices_are_filtered_by_customer_and_time(seven: Account) -> None:
    other = await seven.draft(title="Another", customer_id=(await seven.customer(name="Other"))["id"])

    of_customer = await _numbers(seven, customer=other["customer"]["id"])
    since = await _numbers(seven, **{"created[gte]": other["created_at"]})
    until = await _numbers(seven, **{"created[lte]": "2020-01-01T00:00:00Z"})

    assert of_customer == ["Another"]
    assert since == ["Another"]
    assert until == []


async def test_invoices_are_filtered_by_headline_and_by_document_status(seven: Account) -> None:
    assert len(await _numbers(seven, status="draft")) == 7
    assert await _numbers(seven, status="issued") == []
    assert await _numbers(seven, status="paid") == []
    assert await _numbers(seven, status="overdue") == []


async def test_an_invoice_is_found_by_the_beginnings_of_its_words(account: Account, subtests: pytest.Subtests) -> None:
    customer = await account.customer(name="Müller GmbH")
    await account.draft(customer_id=customer["id"], title="Repair in Zürich", purchase_order="PO-77")
    await account.draft(customer_id=(await account.customer(name="Elsewhere Ltd"))["id"], title="Elsewhere")

    for wanted in ("zürich", "ZURICH", "zür", "repair zurich", "gmbh", "müll", "PO-77", "po-7", "77"):
        with subtests.test(wanted):
            assert await _numbers(account, q=wanted) == ["Repair in Zürich"]


async def test_what_is_not_there_is_not_found(account: Account, subtests: pytest.Subtests) -> None:
    await account.draft(title="Repair in Zürich")

    for wanted in ("epair", "zurich bern", "' or 1=1 --", "%repair%bern"):
        with subtests.test(wanted):
            assert await _numbers(account, q=wanted) == []


async def test_a_search_without_a_word_in_it_is_no_search(account: Account) -> None:
    await account.draft(title="Repair in Zürich")

    assert await _numbers(account, q="%") == ["Repair in Zürich"]
    assert await _numbers(account, q=" _ ") == ["Repair in Zürich"]


async def test_search_follows_a_renamed_customer_and_a_changed_title(account: Account) -> None:
    customer = await account.customer(name="Before Ltd")
    draft = await account.draft(customer_id=customer["id"], title="Early")

    await account.send("PATCH", f"/v1/customers/{customer['id']}", {"name": "After Ltd"})
    await account.send("PATCH", f"/v1/invoices/{draft['id']}", {"title": "Late"}, if_match='"1"')

    assert await _numbers(account, q="after late") == ["Late"]
    assert await _numbers(account, q="before") == []
    assert await _numbers(account, q="early") == []


async def test_customers_are_listed_in_pages_and_found(account: Account) -> None:
    for number in range(5):
        await account.post("/v1/customers", customer_body(name=f"Firm {number}", email=f"pay{number}@firm.example.com"))

    first = await account.get("/v1/customers", limit=3)
    second = await account.get("/v1/customers", limit=3, cursor=first["next_cursor"])
    found = await account.get("/v1/customers", q="pay3")

    assert [row["name"] for row in first["data"] + second["data"]] == [f"Firm {number}" for number in (4, 3, 2, 1, 0)]
    assert second["has_more"] is False
    assert [row["name"] for row in found["data"]] == ["Firm 3"]


async def test_search_uses_its_index_under_row_security(account: Account, service_database: ServiceDatabase) -> None:
    await service_database.fetch(
        "insert into invoice.customer_search_tokens select $1, 'w' || n, id from invoice.customers, "
        "generate_series(1, 20000) n where id = (select id from invoice.customers limit 1)",
        account.organization_id,
    )
    await account.customer()
    await service_database.fetch(
        "insert into invoice.customer_search_tokens select organization_id, 'w' || n, id "
        "from (select organization_id, id from invoice.customers limit 1) c, generate_series(1, 20000) n"
    )
    await service_database.fetch("analyze invoice.customer_search_tokens")

    async with account.database.transaction(organization_id=account.organization_id) as session:
        plan = await (await session.connection()).execute(
            text(
                "explain select customer_id from customer_search_tokens where organization_id = :organization_id "
                "and token >= 'w777' and token < :end"
            ),
            {"organization_id": account.organization_id, "end": "w777\U0010ffff"},
        )
        lines = "\n".join(row[0] for row in plan)

    assert "Index" in lines
    assert "token >=" in lines.split("Index Cond", 1)[1]
