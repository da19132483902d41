"""What became of each mail, in any order of the news; and asking for one more."""

import itertools
from typing import Any

import pytest
from contracts.events.invoice import InvoiceSent, MailKind, MailRequested
from contracts.events.notification import EmailFailed, EmailOutcomeUnknown, EmailSent, RefusedRecipient
from invoice_tests.driver import Driver
from invoice_tests.make import Account
from invoice_tests.scenes import Issued, issued, ordered_by_stripe, payable_by_stripe, sent_by_hand

TO = "ap@acme.example.com"


async def facts_of_first_mail(invoice: Issued) -> dict[str, Any]:
    [sent] = await invoice.driver.said(InvoiceSent, invoice.id)
    return {
        "organization_id": invoice.account.organization_id,
        "invoice_id": invoice.id,
        "mail_id": sent["mail"]["mail_id"],
        "kind": MailKind.INVOICE,
        "message_id": "<mail_1@example.com>",
    }


def unknown(facts: dict[str, Any], *, resend_in_seconds: int | None = 900) -> EmailOutcomeUnknown:
    return EmailOutcomeUnknown(**facts, recipients=(TO,), resend_in_seconds=resend_in_seconds)


def refused(facts: dict[str, Any]) -> EmailFailed:
    return EmailFailed(**facts, recipients=(RefusedRecipient(address=TO, reason="550 Mailbox unavailable"),))


async def deliveries(invoice: Issued) -> list[tuple[str, str, bool]]:
    rows = (await invoice.read())["deliveries"]
    return [(row["recipient"], row["state"], row["duplicate_possible"]) for row in rows]


async def test_a_mail_that_was_taken_makes_the_invoice_sent(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    before = (await invoice.read())["headline"]

    await driver.hear(EmailSent(**await facts_of_first_mail(invoice), recipients=(TO,)))

    assert (before, (await invoice.read())["headline"]) == ("sending", "sent")
    assert await deliveries(invoice) == [(TO, "sent", False)]


async def test_a_refused_mail_needs_a_person_and_leaves_the_invoice_issued(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)

    await driver.hear(refused(await facts_of_first_mail(invoice)))

    shown = await invoice.read()
    assert (shown["headline"], shown["document_status"]) == ("action_needed", "issued")
    assert shown["deliveries"][0]["reason"] == "550 Mailbox unavailable"


async def test_unknown_and_then_sent_ends_the_same_in_both_orders(account: Account, driver: Driver) -> None:
    for order in itertools.permutations(range(2)):
        invoice = await sent_by_hand(account, driver)
        facts = await facts_of_first_mail(invoice)
        news = [unknown(facts), EmailSent(**facts, recipients=(TO,), duplicate_possible=True)]
        for index in order:
            await driver.hear(news[index])

        assert await deliveries(invoice) == [(TO, "sent", True)]
        assert (await invoice.read())["headline"] == "sent"


async def test_an_unknown_outcome_is_shown_as_unknown_and_a_second_one_needs_a_person(
    account: Account, driver: Driver
) -> None:
    invoice = await sent_by_hand(account, driver)
    facts = await facts_of_first_mail(invoice)

    await driver.hear(unknown(facts))
    first = (await deliveries(invoice), (await invoice.read())["headline"])
    await driver.hear(unknown(facts, resend_in_seconds=None))

    assert first == ([(TO, "unknown", False)], "sending")
    assert (await deliveries(invoice), (await invoice.read())["headline"]) == (
        [(TO, "unknown", True)],
        "action_needed",
    )


async def test_news_of_a_mail_never_touches_money_or_document(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    await account.post(f"{invoice.path}/payments", {"amount_minor": 23800})
    facts = await facts_of_first_mail(invoice)
    before = (await driver.invoice(invoice.id), await driver.balance(invoice.id))

    await driver.hear(EmailSent(**facts, recipients=(TO,)))
    await driver.hear(refused(facts))

    assert (await driver.invoice(invoice.id), await driver.balance(invoice.id)) == before
    assert (await invoice.read())["headline"] == "paid"


async def test_one_more_mail_is_a_new_intent_with_the_stored_document(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    [sent] = await driver.said(InvoiceSent, invoice.id)
    await driver.hear(refused(await facts_of_first_mail(invoice)))

    shown = await account.post(f"{invoice.path}/resend", {"to": ["billing@acme.example.com"], "message": "Again."})

    [asked] = await driver.said(MailRequested, invoice.id)
    assert asked["mail"]["mail_id"] != sent["mail"]["mail_id"]
    assert (asked["mail"]["kind"], asked["mail"]["to"]) == ("resend", ("billing@acme.example.com",))
    assert (asked["files"], asked["document"]) == (sent["files"], sent["document"])
    assert (asked["payment_url"], asked["mail"]["durable_url"]) == ("", "")
    assert shown["headline"] == "sending"


async def test_one_more_mail_by_stripe_carries_the_link_of_this_moment(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    await account.post(f"{invoice.path}/payments", {"amount_minor": 3800})
    replaced = await account.send("POST", f"{invoice.path}/resend", {})
    await driver.hear(invoice.link_created(2, amount_minor=20000))

    await account.post(f"{invoice.path}/resend", {})

    [asked] = await driver.said(MailRequested, invoice.id)
    assert (replaced.status_code, replaced.json()["code"]) == (409, "link-not-active")
    assert (asked["payment_url"], asked["amount_due_minor"]) == ("https://buy.stripe.com/test_2", 20000)
    assert asked["sandbox"] is True


async def test_one_more_mail_of_a_paid_invoice_by_stripe_needs_no_link_and_asks_for_nothing(
    account: Account, driver: Driver
) -> None:
    invoice = await payable_by_stripe(account, driver)
    await driver.hear(invoice.money())

    await account.post(f"{invoice.path}/resend", {})

    [asked] = await driver.said(MailRequested, invoice.id)
    assert (asked["amount_due_minor"], asked["payment_url"]) == (0, "")
    assert asked["mail"]["durable_url"] != ""


@pytest.mark.parametrize(
    ("scene", "code"),
    [("not rendered", "document-not-stored"), ("no link", "link-not-active"), ("void", "invoice-not-issued")],
)
async def test_a_mail_that_could_not_be_complete_is_refused(
    account: Account, driver: Driver, scene: str, code: str
) -> None:
    if scene == "not rendered":
        invoice = await issued(account, driver)
    elif scene == "no link":
        invoice = await ordered_by_stripe(account, driver)
    else:
        invoice = await sent_by_hand(account, driver)
        await account.post(f"{invoice.path}/void", {})

    answer = await account.send("POST", f"{invoice.path}/resend", {})

    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert await driver.said(MailRequested, invoice.id) == []
