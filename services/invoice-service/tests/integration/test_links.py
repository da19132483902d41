"""What payment-service says about links, in any order and repeated; and what a person can do when one failed."""

import itertools
from typing import Any

import pytest
from contracts.events.invoice import InvoiceCollectionChanged, InvoiceSent, PaymentLinkRequested
from contracts.events.payment import ConnectionStatus
from contracts.ids import parse_id
from invoice_service.domain.lifecycle import LinkNewsImpossible
from invoice_tests.driver import Driver
from invoice_tests.make import Account
from invoice_tests.scenes import Issued, connection, issued, ordered_by_stripe, payable_by_stripe, sent_by_hand
from service_kit.identifiers import new_id


async def link_of(invoice: Issued) -> dict[str, Any]:
    return dict((await invoice.read())["link"])


async def test_a_created_link_is_shown_and_the_first_mail_may_go(account: Account, driver: Driver) -> None:
    invoice = await ordered_by_stripe(account, driver)

    await driver.hear(invoice.link_created())

    link = await link_of(invoice)
    assert (link["status"], link["url"], link["sandbox"]) == ("active", "https://buy.stripe.com/test_1", True)
    assert (await driver.invoice(invoice.id))["first_mail_due"] is False


async def test_a_failed_link_leaves_action_needed_with_the_reason(account: Account, driver: Driver) -> None:
    invoice = await ordered_by_stripe(account, driver)

    await driver.hear(invoice.link_failed())

    shown = await invoice.read()
    assert shown["headline"] == "action_needed"
    assert (shown["link"]["failure_code"], shown["collection_method"]) == ("amount_too_small", "stripe")


async def test_a_link_over_another_amount_than_is_due_is_a_conflict(account: Account, driver: Driver) -> None:
    invoice = await ordered_by_stripe(account, driver)

    with pytest.raises(LinkNewsImpossible):
        await driver.hear(invoice.link_created(amount_minor=1))

    assert (await link_of(invoice))["status"] == "creating"


async def test_news_and_money_of_one_attempt_end_the_same_in_every_order_and_repeated(
    account: Account, driver: Driver
) -> None:
    await driver.hear(connection(account))
    customer = await account.customer()
    orders = list(itertools.permutations(range(4)))
    invoices = [await issued(account, driver, method="stripe", customer_id=customer["id"]) for _ in orders]
    await driver.settle()
    ends = set()

    for invoice, order in zip(invoices, orders, strict=True):
        money = invoice.money()
        news = [invoice.link_created(), money, invoice.link_closed(captured_minor=23800, reason="paid"), money]
        for index in order:
            await driver.hear(news[index])
        row, balance = await driver.invoice(invoice.id), await driver.balance(invoice.id)
        entries = await driver.entries(invoice.id)
        link = (row["document_status"], row["link_status"], row["link_attempt"], row["link_url"])
        sums = tuple(balance[f"{name}_minor"] for name in ("received", "applied", "suspense", "due"))
        ends.add((*link, *sums, balance["payment_status"], len(entries)))

    assert ends == {("issued", "closed", 1, "", 23800, 23800, 0, 0, "paid", 1)}


