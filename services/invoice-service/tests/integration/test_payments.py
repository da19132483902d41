"""Money by hand and through Stripe: booked once, applied up to what is due, the rest kept, and the link follows."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from contracts.events.invoice import InvoiceBalanceChanged, InvoicePaid
from contracts.ids import format_id
from invoice_service.domain.invoice_refusals import AttemptNeverOrdered
from invoice_tests.driver import Driver
from invoice_tests.make import Account, line_body
from invoice_tests.scenes import Issued, ordered_by_stripe, payable_by_stripe, sent_by_hand
from service_kit.identifiers import new_id


async def figures(invoice: Issued) -> tuple[int, int, int, int, str]:
    row = await invoice.driver.balance(invoice.id)
    return (
        row["received_minor"], row["applied_minor"], row["suspense_minor"], row["due_minor"], row["payment_status"],
    )  # fmt: skip


async def pay(invoice: Issued, amount_minor: int, **body: Any) -> dict[str, Any]:
    return await invoice.account.post(f"{invoice.path}/payments", {"amount_minor": amount_minor, **body})


async def test_partial_then_the_rest_makes_an_invoice_paid_and_says_so_once(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)

    await pay(invoice, 10000)
    after_part = (await figures(invoice), (await invoice.read())["headline"])
    answer = await pay(invoice, 13800, reference="statement 12", note="rest")

    assert after_part == ((10000, 10000, 0, 13800, "partially_paid"), "partially_paid")
    assert await figures(invoice) == (23800, 23800, 0, 0, "paid")
    assert (answer["applied_minor"], answer["payment_status"], answer["balance"]["due_minor"]) == (13800, "paid", 0)
    assert [said["paid_minor"] for said in await driver.said(InvoicePaid, invoice.id)] == [23800]
    assert await driver.said(InvoiceBalanceChanged, invoice.id) == []


async def test_more_than_is_due_waits_in_suspense(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)

    answer = await pay(invoice, 30000)

    assert (answer["applied_minor"], answer["suspense_minor"]) == (23800, 6200)
    assert await figures(invoice) == (30000, 23800, 6200, 0, "overpaid")
    assert (await invoice.read())["headline"] == "overpaid"


async def test_a_reversal_takes_back_exactly_its_payment_and_only_once(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    first = await pay(invoice, 10000)
    await pay(invoice, 20000)
    path = f"{invoice.path}/payments/{first['id']}/reverse"

    taken_back = await account.post(path, {"note": "bounced"})
    again = await account.send("POST", path, {})

    assert (taken_back["amount_minor"], taken_back["kind"]) == (-10000, "manual_reversal")
    assert await figures(invoice) == (20000, 20000, 0, 3800, "partially_paid")
    assert (again.status_code, again.json()["code"]) == (409, "payment-already-reversed")
    kinds = [entry["kind"] for entry in await driver.entries(invoice.id)]
    assert kinds == ["manual", "manual", "manual_reversal", "apply"]


async def test_paid_reversed_and_paid_again_is_said_twice(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)

    wrong = await pay(invoice, 23800)
    await account.post(f"{invoice.path}/payments/{wrong['id']}/reverse", {})
    await pay(invoice, 23800)

    assert len(await driver.said(InvoicePaid, invoice.id)) == 2


REFUSED_PAYMENTS: list[tuple[dict[str, Any], str]] = [
    ({"amount_minor": 0}, "payment-refused"),
    ({"amount_minor": -1}, "payment-refused"),
    ({"amount_minor": 1_000_000_000_000}, "payment-refused"),
    ({"amount_minor": 10**30}, "payment-refused"),
    ({"amount_minor": 10.5}, "invalid-request"),
    ({"amount_minor": "100"}, "invalid-request"),
    ({"amount_minor": True}, "invalid-request"),
    ({"amount_minor": None}, "invalid-request"),
    ({}, "invalid-request"),
    ({"amount_minor": 1, "currency": "USD"}, "invalid-request"),
    ({"amount_minor": 1, "paid_on": "1999-12-31"}, "payment-refused"),
    ({"amount_minor": 1, "paid_on": "2999-12-31"}, "payment-refused"),
    ({"amount_minor": 1, "paid_on": "0001-01-01"}, "payment-refused"),
    ({"amount_minor": 1, "paid_on": "not a day"}, "invalid-request"),
    ({"amount_minor": 1, "reference": "x" * 501}, "payment-refused"),
    ({"amount_minor": 1, "note": "x" * 501}, "payment-refused"),
]


async def test_a_payment_that_cannot_be_is_refused_by_the_name_of_its_field(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)

    for body, code in REFUSED_PAYMENTS:
        answer = await account.send("POST", f"{invoice.path}/payments", body)

        assert (answer.status_code, answer.json()["code"]) == (422, code), body
        assert answer.json()["errors"][0]["pointer"], body
    assert await driver.entries(invoice.id) == []


async def test_only_issued_invoices_take_payments(account: Account, driver: Driver) -> None:
    draft = await account.draft()
    voided = await sent_by_hand(account, driver)
    await account.post(f"{voided.path}/void", {})
    voiding = await payable_by_stripe(account, driver)
    await account.post(f"{voiding.path}/void", {})

    answers = [
        await account.send("POST", f"{path}/payments", {"amount_minor": 100})
        for path in (f"/v1/invoices/{draft['id']}", voided.path, voiding.path)
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "invoice-not-issued")] * 3


async def test_payments_of_others_do_not_exist(new_account: Any, driver: Driver) -> None:
    owner, stranger = await new_account(), await new_account()
    invoice, other = await sent_by_hand(owner, driver), await sent_by_hand(owner, driver)
    payment = await pay(invoice, 100)

    pays = await stranger.send("POST", f"{invoice.path}/payments", {"amount_minor": 100})
    takes_back = await stranger.send("POST", f"{invoice.path}/payments/{payment['id']}/reverse", {})
    by_wrong_invoice = await owner.send("POST", f"{other.path}/payments/{payment['id']}/reverse", {})
    unknown = await owner.send("POST", f"{invoice.path}/payments/{format_id('pay', new_id())}/reverse", {})

    codes = [answer.json()["code"] for answer in (pays, takes_back, by_wrong_invoice, unknown)]
    assert codes == ["invoice-not-found", "invoice-not-found", "payment-not-found", "payment-not-found"]
    assert len(await driver.entries(invoice.id)) == 1


async def test_the_same_key_records_one_payment(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    path, body = f"{invoice.path}/payments", {"amount_minor": 100}

    answers = await asyncio.gather(*(account.send("POST", path, body, idempotency_key="pay-once") for _ in range(8)))

    assert {answer.status_code for answer in answers} == {201}
    assert len(await driver.entries(invoice.id)) == 1


async def test_a_manual_payment_replaces_the_link_by_one_over_exactly_the_rest(
    account: Account, driver: Driver
) -> None:
    invoice = await payable_by_stripe(account, driver)

    await pay(invoice, 7141)

    [said] = await driver.said(InvoiceBalanceChanged, invoice.id)
    assert (said["attempt"], said["link"]["attempt"]) == (2, 2)
    assert said["link"]["amount_minor"] == said["amount_due_minor"] == 16659
    shown = await invoice.read()
    assert (shown["link"]["status"], shown["link"]["attempt"], shown["link"]["url"]) == ("creating", 2, "")


async def test_a_full_manual_payment_closes_the_link_and_a_reversal_orders_a_new_one(
    account: Account, driver: Driver
) -> None:
    invoice = await payable_by_stripe(account, driver)

    payment = await pay(invoice, 23800)
    closing = await invoice.read()
    await account.post(f"{invoice.path}/payments/{payment['id']}/reverse", {})

    closed, replaced = await driver.said(InvoiceBalanceChanged, invoice.id)
    assert (closing["link"]["status"], closed["attempt"], closed["link"]) == ("closing", 1, None)
    assert (replaced["attempt"], replaced["link"]["amount_minor"]) == (2, 23800)


async def test_a_card_payment_makes_the_invoice_paid_and_closes_its_link(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)

    await driver.hear(invoice.money())

    shown = await invoice.read()
    assert (shown["headline"], shown["link"]["status"]) == ("paid", "closing")
    assert await figures(invoice) == (23800, 23800, 0, 0, "paid")
    assert len(await driver.said(InvoicePaid, invoice.id)) == 1
    [said] = await driver.said(InvoiceBalanceChanged, invoice.id)
    assert said["link"] is None


async def test_paying_twice_keeps_the_second_payment_in_suspense(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)

    await driver.hear(invoice.money())
    await driver.hear(invoice.money(late=True))

    assert await figures(invoice) == (47600, 23800, 23800, 0, "overpaid")
    assert (await invoice.read())["headline"] == "overpaid"
    assert len(await driver.said(InvoicePaid, invoice.id)) == 1


async def test_an_old_link_that_is_paid_after_a_manual_payment_leaves_only_the_surplus(
    account: Account, driver: Driver
) -> None:
    invoice = await payable_by_stripe(account, driver)

    await pay(invoice, 3800)
    await driver.hear(invoice.money(1, late=True))

    assert await figures(invoice) == (27600, 23800, 3800, 0, "overpaid")
    row = await driver.invoice(invoice.id)
    assert (row["link_attempt"], row["link_status"]) == (2, "closing")


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_minor": 100, "expected_minor": 23800},
        {"amount_minor": 99999, "expected_minor": 23800},
        {"currency": "USD", "expected_currency": "EUR"},
        {"currency": "USD", "expected_currency": "USD"},
    ],
)
async def test_money_that_is_not_what_the_link_asked_for_is_kept_and_not_applied(
    account: Account, driver: Driver, wrong: dict[str, Any]
) -> None:
    invoice = await payable_by_stripe(account, driver)

    await driver.hear(invoice.money(**wrong))

    [entry] = await driver.entries(invoice.id)
    assert (entry["applied_minor"], entry["suspense_minor"]) == (0, entry["received_minor"])
    row = await driver.balance(invoice.id)
    assert (row["applied_minor"], row["due_minor"], row["payment_status"]) == (0, 23800, "overpaid")
    assert await driver.said(InvoicePaid, invoice.id) == []


async def test_money_through_an_attempt_that_was_never_ordered_is_not_booked(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)

    for attempt in (0, 2, 99):
        with pytest.raises(AttemptNeverOrdered):
            await driver.hear(invoice.money(attempt))

    assert await driver.entries(invoice.id) == []


async def test_the_payments_of_a_dinar_are_exact(account: Account, driver: Driver) -> None:
    lines = [line_body(quantity="1", unit_price="1.230", taxes=[])]
    invoice = await payable_by_stripe(account, driver, currency="KWD", lines=lines)

    await driver.hear(invoice.money())

    assert invoice.total_minor == 1230
    assert await figures(invoice) == (1230, 1230, 0, 0, "paid")


async def test_thirty_payments_at_once_by_hand_and_by_card_keep_every_cent(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver, lines=[line_body(quantity="1", unit_price="100.00", taxes=[])])
    gate = asyncio.Event()

    async def by_hand(amount_minor: int) -> None:
        await gate.wait()
        await pay(invoice, amount_minor)

    async def by_card() -> None:
        await gate.wait()
        await driver.hear(invoice.money(1))

    work = [asyncio.create_task(by_hand(1000 + index)) for index in range(27)]
    work += [asyncio.create_task(by_card()) for _ in range(3)]
    gate.set()
    await asyncio.gather(*work)

    received = sum(range(1000, 1027)) + 3 * 10000
    assert await figures(invoice) == (received, 10000, received - 10000, 0, "overpaid")
    entries = await driver.entries(invoice.id)
    assert len(entries) == 30
    assert sum(entry["applied_minor"] for entry in entries) == 10000
    assert len(await driver.said(InvoicePaid, invoice.id)) == 1
    attempts = [said["attempt"] for said in await driver.said(InvoiceBalanceChanged, invoice.id)]
    assert attempts == sorted(attempts)
    assert [said["link"] for said in await driver.said(InvoiceBalanceChanged, invoice.id)][-1] is None


async def test_a_ledger_that_does_not_add_up_cannot_be_committed(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    await pay(invoice, 100)

    for statement in (
        "update invoice.invoice_balances set applied_minor = applied_minor + 1",
        "update invoice.ledger_entries set applied_minor = 0, suspense_minor = 100",
        "delete from invoice.ledger_entries",
    ):
        with pytest.raises(Exception, match=r"sum of its postings|never change"):
            await driver.postgres.fetch(statement)
    assert await figures(invoice) == (100, 100, 0, 23700, "partially_paid")


async def test_a_failed_link_stays_failed_whatever_is_paid_by_hand(account: Account, driver: Driver) -> None:
    invoice = await ordered_by_stripe(account, driver)
    await driver.hear(invoice.link_failed())

    await pay(invoice, 100)

    assert (await invoice.read())["link"]["status"] == "failed"
    assert await driver.said(InvoiceBalanceChanged, invoice.id) == []


async def test_a_payment_dated_tomorrow_in_another_zone_is_accepted(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    today = (await driver.invoice(invoice.id))["issue_date"]

    payment = await pay(invoice, 100, paid_on=(today + timedelta(days=1)).isoformat())

    assert payment["occurred_at"].startswith((today + timedelta(days=1)).isoformat())
