"""Withdrawing an invoice: refused while money is applied, proven first, and given up when a payment wins."""

import asyncio
import json
from typing import Any

import pytest
from contracts.events.invoice import InvoiceBalanceChanged, InvoiceVoided, InvoiceVoidRequested
from invoice_tests.driver import Driver
from invoice_tests.make import Account
from invoice_tests.scenes import Issued, ordered_by_stripe, payable_by_stripe, sent_by_hand


async def void(invoice: Issued, reason: str = "wrong customer") -> dict[str, Any]:
    return await invoice.account.post(f"{invoice.path}/void", {"reason": reason})


async def test_a_manual_invoice_is_void_at_once(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)

    shown = await void(invoice)

    assert (shown["document_status"], shown["headline"], shown["void_reason"]) == ("void", "void", "wrong customer")
    assert [said["reason"] for said in await driver.said(InvoiceVoided, invoice.id)] == ["wrong customer"]
    assert await driver.said(InvoiceVoidRequested, invoice.id) == []


async def test_a_stripe_invoice_waits_until_its_link_is_proven_closed(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)

    waiting = await void(invoice)
    await driver.hear(invoice.link_closed())

    [asked] = await driver.said(InvoiceVoidRequested, invoice.id)
    assert (waiting["document_status"], waiting["link"]["status"], asked["attempt"]) == ("voiding", "closing", 1)
    row = await driver.invoice(invoice.id)
    assert (row["document_status"], row["link_status"]) == ("void", "closed")
    assert json.loads(row["close_proof"])["expired_session_ids"] == ["cs_1"]
    assert len(await driver.said(InvoiceVoided, invoice.id)) == 1


async def test_voiding_twice_changes_nothing_more(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)

    await void(invoice)
    before = await driver.invoice(invoice.id)
    await void(invoice, reason="another reason")

    assert await driver.invoice(invoice.id) == before
    assert len(await driver.said(InvoiceVoidRequested, invoice.id)) == 1


async def test_a_link_voided_while_it_is_made_goes_straight_to_closing(account: Account, driver: Driver) -> None:
    invoice = await ordered_by_stripe(account, driver)

    await void(invoice)
    await driver.hear(invoice.link_created())
    still = await driver.invoice(invoice.id)
    await driver.hear(invoice.link_closed())

    assert (still["document_status"], still["link_status"], still["link_url"]) == ("voiding", "closing", "")
    assert (await driver.invoice(invoice.id))["document_status"] == "void"


@pytest.mark.parametrize("order", ["money first", "proof first"])
async def test_a_payment_that_wins_the_race_keeps_the_invoice(account: Account, driver: Driver, order: str) -> None:
    invoice = await payable_by_stripe(account, driver)
    await void(invoice)
    news = [invoice.money(late=True), invoice.link_closed(captured_minor=23800)]

    for event in news if order == "money first" else news[::-1]:
        await driver.hear(event)

    row, balance = await driver.invoice(invoice.id), await driver.balance(invoice.id)
    assert (row["document_status"], row["link_status"], row["void_reason"]) == ("issued", "closed", "")
    assert (balance["applied_minor"], balance["payment_status"]) == (23800, "paid")
    assert await driver.said(InvoiceVoided, invoice.id) == []
    assert (await invoice.read())["headline"] == "paid"


