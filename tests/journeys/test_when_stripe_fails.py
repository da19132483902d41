"""Stripe refuses, loses an answer, or never calls back: nothing is lost, nothing is made twice, and people are told."""

from tests.journeys.organization import Organization, link_id

CREATE_LINK = {"kind": "api", "method": "POST", "path": "/v1/payment_links"}


async def test_a_payment_is_seen_although_no_webhook_ever_arrives(organization: Organization) -> None:
    invoice = await organization.send_by_stripe()
    await organization.sandbox("POST", "/faults", {"kind": "delivery", "action": "drop", "times": 20})
    try:
        (await organization.sandbox("POST", f"/pay/{link_id(invoice)}", {})).raise_for_status()

        paid = await organization.seen(invoice["id"], payment_status="paid")
    finally:
        await organization.sandbox("DELETE", "/faults")

    assert [payment["amount_minor"] for payment in paid["payments"]] == [10000]


async def test_an_answer_lost_after_the_work_still_makes_one_link(organization: Organization) -> None:
    await organization.sandbox("POST", "/faults", {**CREATE_LINK, "drop": "after"})

    invoice = await organization.send_by_stripe()

    log = (await organization.sandbox("GET", "/log?method=POST&path=/v1/payment_links")).json()
    asked = [entry for entry in log if entry["path"] == "/v1/payment_links"]
    assert len(asked) >= 2
    (await organization.sandbox("POST", f"/pay/{link_id(invoice)}", {})).raise_for_status()
    await organization.seen(invoice["id"], payment_status="paid")
    assert await organization.paid_at_stripe(invoice["id"]) == [10000]


async def test_a_refused_link_needs_a_person_who_may_send_by_hand_instead(organization: Organization) -> None:
    invoice = await organization.send(
        method="stripe", lines=[{"description": "Pin", "quantity": "1", "unit_price": "0.10"}]
    )
    failed = await organization.seen(invoice["id"], link="failed")
    assert failed["headline"] == "action_needed"
    assert failed["link"]["failure_code"] == "amount_too_small"

    await organization.api.post(f"/v1/invoices/{invoice['id']}/send-manually", {})

    (mail,) = await organization.mails_to(invoice["email"])
    assert organization.addresses.sandbox not in mail.as_string()
