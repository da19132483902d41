"""The sample payloads: each parses through the library's own door into the class its type promises."""

import json

import pytest
import stripe
from stripe_sandbox.webhook_samples import PLAN, samples

CLASSES = {
    "checkout": stripe.checkout.Session,
    "payment_intent": stripe.PaymentIntent,
    "refund": stripe.Refund,
    "charge.refund": stripe.Refund,
    "charge.dispute": stripe.Dispute,
    "charge": stripe.Charge,
    "account.application": stripe.Application,
    "account": stripe.Account,
}


@pytest.mark.parametrize("name", [name for name, _, _ in PLAN])
def test_a_sample_is_accepted_and_typed_by_the_library(name: str) -> None:
    payload = json.dumps(samples(metadata={"link_id": "lnk_1"})[name])
    header = stripe.WebhookSignature.generate_signature_header(payload, "whsec_test")

    event = stripe.Webhook.construct_event(payload, header, "whsec_test", api_key="sk_test_x")

    starts = [start for start in CLASSES if name.startswith(f"{start}.")]
    assert type(event.data.object) is CLASSES[max(starts, key=len)]


def test_the_metadata_of_a_link_arrives_in_session_intent_and_charge_but_not_in_refund_or_dispute() -> None:
    events = samples(metadata={"link_id": "lnk_1"})
    having = {
        events[name]["data"]["object"]["object"]
        for name, _, _ in PLAN
        if events[name]["data"]["object"].get("metadata") == {"link_id": "lnk_1"}
    }

    assert having == {"checkout.session", "payment_intent", "charge"}
