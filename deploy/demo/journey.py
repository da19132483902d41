"""The journey: two invoices go out, one by hand and one with a payment link, and both come back paid.

Everything is done and looked at from outside: through the API, the inbox, the customer's page and Stripe's sandbox.
The expected amounts stand here as figures, worked out by hand from the provided templates.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from typing import Any

import httpx

from deploy.demo.api import InvoiceApi, Json, invoice_api
from deploy.demo.failures import NotAsItShouldBe
from deploy.demo.inbox import received
from deploy.demo.instance import ACCOUNT_NAME
from deploy.demo.mail_checks import check_manual_mail, check_stripe_mail, read_mail
from deploy.demo.owner import Owner, sign_in
from deploy.demo.payer import follow_pay_button, pay_by_card
from deploy.demo.progress import Progress
from deploy.demo.waiting import until


@dataclass(frozen=True)
class Addresses:
    """Where the running product is met; ``stripe_key`` is a test key of the sandbox."""

    api: str
    inbox: str
    sandbox: str
    api_key: str
    stripe_key: str
    owner: Owner


@dataclass(frozen=True)
class Story:
    """One invoice to send: from which template, how it is collected, to whom, and what it must come to."""

    method: str
    template: str
    customer: str
    email: str
    total_minor: int
    shown_total: str


# 3 x 960.00 + 4.5 x 120.00 + 148.60 = 3568.60; 19 % of it is 678.03; together 4246.63.
BY_HAND = Story("manual", "consulting-days", "Café Zoë", "zoe@cafe-zoe.example", 424663, "4,246.63")
# 159.80 + 73.50 + 6.90 = 240.20 at 19 %: 45.64; 34.00 at 7 %: 2.38; together 322.22.
BY_STRIPE = Story("stripe", "goods-and-shipping", "Atelier Blum", "kasse@atelier-blum.example", 32222, "322.22")


async def play(addresses: Addresses, *, progress: Progress) -> dict[str, str]:
    """Play it all and return each invoice's durable page by its number. Raises `NotAsItShouldBe` at the first fault."""
    async with invoice_api(addresses.api, api_key=addresses.api_key) as api:
        await sign_in(addresses.owner, api=addresses.api, organization=ACCOUNT_NAME)
        progress.step(f"{addresses.owner.email} chose a password by her link and signed in at {addresses.api}/sign-in")
        await _connect_stripe(api, addresses, progress)
        by_hand, by_stripe = [await _send(api, story, addresses, progress) for story in (BY_HAND, BY_STRIPE)]
        await _check_manual_mail(api, by_hand, addresses, progress)
        link, page = await _check_stripe_mail(api, by_stripe, addresses, progress)
        await _pay_by_stripe(api, by_stripe, page, link, progress)
        await _pay_by_hand(api, by_hand, progress)
        await _check_the_end(api, by_hand, by_stripe, addresses)
        progress.step("checked from outside: inbox, API and the sandbox's ledger agree")
        return {sent.number: (await api.get(f"/v1/invoices/{sent.id}"))["page_url"] for sent in (by_hand, by_stripe)}


@dataclass(frozen=True)
class Sent:
    """``earlier`` are the Message-IDs that lay in the inbox before: a journey may not be the first one there."""

    story: Story
    id: str
    number: str
    earlier: frozenset[str]


async def _connect_stripe(api: InvoiceApi, addresses: Addresses, progress: Progress) -> None:
    await api.put("/v1/settings/stripe/secret-key", {"secret_key": addresses.stripe_key})
    picture = await _until(
        lambda: api.get("/v1/settings/stripe"), lambda seen: seen["status"] == "ready", "the Stripe connection"
    )
    if not picture["sandbox"]:
        raise NotAsItShouldBe("Stripe's sandbox is not shown as a sandbox")
    progress.step(f"Stripe key accepted: {picture['account_name']}, sandbox, no money moves")


async def _send(api: InvoiceApi, story: Story, addresses: Addresses, progress: Progress) -> Sent:
    earlier = frozenset(str(mail["message-id"]) for mail in await received(addresses.inbox))
    templates = (await api.get("/v1/templates"))["data"]
    template = next(row for row in templates if row["slug"] == story.template)
    customer = await api.post("/v1/customers", {"name": story.customer, "email": story.email})
    draft = await api.post(
        "/v1/invoices",
        {"customer_id": customer["id"], "template_id": template["id"], "collection_method": story.method},
    )
    _equal(draft["total_minor"], story.total_minor, f"the total of {story.template}")
    sent = await api.post(f"/v1/invoices/{draft['id']}/send", {})
    progress.step(f"sent {sent['number']} to {story.email}, {story.shown_total} EUR, collected by {story.method}")
    return Sent(story=story, id=draft["id"], number=sent["number"], earlier=earlier)


