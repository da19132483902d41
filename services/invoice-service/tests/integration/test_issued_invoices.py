"""An issued invoice through the reading routes: found by its number, filtered by its headline, its document at hand."""

import hashlib

from invoice_tests.driver import Driver
from invoice_tests.make import Account
from invoice_tests.scenes import sent_by_hand
from service_kit.testing.databases import ServiceDatabase


async def test_the_document_can_be_downloaded_as_it_was_stored(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)

    response = await account.send("GET", f"{invoice.path}/pdf")

    [stored] = await driver.query("select bytes, sha256 from invoice.documents")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/pdf"
    assert response.content == stored["bytes"]
    assert response.headers["etag"] == f'"{hashlib.sha256(response.content).hexdigest()}"'


async def test_a_draft_has_no_document_yet(account: Account) -> None:
    draft = await account.draft()

    response = await account.send("GET", f"/v1/invoices/{draft['id']}/pdf")

    assert response.status_code == 409
    assert response.json()["code"] == "document-not-stored"


async def test_a_sent_invoice_is_found_by_its_number(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    number = (await invoice.read())["number"]

    found = await account.get("/v1/invoices", q=number.lower())
    nothing = await account.get("/v1/invoices", q="inv-1999")

    assert [row["number"] for row in found["data"]] == [number]
    assert nothing["data"] == []


async def test_an_unpaid_invoice_becomes_overdue_on_the_day_after_its_due_date(
    account: Account, driver: Driver, service_database: ServiceDatabase
) -> None:
    invoice = await sent_by_hand(account, driver, payment_terms_days=0)
    before = await invoice.read()

    await service_database.advance_clock("invoice", seconds=24 * 3600)

    after = await invoice.read()
    listed = await account.get("/v1/invoices", status="overdue")
    assert (before["overdue"], after["overdue"]) == (False, True)
    assert after["headline"] == "overdue"
    assert [row["id"] for row in listed["data"]] == [after["id"]]
    assert (await account.get("/v1/invoices", status="sending"))["data"] == []


async def test_an_issued_invoice_cannot_be_edited_or_deleted(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    etag = (await account.send("GET", invoice.path)).headers["etag"]

    edited = await account.send("PATCH", invoice.path, {"title": "other"}, if_match=etag)
    deleted = await account.send("DELETE", invoice.path, if_match=etag)

    assert (edited.status_code, deleted.status_code) == (409, 409)
    assert edited.json()["code"] == deleted.json()["code"] == "invoice-already-issued"


async def test_a_sent_invoice_keeps_the_customers_name_of_that_day(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    customer_id = (await invoice.read())["customer"]["id"]

    await account.send("PATCH", f"/v1/customers/{customer_id}", {"name": "Renamed Ltd"})

    [row] = await driver.query("select snapshot->'buyer'->>'name' as name from invoice.invoices")
    assert row["name"] == "Acme GmbH"
    assert [row["id"] for row in (await account.get("/v1/invoices", q="renamed"))["data"]] == [
        (await invoice.read())["id"]
    ]
