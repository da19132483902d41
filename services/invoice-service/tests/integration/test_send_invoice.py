"""Sending a draft: it is issued once, numbered without gaps, frozen, and refused whole where it cannot be sent."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from contracts.canonical import canonical_sha256
from contracts.document import InvoiceDocument
from contracts.ids import parse_id
from invoice_service.actions.invoices.send_invoice import SendWish, send_invoice
from invoice_tests.driver import Driver
from invoice_tests.make import Account, line_body
from invoice_tests.scenes import connection, issued

SENDS = 50


async def test_a_draft_becomes_an_issued_invoice_with_number_dates_and_a_task(account: Account, driver: Driver) -> None:
    draft = await account.draft()

    sent = await account.post(f"/v1/invoices/{draft['id']}/send", {"message": "Thank you."})

    year = sent["issue_date"][:4]
    assert sent["number"] == f"INV-{year}-0001"
    assert (sent["document_status"], sent["headline"]) == ("issued", "sending")
    assert sent["recipients"] == {"to": ["ap@acme.example.com"], "cc": []}
    assert sent["balance"] == {
        "total_minor": 23800, "received_minor": 0, "applied_minor": 0, "suspense_minor": 0, "due_minor": 23800,
    }  # fmt: skip
    assert [(row["recipient"], row["state"]) for row in sent["deliveries"]] == [("ap@acme.example.com", "queued")]
    tasks = await driver.query("select type, payload from invoice.inbox")
    assert [row["type"] for row in tasks] == ["task.render_document"]


async def test_what_is_frozen_is_the_whole_document_and_its_digest(account: Account, driver: Driver) -> None:
    invoice = await issued(account, driver, notes="Thank you", lines=[line_body(quantity="1.5", unit_price="99.995")])

    row = await driver.invoice(invoice.id)

    document = InvoiceDocument.model_validate_json(row["snapshot"])
    assert canonical_sha256(document) == row["snapshot_sha256"]
    assert document.number == row["number"]
    assert document.buyer.name == "Acme GmbH"
    assert document.seller.name == "Nordlicht Studio"
    assert document.lines[0].net_amount_minor == 14999
    assert document.totals.payable_minor == 17849 == row["total_minor"]
    assert (document.issue_date, document.due_date) == (row["issue_date"], row["due_date"])
    assert document.notes == "Thank you"


async def test_a_changed_customer_does_not_change_what_was_issued(account: Account, driver: Driver) -> None:
    customer = await account.customer(name="Before GmbH")
    invoice = await issued(account, driver, customer_id=customer["id"])

    changed = await account.send("PATCH", f"/v1/customers/{customer['id']}", {"name": "After GmbH"})

    assert changed.status_code == 200
    assert json.loads((await driver.invoice(invoice.id))["snapshot"])["buyer"]["name"] == "Before GmbH"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_the_day_of_issue_is_the_organisations_own(new_account: Any, driver: Driver, zone: str) -> None:
    account = await new_account(settings={"time_zone": zone})

    invoice = await issued(account, driver, payment_terms_days=30)

    row = await driver.invoice(invoice.id)
    today = await driver.query("select (invoice.app_now() at time zone $1)::date as day", zone)
    assert row["issue_date"] == today[0]["day"]
    assert row["due_date"] == today[0]["day"] + timedelta(days=30)


async def test_of_fifty_sends_at_once_one_issues_and_the_others_see_it_issued(account: Account, driver: Driver) -> None:
    draft = await account.draft()
    gate = asyncio.Event()

    async def send() -> int:
        await gate.wait()
        return (await account.send("POST", f"/v1/invoices/{draft['id']}/send", {})).status_code

    waiting = [asyncio.create_task(send()) for _ in range(SENDS)]
    gate.set()
    answers = await asyncio.gather(*waiting)

    assert sorted(answers) == [200] + [409] * (SENDS - 1)
    assert len(await driver.query("select from invoice.inbox")) == 1
    series = await driver.query("select last_number from invoice.number_series")
    assert [row["last_number"] for row in series] == [1]


async def test_the_same_key_at_once_gets_the_same_answer_and_issues_once(account: Account, driver: Driver) -> None:
    draft = await account.draft()
    path = f"/v1/invoices/{draft['id']}/send"

    answers = await asyncio.gather(*(account.send("POST", path, {}, idempotency_key="once") for _ in range(10)))

    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert len(await driver.query("select from invoice.inbox")) == 1


async def test_the_same_key_for_another_request_is_refused(account: Account) -> None:
    draft = await account.draft()
    path = f"/v1/invoices/{draft['id']}/send"
    await account.post(path, {}, idempotency_key="k")

    answer = await account.send("POST", path, {"message": "another"}, idempotency_key="k")

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


async def test_numbers_stay_dense_when_every_third_issue_fails_after_taking_one(
    account: Account, driver: Driver
) -> None:
    customer = await account.customer()
    drafts = [await account.draft(customer_id=customer["id"]) for _ in range(30)]

    async def send(index: int, draft: dict[str, Any]) -> None:
        async with driver.database.transaction(organization_id=account.organization_id) as session:
            await send_invoice(
                session,
                organization_id=account.organization_id,
                invoice_id=parse_id("inv", draft["id"]),
                wish=SendWish(),
                actor="test",
            )
            if index % 3 == 0:
                raise ConnectionError("after the number was taken")

    outcomes = await asyncio.gather(*(send(i, draft) for i, draft in enumerate(drafts)), return_exceptions=True)

    assert sum(isinstance(outcome, ConnectionError) for outcome in outcomes) == 10
    rows = await driver.query("select sequence_number from invoice.invoices where number is not null")
    assert sorted(row["sequence_number"] for row in rows) == list(range(1, 21))


async def test_two_organisations_number_for_themselves(new_account: Any, driver: Driver) -> None:
    one, other = await new_account(), await new_account()

    first, second = await issued(one, driver), await issued(other, driver)

    assert (await first.read())["number"] == (await second.read())["number"]


REFUSED_SENDS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"to": []}, 422, "recipient-refused", "/to"),
    ({"to": ["a@example.com\r\nBcc: b@example.com"]}, 422, "recipient-refused", "/to/0"),
    ({"cc": ["fine@example.com", "not an address"]}, 422, "recipient-refused", "/cc/1"),
    ({"to": [f"p{index}@example.com" for index in range(21)]}, 422, "recipient-refused", "/to"),
    ({"message": "bell \x07"}, 422, "recipient-refused", "/message"),
    ({"method": "stripe"}, 409, "stripe-not-ready", "/method"),
    ({"method": "barter"}, 422, "invalid-request", "/method"),
    ({"status": "paid"}, 422, "invalid-request", "/status"),
]


async def test_what_cannot_be_sent_is_refused_and_nothing_changed(account: Account, driver: Driver) -> None:
    draft = await account.draft()

    for body, status, code, pointer in REFUSED_SENDS:
        answer = await account.send("POST", f"/v1/invoices/{draft['id']}/send", body)

        assert (answer.status_code, answer.json()["code"]) == (status, code), body
        assert answer.json()["errors"][0]["pointer"] == pointer, body
    assert await account.get(f"/v1/invoices/{draft['id']}") == draft
    assert await driver.query("select from invoice.number_series") == []
    assert await driver.query("select from invoice.inbox") == []


async def test_a_customer_without_an_address_needs_one_named(account: Account) -> None:
    customer = await account.customer(email="")
    draft = await account.draft(customer_id=customer["id"])

    refused = await account.send("POST", f"/v1/invoices/{draft['id']}/send", {})
    sent = await account.post(f"/v1/invoices/{draft['id']}/send", {"to": ["named@example.com"]})

    assert refused.json()["code"] == "recipient-refused"
    assert sent["recipients"]["to"] == ["named@example.com"]


async def test_an_amount_that_stripe_cannot_take_is_refused_by_stripe_and_sent_by_hand(
    account: Account, driver: Driver
) -> None:
    await driver.hear(connection(account))
    amounts = [("ISK", "10.50"), ("KWD", "1.001"), ("MGA", "10.50"), ("EUR", "1000000.00")]

    for currency, price in amounts:
        draft = await account.draft(currency=currency, lines=[line_body(quantity="1", unit_price=price, taxes=[])])
        path = f"/v1/invoices/{draft['id']}/send"
        refused = await account.send("POST", path, {"method": "stripe"})
        by_hand = await account.send("POST", path, {"method": "manual"})

        assert (refused.status_code, refused.json()["code"]) == (422, "amount-not-representable"), currency
        assert by_hand.status_code == 200, currency


async def test_a_connection_that_needs_attention_cannot_be_used(account: Account, driver: Driver) -> None:
    await driver.hear(connection(account, status="attention", problem="the key was revoked"))
    draft = await account.draft()

    answer = await account.send("POST", f"/v1/invoices/{draft['id']}/send", {"method": "stripe"})

    assert (answer.status_code, answer.json()["code"]) == (409, "stripe-not-ready")
    assert "the key was revoked" in answer.json()["detail"]


async def test_totals_that_are_not_those_of_the_lines_are_refused(account: Account, driver: Driver) -> None:
    draft = await account.draft()
    await driver.query(
        "update invoice.invoices set net_minor = net_minor + 1, total_minor = total_minor + 1 where id = $1",
        parse_id("inv", draft["id"]),
    )

    answer = await account.send("POST", f"/v1/invoices/{draft['id']}/send", {})

    assert (answer.status_code, answer.json()["code"]) == (409, "totals-disagree")


async def test_a_due_date_before_today_is_refused(account: Account) -> None:
    draft = await account.draft(due_date="2020-01-31")

    answer = await account.send("POST", f"/v1/invoices/{draft['id']}/send", {})

    assert (answer.status_code, answer.json()["code"]) == (422, "due-date-passed")


async def test_another_organisations_invoice_does_not_exist(new_account: Any, driver: Driver) -> None:
    owner, stranger = await new_account(), await new_account()
    invoice = await issued(owner, driver)
    before = await driver.invoice(invoice.id)

    for action in ("send", "resend", "void", "retry-link", "send-manually"):
        answer = await stranger.send("POST", f"{invoice.path}/{action}", None if "-" in action else {})

        assert (answer.status_code, answer.json()["code"]) == (404, "invoice-not-found"), action
    assert await driver.invoice(invoice.id) == before


async def test_an_issued_invoice_cannot_be_sent_edited_or_deleted(account: Account, driver: Driver) -> None:
    invoice = await issued(account, driver)

    again = await account.send("POST", f"{invoice.path}/send", {})
    edited = await account.send("PATCH", invoice.path, {"title": "Other"}, if_match="*")
    deleted = await account.send("DELETE", invoice.path)

    assert {answer.status_code for answer in (again, edited, deleted)} == {409}
    assert again.json()["code"] == "invoice-already-issued"


async def test_a_key_that_only_reads_cannot_send(new_account: Any) -> None:
    reader = await new_account(scopes=("read",))

    answer = await reader.send("POST", "/v1/invoices/inv_00000000000000000000000000/send", {})

    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
