"""Money by two ways for one invoice: the link asks for what is left, and the customer's address stays the same."""

import re
from urllib.parse import urljoin

import httpx

from deploy.demo.payer import TEST_CARD, follow_pay_button, pay_by_card
from tests.journeys.organization import Organization


async def test_a_transfer_for_a_part_replaces_the_link_by_one_for_the_rest(organization: Organization) -> None:
    invoice = await organization.send_by_stripe()

    await organization.api.post(f"/v1/invoices/{invoice['id']}/payments", {"amount_minor": 4000})

    replaced = await organization.seen(invoice["id"], link="active", attempt=2, payment_status="partially_paid")
    assert replaced["link"]["url"] != invoice["link"]["url"]
    pay_page = await follow_pay_button(invoice["page_url"])
    assert pay_page.startswith(replaced["link"]["url"])
    await pay_by_card(pay_page)
    paid = await organization.seen(invoice["id"], payment_status="paid")
    assert sorted(payment["amount_minor"] for payment in paid["payments"]) == [4000, 6000]
    assert await organization.paid_at_stripe(invoice["id"]) == [6000]
    assert len(await organization.mails_to(invoice["email"])) == 1


async def test_a_checkout_that_was_open_before_the_transfer_takes_no_money_after_it(organization: Organization) -> None:
    invoice = await organization.send_by_stripe()
    async with httpx.AsyncClient(timeout=30, trust_env=False, follow_redirects=True) as customer:
        opened = await customer.get(invoice["link"]["url"])
        form = re.search(r'action="([^"]*cs_[^"]*)"', opened.text)
        assert form is not None

        await organization.api.post(f"/v1/invoices/{invoice['id']}/payments", {"amount_minor": 4000})

        replaced = await organization.seen(invoice["id"], link="active", attempt=2, payment_status="partially_paid")
        too_late = await customer.post(urljoin(str(opened.url), form.group(1)), data={"card": TEST_CARD})
    assert too_late.status_code == httpx.codes.GONE
    assert await organization.paid_at_stripe(invoice["id"]) == []
    await pay_by_card(replaced["link"]["url"])
    paid = await organization.seen(invoice["id"], payment_status="paid")
    assert (paid["balance"]["received_minor"], paid["balance"]["due_minor"]) == (10000, 0)
    assert await organization.paid_at_stripe(invoice["id"]) == [6000]


async def test_a_transfer_for_all_of_it_closes_the_link(organization: Organization) -> None:
    invoice = await organization.send_by_stripe()

    await organization.api.post(f"/v1/invoices/{invoice['id']}/payments", {"amount_minor": 10000})

    await organization.seen(invoice["id"], link="closed", payment_status="paid")


async def test_a_transfer_entered_by_mistake_is_reversed_and_the_invoice_is_due_again(
    organization: Organization,
) -> None:
    invoice = await organization.send(method="manual")
    payment = await organization.api.post(f"/v1/invoices/{invoice['id']}/payments", {"amount_minor": 10000})

    await organization.api.post(f"/v1/invoices/{invoice['id']}/payments/{payment['id']}/reverse", {})

    seen = await organization.invoice(invoice["id"])
    assert (seen["payment_status"], seen["balance"]["due_minor"]) == ("unpaid", 10000)
