"""A void waits for the closed link; whoever still holds an address of it learns that nothing is to be paid."""

import re
from urllib.parse import urljoin

import httpx

from deploy.demo.payer import TEST_CARD
from tests.journeys.organization import Organization, link_id


async def test_a_void_closes_the_link_and_then_nothing_can_be_paid(organization: Organization) -> None:
    invoice = await organization.send_by_stripe()
    await organization.mails_to(invoice["email"])

    await organization.api.post(f"/v1/invoices/{invoice['id']}/void", {"reason": "ordered twice"})

    await organization.seen(invoice["id"], document_status="void")
    refusal = await organization.sandbox("POST", f"/pay/{link_id(invoice)}", {})
    assert refusal.status_code >= 400
    assert await organization.paid_at_stripe(invoice["id"]) == []


async def test_a_checkout_that_was_open_before_the_void_cannot_be_paid_after_it(organization: Organization) -> None:
    invoice = await organization.send_by_stripe()
    async with httpx.AsyncClient(timeout=30, trust_env=False, follow_redirects=True) as customer:
        opened = await customer.get(invoice["link"]["url"])
        form = re.search(r'action="([^"]*cs_[^"]*)"', opened.text)
        assert form is not None

        await organization.api.post(f"/v1/invoices/{invoice['id']}/void", {"reason": "ordered twice"})

        await organization.seen(invoice["id"], document_status="void")
        await customer.post(urljoin(str(opened.url), form.group(1)), data={"card": TEST_CARD})
    assert await organization.paid_at_stripe(invoice["id"]) == []


async def test_a_paid_invoice_cannot_be_voided(organization: Organization) -> None:
    invoice = await organization.send(method="manual")
    await organization.api.post(f"/v1/invoices/{invoice['id']}/payments", {"amount_minor": 10000})

    refusal = await organization.api.answer("POST", f"/v1/invoices/{invoice['id']}/void", {"reason": "too late"})

    assert refusal.status_code == 409
    assert (await organization.invoice(invoice["id"]))["document_status"] == "issued"
