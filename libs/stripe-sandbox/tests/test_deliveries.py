"""Webhooks: signed so that the library accepts them, tried again, held, doubled and forged on order."""

import json
from typing import Any

import pytest
import stripe
from stripe_sandbox.testing import eventually


async def listen(bench: Any, receiver: Any, *types: str) -> Any:
    params: Any = {"url": receiver.url, "enabled_events": list(types), "api_version": "2026-10-28.endive"}
    return await bench.client.v1.webhook_endpoints.create_async(params)


def kinds(receiver: Any) -> list[str]:
    return [json.loads(payload)["type"] for payload, _ in receiver.got]


async def test_the_library_accepts_a_delivered_event(bench: Any, receiver: Any) -> None:
    endpoint = await listen(bench, receiver, "checkout.session.completed")
    paid = await bench.control(f"pay/{(await bench.new_link()).id}")

    await eventually(lambda: receiver.got, what="the event arrives")

    payload, header = receiver.got[0]
    event = stripe.Webhook.construct_event(payload, header, endpoint.secret)
    assert (event.type, event.api_version, event.livemode) == ("checkout.session.completed", "2026-10-28.endive", False)
    assert event.data.object.id == paid["id"]
    assert isinstance(event.data.object, stripe.checkout.Session)


async def test_the_secret_is_shown_at_creation_only(bench: Any, receiver: Any) -> None:
    endpoint = await listen(bench, receiver, "*")

    again = await bench.client.v1.webhook_endpoints.retrieve_async(endpoint.id)

    assert endpoint.secret.startswith("whsec_")
    assert again.secret is None


async def test_only_the_events_asked_for_are_sent(bench: Any, receiver: Any) -> None:
    await listen(bench, receiver, "payment_intent.succeeded", "payment_link.created")

    await bench.control(f"pay/{(await bench.new_link()).id}")

    await eventually(lambda: len(receiver.got) == 2, what="two events arrive")
    assert sorted(kinds(receiver)) == ["payment_intent.succeeded", "payment_link.created"]


async def test_a_failed_delivery_is_signed_anew_and_tried_until_the_schedule_ends(bench: Any, receiver: Any) -> None:
    endpoint = await listen(bench, receiver, "payment_link.created")
    receiver.answers = [500, 302, 500]

    await bench.new_link()

    await eventually(lambda: len(receiver.got) == 3, what="three tries")
    for payload, header in receiver.got:
        stripe.Webhook.construct_event(payload, header, endpoint.secret)
    await eventually(
        lambda: bench.sandbox.store.run("SELECT 1 FROM deliveries WHERE state = 'failed'"), what="the schedule ends"
    )
    deliveries = await bench.look("deliveries")
    assert [attempt["status"] for attempt in deliveries[0]["attempts"]] == [500, 302, 500]
    listed = await bench.client.v1.events.list_async({"delivery_success": False})
    assert [event.type for event in listed.data] == ["payment_link.created"]


async def test_a_redelivered_event_has_the_same_id(bench: Any, receiver: Any) -> None:
    await listen(bench, receiver, "payment_link.created")
    await bench.new_link()
    await eventually(lambda: receiver.got, what="the first delivery")
    event_id = json.loads(receiver.got[0][0])["id"]

    await bench.control("events/redeliver", event=event_id)

    await eventually(lambda: len(receiver.got) == 2, what="the second delivery")
    assert json.loads(receiver.got[1][0])["id"] == event_id


async def test_held_deliveries_go_when_released(bench: Any, receiver: Any) -> None:
    await listen(bench, receiver, "payment_link.created")
    await bench.control("faults", kind="delivery", action="hold", times=2)
    await bench.new_link()
    await bench.new_link()
    await bench.new_link()
    await eventually(lambda: receiver.got, what="the third, not held, arrives")
    assert len(receiver.got) == 1

    released = await bench.control("deliveries/release", order="backwards")

    await eventually(lambda: len(receiver.got) == 3, what="the held ones arrive")
    assert len(released["released"]) == 2


@pytest.mark.parametrize(("action", "count"), [("duplicate", 2), ("drop", 0)])
async def test_deliveries_are_doubled_or_dropped_on_order(bench: Any, receiver: Any, action: str, count: int) -> None:
    await listen(bench, receiver, "payment_link.created", "payment_link.updated")
    await bench.control("faults", kind="delivery", action=action, type="payment_link.created")

    link = await bench.new_link()
    await bench.client.v1.payment_links.update_async(link.id, {"active": False})

    await eventually(lambda: "payment_link.updated" in kinds(receiver), what="the healthy event arrives")
    await eventually(lambda: kinds(receiver).count("payment_link.created") == count, what=f"{count} deliveries")


async def test_a_forged_delivery_does_not_verify(bench: Any, receiver: Any) -> None:
    endpoint = await listen(bench, receiver, "payment_link.created")
    await bench.control("faults", kind="delivery", action="forge")

    await bench.new_link()

    await eventually(lambda: receiver.got, what="the delivery")
    payload, header = receiver.got[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(payload, header, endpoint.secret)


async def test_a_deleted_endpoint_hears_nothing_more(bench: Any, receiver: Any) -> None:
    endpoint = await listen(bench, receiver, "*")
    deleted = await bench.client.v1.webhook_endpoints.delete_async(endpoint.id)

    await bench.new_link()

    assert deleted.deleted is True
    assert await bench.look("deliveries") == []


async def test_another_accounts_events_stay_with_that_account(bench: Any, receiver: Any) -> None:
    await listen(bench, receiver, "*")

    await bench.client_for(bench.other_key).v1.payment_links.create_async(bench.link_params())

    assert await bench.look("deliveries") == []
    assert (await bench.client.v1.events.list_async()).data == []
