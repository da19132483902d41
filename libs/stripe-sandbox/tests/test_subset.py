"""The committed subset is a fresh cut, and what the sandbox sends carries every field the library declares."""

from typing import Any

import pytest
import stripe
from stripe_sandbox.cut_subset import SUBSET_FILE, as_text, cut
from stripe_sandbox.operations import HANDLERS, PERMISSION_STEMS
from stripe_sandbox.subset import ShapeProblem, Subset


def test_the_committed_subset_equals_a_fresh_cut() -> None:
    assert SUBSET_FILE.read_text() == as_text(cut()), "run: python -m stripe_sandbox.cut_subset"


def test_the_subset_is_of_the_version_the_library_sends() -> None:
    assert Subset.load().version == stripe.api_version


def test_every_handler_serves_an_operation_of_the_subset_and_has_a_permission() -> None:
    paths = Subset.load().document["paths"]

    for method, template in HANDLERS:
        assert method in paths[template]
        assert template.split("/")[2] in PERMISSION_STEMS


def test_an_object_with_a_wrong_field_does_not_pass() -> None:
    with pytest.raises(ShapeProblem, match="amount"):
        Subset.load().expect(
            "refund", {"id": "re_1", "object": "refund", "amount": "12", "created": 1, "currency": "eur"}
        )


SERVED: list[tuple[type[Any], str]] = [
    (stripe.Account, "account"),
    (stripe.Balance, "balance"),
    (stripe.PaymentLink, "payment_links/{link}"),
    (stripe.checkout.Session, "checkout/sessions/{session}"),
    (stripe.PaymentIntent, "payment_intents/{intent}"),
    (stripe.Charge, "charges/{charge}"),
    (stripe.Refund, "refunds/{refund}"),
    (stripe.Event, "events/{event}"),
    (stripe.WebhookEndpoint, "webhook_endpoints/{endpoint}"),
    (stripe.BalanceTransaction, "balance_transactions/{transaction}"),
]


def declared_fields(cls: type[Any]) -> set[str]:
    """`deleted` stands only on a deleted object; class variables are no fields."""
    annotations = {name: str(annotation) for name, annotation in cls.__annotations__.items()}
    fields = {name for name, text in annotations.items() if "ClassVar" not in text and not name.startswith("_")}
    return fields - {"OBJECT_NAME", "deleted"}


async def test_every_answer_has_every_field_the_library_declares(bench: Any) -> None:
    v1 = bench.client.v1
    link = await bench.new_link()
    paid = await bench.control(f"pay/{link.id}")
    refund = await v1.refunds.create_async({"payment_intent": paid["payment_intent"]})
    endpoint = await v1.webhook_endpoints.create_async({"url": "https://x.example/hook", "enabled_events": ["*"]})
    event = (await v1.events.list_async({"limit": 1})).data[0]
    ids = {"link": link.id, "session": paid["id"], "intent": paid["payment_intent"], "charge": refund.charge}
    ids |= {"refund": refund.id, "event": event.id, "endpoint": endpoint.id, "transaction": refund.balance_transaction}

    missing = {}
    for cls, path in SERVED:
        answer = await bench.http.get("/v1/" + path.format(**ids), auth=(bench.key, ""))
        missing[path] = declared_fields(cls) - set(answer.json())

    assert all(len(declared_fields(cls)) >= 8 for cls, _ in SERVED)
    assert missing == {path: set() for _, path in SERVED}
