"""Bad input gets a clear answer and changes nothing."""

import asyncio

import pytest

from deploy.demo.api import InvoiceApi, invoice_api
from deploy.demo.journey import Addresses
from tests.journeys.organization import Organization


async def test_stripe_without_a_key_is_refused_and_the_draft_stays_a_draft(
    api: InvoiceApi, addresses: Addresses
) -> None:
    organization = Organization(api=api, addresses=addresses)
    draft = await organization.draft(method="stripe")

    refusal = await api.answer("POST", f"/v1/invoices/{draft['id']}/send", {})

    assert refusal.status_code == 409
    assert refusal.headers["content-type"].startswith("application/problem+json")
    assert (await organization.invoice(draft["id"]))["document_status"] == "draft"


async def test_a_key_that_stripe_refuses_is_not_accepted_and_not_repeated(api: InvoiceApi) -> None:
    key = "sk_test_nobodyknowsthisone"

    refusal = await api.answer("PUT", "/v1/settings/stripe/secret-key", {"secret_key": key})

    assert refusal.status_code in (409, 422)
    assert key not in refusal.text
    assert (await api.get("/v1/settings/stripe"))["status"] == "not_connected"


async def test_another_organisations_invoice_is_not_there(organization: Organization, api: InvoiceApi) -> None:
    invoice = await organization.send(method="manual")

    refusals = [
        await api.answer("GET", f"/v1/invoices/{invoice['id']}"),
        await api.answer("GET", f"/v1/invoices/{invoice['id']}/pdf"),
        await api.answer("POST", f"/v1/invoices/{invoice['id']}/void", {"reason": "not mine"}),
        await api.answer("POST", f"/v1/invoices/{invoice['id']}/payments", {"amount_minor": 10000}),
    ]

    assert [refusal.status_code for refusal in refusals] == [404] * 4
    assert (await organization.invoice(invoice["id"]))["payment_status"] == "unpaid"


@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/customers", "/v1/templates", "/v1/settings/stripe"])
async def test_no_route_answers_to_a_key_that_is_none(path: str, connected: Addresses) -> None:
    async with invoice_api(connected.api, api_key=f"ic_test_{'0' * 26}_{'x' * 43}") as nobody:
        refusal = await nobody.answer("GET", path)

    assert refusal.status_code == 401


async def test_fifty_sends_of_one_draft_at_once_issue_it_once(organization: Organization) -> None:
    draft = await organization.draft(method="manual")

    answers = await asyncio.gather(
        *(organization.api.answer("POST", f"/v1/invoices/{draft['id']}/send", {}) for _ in range(50))
    )

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [409] * 49
    await organization.mails_to(draft["email"])
    assert len(await organization.mails_to(draft["email"])) == 1
