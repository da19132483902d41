"""From issued to sent: rendered once, checked, stored with its digest, and only then told to others."""

import asyncio
import hashlib

import pytest
from contracts.events.invoice import CollectionMethod, InvoiceSent
from contracts.ids import parse_id
from invoice_service.actions.invoices import render_document
from invoice_tests.driver import Driver
from invoice_tests.make import Account
from invoice_tests.scenes import connection, issued, ordered_by_stripe, sent_by_hand
from service_kit import crash_points


async def test_a_manual_invoice_is_stored_and_sent_without_any_link(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)

    [said] = await driver.said(InvoiceSent, invoice.id)
    assert said["collection_method"] is CollectionMethod.MANUAL
    assert said["link"] is None
    assert said["mail"]["durable_url"] == ""
    assert said["mail"]["to"] == ("ap@acme.example.com",)
    assert said["mail"]["sender_name"] == "Nordlicht Studio"
    assert driver.typesetter.asked == [(said["document"]["number"], "", False)]
    [file] = said["files"]
    [stored] = await driver.query("select * from invoice.documents")
    assert (file["document_id"], file["sha256"]) == (stored["id"], hashlib.sha256(stored["bytes"]).hexdigest())
    assert (await invoice.read())["document"]["file_state"] == "stored"


async def test_a_stripe_invoice_orders_its_first_link_over_exactly_what_is_due(
    account: Account, driver: Driver
) -> None:
    invoice = await ordered_by_stripe(account, driver)

    [said] = await driver.said(InvoiceSent, invoice.id)
    page = (await invoice.read())["page_url"]
    assert said["link"]["attempt"] == 1
    assert (said["link"]["amount_minor"], said["link"]["currency"]) == (23800, "EUR")
    assert said["link"]["prefill_email"] == "ap@acme.example.com"
    assert said["link"]["return_url"] == said["mail"]["durable_url"] == page
    assert driver.typesetter.asked == [(said["document"]["number"], page, True)]
    assert (await invoice.read())["link"]["status"] == "creating"


async def test_the_real_paper_passes_its_own_gate(account: Account, driver: Driver) -> None:
    driver.real_paper = True

    invoice = await sent_by_hand(account, driver)

    [stored] = await driver.query("select * from invoice.documents where invoice_id = $1", invoice.id)
    assert stored["bytes"].startswith(b"%PDF-")
    assert (await invoice.read())["document"]["file_state"] == "stored"


async def test_a_document_that_disagrees_is_not_sent_and_needs_a_person(account: Account, driver: Driver) -> None:
    driver.typesetter.disagrees = True

    invoice = await sent_by_hand(account, driver)

    shown = await invoice.read()
    assert (shown["headline"], shown["document"]["file_state"]) == ("action_needed", "failed")
    assert await driver.said(InvoiceSent, invoice.id) == []
    assert await driver.query("select from invoice.documents") == []
    voided = await account.post(f"{invoice.path}/void", {"reason": "cannot be printed"})
    assert voided["document_status"] == "void"


async def test_a_renderer_that_stumbles_is_tried_again(account: Account, driver: Driver) -> None:
    driver.typesetter.failures = [MemoryError("for a moment")]
    invoice = await issued(account, driver)

    await driver.settle()
    await driver.postgres.make_due("invoice")
    await driver.settle()

    assert len(await driver.said(InvoiceSent, invoice.id)) == 1
    assert len(driver.typesetter.asked) == 2


async def test_a_renderer_that_always_fails_needs_a_person_in_the_end(account: Account, driver: Driver) -> None:
    driver.typesetter.failures = [ValueError("no such glyph")] * 99
    invoice = await issued(account, driver)

    await driver.settle()
    before_the_last = (await invoice.read())["headline"]
    await driver.query("update invoice.inbox set attempts = $1", render_document.RENDER_TRIES_MAX - 1)
    await driver.postgres.make_due("invoice")
    await driver.settle()

    shown = await invoice.read()
    assert before_the_last == "sending"
    assert (shown["headline"], shown["document"]["file_state"]) == ("action_needed", "failed")
    assert len(driver.typesetter.asked) >= 2


async def test_an_interruption_between_render_and_store_leaves_one_document_and_one_event(
    account: Account, driver: Driver
) -> None:
    invoice = await issued(account, driver)
    left = [1]

    def interrupt_once(point: str) -> None:
        if point == "invoice.after_render" and left:
            left.pop()
            raise ConnectionError("the process went away here")

    crash_points.install(interrupt_once)
    try:
        await driver.settle()
    finally:
        crash_points.install(None)
    await driver.postgres.make_due("invoice")
    await driver.settle()

    assert len(await driver.said(InvoiceSent, invoice.id)) == 1
    assert len(await driver.query("select from invoice.documents")) == 1
    assert len(driver.typesetter.asked) == 2


async def test_the_same_task_again_renders_and_says_nothing_more(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    await driver.query("update invoice.inbox set state = 'ready', done_at = null, next_at = invoice.app_now()")

    await driver.settle()

    assert len(await driver.said(InvoiceSent, invoice.id)) == 1
    assert len(driver.typesetter.asked) == 1


async def test_an_invoice_voided_before_it_was_rendered_is_never_sent(account: Account, driver: Driver) -> None:
    await driver.hear(connection(account))
    invoice = await issued(account, driver, method="stripe")

    voided = await account.post(f"{invoice.path}/void", {"reason": "wrong customer"})
    await driver.settle()

    assert voided["document_status"] == "void"
    assert driver.typesetter.asked == []
    assert await driver.said(InvoiceSent, invoice.id) == []


async def test_an_invoice_paid_by_hand_before_it_was_rendered_goes_out_without_a_link(
    account: Account, driver: Driver
) -> None:
    await driver.hear(connection(account))
    invoice = await issued(account, driver, method="stripe")

    await account.post(f"{invoice.path}/payments", {"amount_minor": 23800})
    await driver.settle()

    [said] = await driver.said(InvoiceSent, invoice.id)
    assert (said["collection_method"], said["link"], said["amount_due_minor"]) == ("manual", None, 0)


async def test_a_partial_payment_before_rendering_makes_the_first_link_ask_for_the_rest(
    account: Account, driver: Driver
) -> None:
    await driver.hear(connection(account))
    invoice = await issued(account, driver, method="stripe")

    await account.post(f"{invoice.path}/payments", {"amount_minor": 3800})
    await driver.settle()

    [said] = await driver.said(InvoiceSent, invoice.id)
    assert said["link"]["amount_minor"] == said["amount_due_minor"] == 20000


async def test_a_stored_document_cannot_be_changed_or_removed(account: Account, driver: Driver) -> None:
    await sent_by_hand(account, driver)

    for change in ("update invoice.documents set bytes = 'forged'", "delete from invoice.documents"):
        with pytest.raises(Exception, match="never change"):
            await driver.query(change)


async def test_many_invoices_are_rendered_side_by_side_each_once(account: Account, driver: Driver) -> None:
    customer = await account.customer()
    drafts = [await account.draft(customer_id=customer["id"]) for _ in range(12)]
    await asyncio.gather(*(account.post(f"/v1/invoices/{draft['id']}/send", {}) for draft in drafts))

    await driver.settle()

    for draft in drafts:
        assert len(await driver.said(InvoiceSent, parse_id("inv", draft["id"]))) == 1
    assert len(driver.typesetter.asked) == 12
