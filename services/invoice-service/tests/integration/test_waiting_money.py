"""Money that waits in suspense: it covers a debt that opens again before anybody is asked to pay twice."""

from typing import Any

from contracts.events.invoice import InvoiceBalanceChanged, InvoicePaid
from invoice_tests.driver import Driver
from invoice_tests.make import Account
from invoice_tests.scenes import Issued, payable_by_stripe, sent_by_hand


async def figures(invoice: Issued) -> tuple[int, int, int, int, str]:
    row = await invoice.driver.balance(invoice.id)
    return (
        row["received_minor"], row["applied_minor"], row["suspense_minor"], row["due_minor"], row["payment_status"],
    )  # fmt: skip


async def pay(invoice: Issued, amount_minor: int) -> dict[str, Any]:
    return await invoice.account.post(f"{invoice.path}/payments", {"amount_minor": amount_minor})


async def test_a_surplus_that_was_applied_can_still_be_taken_back_whole(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    first, second = await pay(invoice, 10000), await pay(invoice, 20000)
    await account.post(f"{invoice.path}/payments/{first['id']}/reverse", {})

    await account.post(f"{invoice.path}/payments/{second['id']}/reverse", {})

    assert await figures(invoice) == (0, 0, 0, 23800, "unpaid")


async def test_money_that_waits_covers_a_debt_that_opens_again_and_no_link_asks_for_it(
    account: Account, driver: Driver
) -> None:
    invoice = await payable_by_stripe(account, driver)
    by_hand = await pay(invoice, 23800)
    await driver.hear(invoice.money(late=True))
    said_before = await driver.said(InvoiceBalanceChanged, invoice.id)

    answer = await account.post(f"{invoice.path}/payments/{by_hand['id']}/reverse", {})

    assert (answer["payment_status"], answer["balance"]["due_minor"]) == ("paid", 0)
    assert await figures(invoice) == (23800, 23800, 0, 0, "paid")
    assert await driver.said(InvoiceBalanceChanged, invoice.id) == said_before
    assert len(await driver.said(InvoicePaid, invoice.id)) == 1
    row = await driver.invoice(invoice.id)
    assert (row["link_attempt"], row["link_status"]) == (1, "closing")


async def test_a_late_payment_of_the_whole_outlives_the_part_paid_by_hand(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    part = await pay(invoice, 3800)
    await driver.hear(invoice.money(1, late=True))

    await account.post(f"{invoice.path}/payments/{part['id']}/reverse", {})

    assert await figures(invoice) == (23800, 23800, 0, 0, "paid")
    assert (await driver.invoice(invoice.id))["link_attempt"] == 2


async def test_a_link_after_a_reversal_asks_only_for_what_no_waiting_money_covers(
    account: Account, driver: Driver
) -> None:
    invoice = await payable_by_stripe(account, driver)
    whole = await pay(invoice, 23800)
    await pay(invoice, 3800)

    await account.post(f"{invoice.path}/payments/{whole['id']}/reverse", {})

    said = (await driver.said(InvoiceBalanceChanged, invoice.id))[-1]
    assert (said["amount_due_minor"], said["link"]["amount_minor"]) == (20000, 20000)
    assert await figures(invoice) == (3800, 3800, 0, 20000, "partially_paid")