async def test_a_payment_under_way_keeps_the_invoice(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    await void(invoice)

    await driver.hear(invoice.link_closed(in_flight=True))

    assert (await driver.invoice(invoice.id))["document_status"] == "issued"


async def test_void_and_payment_at_once_never_lose_the_money(account: Account, driver: Driver) -> None:
    customer = await account.customer()
    for _ in range(6):
        invoice = await payable_by_stripe(account, driver, customer_id=customer["id"])

        answer, _ = await asyncio.gather(account.send("POST", f"{invoice.path}/void", {}), driver.hear(invoice.money()))

        row, balance = await driver.invoice(invoice.id), await driver.balance(invoice.id)
        assert answer.status_code in (200, 409)
        assert (row["document_status"], balance["applied_minor"], balance["due_minor"]) == ("issued", 23800, 0)


async def test_money_that_comes_after_the_void_is_kept_and_shown(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    await void(invoice)
    await driver.hear(invoice.link_closed())

    await driver.hear(invoice.money(late=True))

    row, balance = await driver.invoice(invoice.id), await driver.balance(invoice.id)
    assert row["document_status"] == "void"
    assert (balance["applied_minor"], balance["suspense_minor"], balance["received_minor"]) == (0, 23800, 23800)
    assert (await invoice.read())["headline"] == "overpaid"


async def test_money_that_fits_nothing_does_not_stop_a_void_and_stays_booked(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    await driver.hear(invoice.money(amount_minor=100, expected_minor=23800))
    await driver.hear(invoice.link_closed(captured_minor=100, reason="paid"))
    await account.post(f"{invoice.path}/retry-link")

    await void(invoice)
    await driver.hear(invoice.link_closed(2))

    shown = await invoice.read()
    assert (shown["document_status"], shown["headline"]) == ("void", "overpaid")
    assert (shown["balance"]["received_minor"], shown["balance"]["suspense_minor"]) == (100, 100)


async def test_void_is_refused_while_money_is_applied_and_possible_after_it_was_taken_back(
    account: Account, driver: Driver
) -> None:
    invoice = await sent_by_hand(account, driver)
    payment = await account.post(f"{invoice.path}/payments", {"amount_minor": 1})

    refused = await account.send("POST", f"{invoice.path}/void", {})
    await account.post(f"{invoice.path}/payments/{payment['id']}/reverse", {})
    shown = await void(invoice)

    assert (refused.status_code, refused.json()["code"]) == (409, "money-is-applied")
    assert shown["document_status"] == "void"


async def test_an_invoice_kept_by_a_smaller_payment_gets_a_link_over_the_rest(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    payment = await account.post(f"{invoice.path}/payments", {"amount_minor": 13800})
    await driver.hear(invoice.link_created(2, amount_minor=10000))
    await account.post(f"{invoice.path}/payments/{payment['id']}/reverse", {})
    await void(invoice)

    await driver.hear(invoice.money(2, amount_minor=10000, late=True))
    await driver.hear(invoice.link_closed(2, captured_minor=10000))

    row, balance = await driver.invoice(invoice.id), await driver.balance(invoice.id)
    assert (row["document_status"], row["link_status"], row["link_attempt"]) == ("issued", "creating", 4)
    assert (balance["applied_minor"], balance["due_minor"]) == (10000, 13800)
    last = (await driver.said(InvoiceBalanceChanged, invoice.id))[-1]
    assert (last["link"]["attempt"], last["link"]["amount_minor"]) == (4, 13800)


async def test_an_older_links_proof_is_not_enough(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    payment = await account.post(f"{invoice.path}/payments", {"amount_minor": 100})
    await account.post(f"{invoice.path}/payments/{payment['id']}/reverse", {})
    await void(invoice)

    await driver.hear(invoice.link_closed(1))
    await driver.hear(invoice.link_closed(2))
    after_older = (await driver.invoice(invoice.id))["document_status"]
    await driver.hear(invoice.link_closed(3))

    assert after_older == "voiding"
    assert (await driver.invoice(invoice.id))["document_status"] == "void"


async def test_an_invoice_whose_link_failed_is_void_when_that_is_confirmed(account: Account, driver: Driver) -> None:
    invoice = await ordered_by_stripe(account, driver)
    await driver.hear(invoice.link_failed())

    waiting = await void(invoice)
    await driver.hear(invoice.link_closed())

    assert waiting["document_status"] == "voiding"
    assert (await driver.invoice(invoice.id))["document_status"] == "void"
