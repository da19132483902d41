"""What counts as an event of Stripe's, and what each makes us read."""

import json

import pytest
from payment_service.domain.stripe_events import (
    SUBSCRIBED_EVENTS,
    KeepOnly,
    MalformedStripeEvent,
    ReadIntent,
    ReadSession,
    read_envelope,
    what_to_read,
)

EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "checkout.session.completed",
    "created": 1793000100,
    "livemode": False,
    "pending_webhooks": 1,
    "data": {"object": {"id": "cs_test_1"}},
}


def _without(name: str) -> bytes:
    return json.dumps({key: value for key, value in EVENT.items() if key != name}).encode()


def test_a_minimal_event_is_read() -> None:
    envelope = read_envelope(json.dumps(EVENT).encode())

    assert (envelope.id, envelope.data.object.id, envelope.account) == ("evt_1", "cs_test_1", None)


@pytest.mark.parametrize("name", sorted(EVENT))
def test_every_field_that_matters_is_needed(name: str) -> None:
    with pytest.raises(MalformedStripeEvent):
        read_envelope(_without(name))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[{}]",
        b"not json",
        b'\xff\xfe{"id"',
        json.dumps(EVENT | {"object": "v2.core.event"}).encode(),
        json.dumps(EVENT | {"livemode": "false"}).encode(),
        json.dumps(EVENT | {"created": "now"}).encode(),
        json.dumps(EVENT | {"id": ""}).encode(),
        json.dumps(EVENT | {"id": "evt\x00_1"}).encode(),
        json.dumps(EVENT | {"id": "evt_1\n"}).encode(),
        json.dumps(EVENT | {"id": "evt_" + "1" * 300}).encode(),
        json.dumps(EVENT | {"created": 10**30}).encode(),
        json.dumps(EVENT | {"created": -1}).encode(),
        json.dumps(EVENT | {"data": {"object": {"id": "cs_\ud800"}}}).encode(),
        json.dumps(EVENT | {"data": []}).encode(),
        json.dumps(EVENT | {"extra": float("nan")}).encode(),
        json.dumps(EVENT | {"extra": float("inf")}).encode(),
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_anything_else_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedStripeEvent):
        read_envelope(body)


@pytest.mark.parametrize(
    ("event_type", "object_id", "reading"),
    [
        ("checkout.session.completed", "cs_1", ReadSession("cs_1")),
        ("checkout.session.async_payment_succeeded", "cs_1", ReadSession("cs_1")),
        ("payment_intent.succeeded", "pi_1", ReadIntent("pi_1")),
        ("refund.created", "re_1", KeepOnly()),
        ("something.new", "x_1", KeepOnly()),
        ("checkout.session.completed", "pi_1", KeepOnly()),
        ("payment_intent.succeeded", "../pi", KeepOnly()),
    ],
)
def test_each_event_says_what_to_read_again(event_type: str, object_id: str, reading: object) -> None:
    assert what_to_read(event_type=event_type, object_id=object_id) == reading


def test_no_event_is_subscribed_twice() -> None:
    assert len(SUBSCRIBED_EVENTS) == len(set(SUBSCRIBED_EVENTS))