async def test_news_of_an_overtaken_attempt_changes_nothing(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    await account.post(f"{invoice.path}/payments", {"amount_minor": 3800})
    await driver.hear(invoice.link_created(2, amount_minor=20000))
    before = await driver.invoice(invoice.id)

    await driver.hear(invoice.link_created(1))
    await driver.hear(invoice.link_closed(1, reason="balance_changed"))
    await driver.hear(invoice.link_failed(1))

    assert await driver.invoice(invoice.id) == before
    assert before["link_url"] == "https://buy.stripe.com/test_2"


async def test_news_of_an_attempt_that_was_never_ordered_is_parked(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)

    event_id = await driver.receive(invoice.link_created(2))
    await driver.settle()

    state, why = await driver.inbox_state(event_id)
    assert (state, why.split(":")[0]) == ("parked", "link-news-impossible")


async def test_news_of_an_unknown_invoice_is_tried_again_and_parked_after_five_minutes(
    account: Account, driver: Driver
) -> None:
    invoice = await payable_by_stripe(account, driver)
    stranger = invoice.link_created().model_copy(update={"invoice_id": new_id()})
    event_id = await driver.receive(stranger)

    await driver.settle()
    early = await driver.inbox_state(event_id)
    await driver.postgres.advance_clock("invoice", seconds=301)
    await driver.postgres.make_due("invoice")
    await driver.settle()

    assert early[0] == "ready"
    assert (await driver.inbox_state(event_id))[0] == "parked"


async def test_news_for_another_organisations_invoice_never_touches_it(new_account: Any, driver: Driver) -> None:
    owner, stranger = await new_account(), await new_account()
    invoice = await ordered_by_stripe(owner, driver)
    before = await driver.invoice(invoice.id)

    for news in (invoice.link_created(), invoice.link_closed(), invoice.money()):
        event_id = await driver.receive(news.model_copy(update={"organization_id": stranger.organization_id}))
        await driver.settle()
        assert (await driver.inbox_state(event_id))[0] == "ready"

    assert await driver.invoice(invoice.id) == before
    assert await driver.entries(invoice.id) == []


async def test_the_same_event_fifty_times_is_heard_once(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    money, event_id = invoice.money(), new_id()

    for _ in range(50):
        await driver.receive(money, event_id=event_id)
    await driver.settle()

    assert len(await driver.entries(invoice.id)) == 1


async def test_a_retry_orders_the_next_attempt_over_what_is_due_now(account: Account, driver: Driver) -> None:
    invoice = await ordered_by_stripe(account, driver)
    await driver.hear(invoice.link_failed())
    await account.post(f"{invoice.path}/payments", {"amount_minor": 3800})

    shown = await account.post(f"{invoice.path}/retry-link")

    [said] = await driver.said(PaymentLinkRequested, invoice.id)
    assert (said["link"]["attempt"], said["link"]["amount_minor"]) == (2, 20000)
    assert (shown["link"]["status"], shown["link"]["attempt"], shown["link"]["failure_code"]) == ("creating", 2, "")


@pytest.mark.parametrize("ended", ["void given up", "wrong amount"])
async def test_a_retry_follows_a_link_that_closed_before_the_debt(account: Account, driver: Driver, ended: str) -> None:
    invoice = await payable_by_stripe(account, driver)
    if ended == "void given up":
        await account.post(f"{invoice.path}/void", {})
        await driver.hear(invoice.link_closed(in_flight=True))
    else:
        await driver.hear(invoice.money(amount_minor=100, expected_minor=23800))
        await driver.hear(invoice.link_closed(captured_minor=100, reason="paid"))

    shown = await account.post(f"{invoice.path}/retry-link")

    [said] = await driver.said(PaymentLinkRequested, invoice.id)
    assert (said["link"]["attempt"], said["link"]["amount_minor"]) == (2, 23800)
    assert (shown["document_status"], shown["link"]["status"]) == ("issued", "creating")


async def test_an_invoice_whose_link_closed_before_the_debt_can_be_collected_by_hand(
    account: Account, driver: Driver
) -> None:
    invoice = await payable_by_stripe(account, driver)
    await account.post(f"{invoice.path}/void", {})
    await driver.hear(invoice.link_closed(in_flight=True))

    shown = await account.post(f"{invoice.path}/send-manually")
    await driver.settle()

    [said] = await driver.said(InvoiceCollectionChanged, invoice.id)
    assert (shown["collection_method"], said["collection_version"], said["mail"]) == ("manual", 2, None)


async def test_a_link_that_closed_because_it_was_paid_is_not_tried_again(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    await driver.hear(invoice.money())
    await driver.hear(invoice.link_closed(captured_minor=23800, reason="paid"))

    answers = [await account.send("POST", f"{invoice.path}/{action}") for action in ("retry-link", "send-manually")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "nothing-to-pay")] * 2


async def test_a_retry_needs_a_failed_link_and_a_ready_connection(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    active = await account.send("POST", f"{invoice.path}/retry-link")
    other = await ordered_by_stripe(account, driver)
    await driver.hear(other.link_failed())
    await driver.hear(connection(account, version=9, status=ConnectionStatus.ATTENTION, problem="the key was revoked"))
    not_ready = await account.send("POST", f"{other.path}/retry-link")

    assert (active.status_code, active.json()["code"]) == (409, "link-not-failed")
    assert (not_ready.status_code, not_ready.json()["code"]) == (409, "stripe-not-ready")


async def test_sending_by_hand_instead_makes_a_document_without_a_link_and_lets_the_same_mail_go(
    account: Account, driver: Driver
) -> None:
    invoice = await ordered_by_stripe(account, driver)
    await driver.hear(invoice.link_failed())
    [sent] = await driver.said(InvoiceSent, invoice.id)

    shown = await account.post(f"{invoice.path}/send-manually")
    await driver.settle()

    [said] = await driver.said(InvoiceCollectionChanged, invoice.id)
    assert shown["collection_method"] == "manual"
    assert (said["collection_method"], said["collection_version"], said["attempt"]) == ("manual", 2, 1)
    assert said["mail"]["mail_id"] == sent["mail"]["mail_id"]
    assert said["mail"]["durable_url"] == ""
    assert said["document"] == sent["document"]
    assert said["files"][0]["document_id"] != sent["files"][0]["document_id"]
    assert driver.typesetter.asked[-1] == (sent["document"]["number"], "", False)
    assert (await invoice.read())["headline"] == "sending"


async def test_sending_by_hand_instead_names_what_is_still_due(account: Account, driver: Driver) -> None:
    invoice = await ordered_by_stripe(account, driver)
    await driver.hear(invoice.link_failed())
    await account.post(f"{invoice.path}/payments", {"amount_minor": 100})

    await account.post(f"{invoice.path}/send-manually")
    await driver.settle()

    [said] = await driver.said(InvoiceCollectionChanged, invoice.id)
    assert said["amount_due_minor"] == 23700


async def test_sending_by_hand_instead_is_refused_while_a_link_may_take_money(account: Account, driver: Driver) -> None:
    invoice = await payable_by_stripe(account, driver)
    by_hand = await sent_by_hand(account, driver)

    answers = [await account.send("POST", f"{path}/send-manually") for path in (invoice.path, by_hand.path)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "link-not-failed")] * 2


async def test_a_late_link_after_the_switch_to_manual_does_not_come_alive(account: Account, driver: Driver) -> None:
    invoice = await ordered_by_stripe(account, driver)
    await driver.hear(invoice.link_failed())
    await account.post(f"{invoice.path}/send-manually")

    event_id = await driver.receive(invoice.link_created())
    await driver.settle()

    assert (await driver.inbox_state(event_id))[0] == "parked"
    assert (await link_of(invoice))["url"] == ""


async def test_an_older_picture_of_the_connection_never_replaces_a_newer_one(account: Account, driver: Driver) -> None:
    for version, last4 in ((2, "two!"), (1, "one!"), (3, "thre"), (2, "two!")):
        await driver.hear(connection(account, version=version, key_last4=last4))

    shown = await account.get("/v1/settings/stripe")
    assert (shown["key_last4"], shown["status"]) == ("thre", "ready")


async def test_links_and_drafts_have_nothing_to_do_with_each_other(account: Account, driver: Driver) -> None:
    draft = await account.draft()

    answers = [
        await account.send("POST", f"/v1/invoices/{draft['id']}/{action}", body)
        for action, body in (("retry-link", None), ("send-manually", None), ("resend", {}), ("void", {}))
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "invoice-not-issued")] * 4
    assert (await driver.invoice(parse_id("inv", draft["id"])))["document_status"] == "draft"