async def _check_manual_mail(api: InvoiceApi, sent: Sent, addresses: Addresses, progress: Progress) -> None:
    mail = read_mail(await _mail_of(sent, addresses))
    _has_facts(sent, mail.text, mail.html, mail.pdf_text)
    check_manual_mail(mail, stripe_hosts=(addresses.sandbox.removeprefix("http://"), "buy.stripe.com"))
    if (await api.get(f"/v1/invoices/{sent.id}"))["link"]["url"]:
        raise NotAsItShouldBe("the manual invoice has a payment link")
    progress.step(f"mail of {sent.number} arrived: facts and PDF, no payment address anywhere")


async def _check_stripe_mail(api: InvoiceApi, sent: Sent, addresses: Addresses, progress: Progress) -> tuple[str, str]:
    mail = read_mail(await _mail_of(sent, addresses))
    invoice = await _until(
        lambda: api.get(f"/v1/invoices/{sent.id}"), lambda seen: seen["link"]["status"] == "active", "the payment link"
    )
    link, page = invoice["link"]["url"], invoice["page_url"]
    _has_facts(sent, mail.text, mail.html, mail.pdf_text)
    if not link.startswith(addresses.sandbox):
        raise NotAsItShouldBe(f"the payment link {link} is not the sandbox's")
    check_stripe_mail(mail, link=link, page=page)
    progress.step(f"mail of {sent.number} arrived: payment link in text and HTML, the PDF leads to {page}")
    return link, page


async def _pay_by_stripe(api: InvoiceApi, sent: Sent, page: str, link: str, progress: Progress) -> None:
    pay_page = await follow_pay_button(page)
    if not pay_page.startswith(link):
        raise NotAsItShouldBe(f"Pay on {page} leads to {pay_page}, not to {link}")
    progress.step(f"the customer presses Pay and comes to {pay_page}")
    await pay_by_card(pay_page)
    await _until_paid(api, sent)
    progress.step(f"{sent.number} turned Paid by itself")


async def _pay_by_hand(api: InvoiceApi, sent: Sent, progress: Progress) -> None:
    payment = {
        "amount_minor": sent.story.total_minor,
        "paid_on": date.fromisoformat((await api.get(f"/v1/invoices/{sent.id}"))["issue_date"]).isoformat(),
        "reference": "bank statement 47",
        "note": "recorded by the demo",
    }
    await api.post(f"/v1/invoices/{sent.id}/payments", payment)
    await _until_paid(api, sent)
    progress.step(f"recorded the transfer for {sent.number}: Paid")


async def _check_the_end(api: InvoiceApi, by_hand: Sent, by_stripe: Sent, addresses: Addresses) -> None:
    for sent in (by_hand, by_stripe):
        invoice = await api.get(f"/v1/invoices/{sent.id}")
        _equal([payment["amount_minor"] for payment in invoice["payments"]], [sent.story.total_minor], "the payments")
        _equal(invoice["balance"]["due_minor"], 0, f"what is due on {sent.number}")
    for sent in (by_hand, by_stripe):
        _equal(len(await _mails_of(sent, addresses)), 1, f"the mails to {sent.story.email}")
    books = await _books_of_the_invoice(addresses, by_stripe)
    _equal([row["amount_total"] for row in books], [by_stripe.story.total_minor], "what the sandbox took")


async def _books_of_the_invoice(addresses: Addresses, sent: Sent) -> list[Json]:
    async with httpx.AsyncClient(base_url=addresses.sandbox, timeout=10, trust_env=False) as client:
        books: Json = (await client.get("/_sandbox/ledger")).raise_for_status().json()
    paid = [row for account in books["accounts"].values() for row in account["sessions_paid"]]
    return [row for row in paid if row["metadata"].get("invoice_id") == sent.id]


async def _mail_of(sent: Sent, addresses: Addresses) -> EmailMessage:
    what = f"the mail to {sent.story.email}"
    mails = await until(lambda: _mails_of(sent, addresses), bool, what=what, describe=lambda seen: f"{len(seen)} mails")
    return mails[0]


async def _mails_of(sent: Sent, addresses: Addresses) -> list[EmailMessage]:
    fresh = [mail for mail in await received(addresses.inbox) if str(mail["message-id"]) not in sent.earlier]
    return [mail for mail in fresh if sent.story.email in str(mail["to"])]


async def _until_paid(api: InvoiceApi, sent: Sent) -> None:
    await _until(
        lambda: api.get(f"/v1/invoices/{sent.id}"),
        lambda seen: seen["payment_status"] == "paid",
        f"the payment of {sent.number}",
    )


async def _until(look: Callable[[], Awaitable[Json]], is_enough: Callable[[Json], bool], what: str) -> Json:
    return await until(look, is_enough, what=what)


def _has_facts(sent: Sent, *places: str) -> None:
    """Number and total, wherever a reader looks; the PDF may break a line between groups of digits."""
    for place in places:
        for fact in (sent.number, sent.story.shown_total):
            if fact not in place:
                raise NotAsItShouldBe(f"{fact} is missing in a part of the mail of {sent.number}")


def _equal(actual: Any, expected: Any, what: str) -> None:
    if actual != expected:
        raise NotAsItShouldBe(f"{what}: {actual!r} instead of {expected!r}")
