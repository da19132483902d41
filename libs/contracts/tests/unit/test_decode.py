"""Decoding: whatever arrives, a listener gets an envelope it can trust or `UndecodableMessage`, and nothing else."""

import json
from typing import Any

import pytest
from contracts.catalogue import CATALOGUE, Service, UndecodableMessage, decode, subscriptions
from contracts.envelope import BODY_BYTES_MAX
from contracts.events.payment import PaymentReceived
from contracts.freeze_example import EXAMPLES, read_message
from hypothesis import given
from hypothesis import strategies as st

ANOTHER_ORGANIZATION = "org_00000000000000000000000001"


def message(event_type: str = "payment.received.v1") -> tuple[dict[str, object], bytes]:
    headers, body = read_message((EXAMPLES / f"{event_type}.json").read_text(encoding="utf-8"))
    return dict(headers), body


def changed(body: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(body), **fields}).encode()


def test_a_message_decodes_to_its_typed_event() -> None:
    headers, body = message()

    envelope = decode(headers=headers, body=body)

    assert isinstance(envelope.data, PaymentReceived)
    assert envelope.data.amount_minor == 149355
    assert envelope.sequence == 23


def test_header_values_may_arrive_as_bytes() -> None:
    headers, body = message()
    raw = {name: str(value).encode() for name, value in headers.items()}

    envelope = decode(headers=raw, body=body)

    assert envelope.type == "payment.received.v1"


def test_a_field_or_an_attribute_that_we_do_not_know_yet_is_ignored() -> None:
    headers, body = message()

    envelope = decode(headers={**headers, "ce-partition": "7", "x-death": []}, body=changed(body, tip_minor=5))

    assert envelope.type == "payment.received.v1"


def test_an_unknown_event_type_is_refused() -> None:
    headers, body = message()

    with pytest.raises(UndecodableMessage, match="type is unknown"):
        decode(headers={**headers, "ce-type": "payment.received.v9"}, body=body)


def test_an_event_that_does_not_come_from_its_owner_is_refused() -> None:
    headers, body = message()

    with pytest.raises(UndecodableMessage, match="does not come from its owner"):
        decode(headers={**headers, "ce-source": "/invoice-service"}, body=body)


def test_an_event_of_another_organisation_than_its_envelope_is_refused() -> None:
    headers, body = message()

    with pytest.raises(UndecodableMessage, match="organisation"):
        decode(headers={**headers, "ce-organizationid": ANOTHER_ORGANIZATION}, body=body)


REQUIRED = ["ce-id", "ce-source", "ce-type", "ce-subject", "ce-time", "ce-organizationid", "ce-correlationid"]


@pytest.mark.parametrize("name", [*REQUIRED, "ce-sequence"])
def test_a_message_without_a_required_attribute_is_refused(name: str) -> None:
    headers, body = message()
    del headers[name]

    with pytest.raises(UndecodableMessage):
        decode(headers=headers, body=body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce-specversion", "0.3"),
        ("ce-id", "inv_01kafkrpg0e008000008001ay2"),
        ("ce-id", "evt_"),
        ("ce-time", "2026-11-20T09:52:00"),
        ("ce-time", "yesterday"),
        ("ce-sequence", "-1"),
        ("ce-sequence", "9223372036854775808"),
        ("ce-sequence", "twelve"),
        ("ce-correlationid", "req\x00"),
        ("ce-organizationid", ""),
        ("ce-organizationid", None),
    ],
)
def test_a_broken_attribute_is_refused(name: str, value: object) -> None:
    headers, body = message()

    with pytest.raises(UndecodableMessage):
        decode(headers={**headers, name: value}, body=body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"17",
        b"{}",
        b"{",
        b"\xff\xfe{}",
        b'{"organization_id": "\xed\xa0\x80"}',
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    ],
    ids=["empty", "null", "list", "text", "number", "object", "cut", "utf-16", "surrogate", "deep list", "deep object"],
)
def test_a_body_that_is_not_the_event_is_refused(body: bytes) -> None:
    headers, _ = message()

    with pytest.raises(UndecodableMessage):
        decode(headers=headers, body=body)


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1.5", '"many"', "null", "1e400", "{}"])
def test_an_amount_that_is_not_a_whole_number_is_refused(token: str) -> None:
    headers, body = message()
    tampered = body.replace(b'"amount_minor": 149355', f'"amount_minor": {token}'.encode())
    assert tampered != body

    with pytest.raises(UndecodableMessage, match=r"amount_minor|json_invalid"):
        decode(headers=headers, body=tampered)


@pytest.mark.parametrize("token", ['"NaN"', '"Infinity"', "NaN", '"1,5"', "true"])
def test_a_quantity_that_is_not_a_finite_decimal_is_refused(token: str) -> None:
    headers, body = message("invoice.sent.v1")
    tampered = body.replace(b'"quantity": "12.5"', f'"quantity": {token}'.encode())
    assert tampered != body

    with pytest.raises(UndecodableMessage):
        decode(headers=headers, body=tampered)


def test_a_time_without_an_offset_is_refused() -> None:
    headers, body = message()

    with pytest.raises(UndecodableMessage, match="occurred_at"):
        decode(headers=headers, body=changed(body, occurred_at="2026-11-20T10:00:00"))


def test_a_text_with_a_nul_character_is_refused_before_a_database_sees_it() -> None:
    headers, body = message("invoice.voided.v1")

    with pytest.raises(UndecodableMessage, match="NUL"):
        decode(headers=headers, body=changed(body, reason="a\x00b"))


def test_a_text_that_only_spells_the_escape_of_nul_is_accepted() -> None:
    headers, body = message("invoice.voided.v1")

    envelope = decode(headers=headers, body=changed(body, reason=r"C:\u0000"))

    assert envelope.data.model_dump()["reason"] == r"C:\u0000"


def test_a_body_over_the_limit_is_refused_by_its_size_alone() -> None:
    headers, body = message("invoice.voided.v1")
    largest = body[:-1] + b" " * (BODY_BYTES_MAX - len(body)) + b"}"
    assert len(largest) == BODY_BYTES_MAX

    envelope = decode(headers=headers, body=largest)

    assert envelope.type == "invoice.voided.v1"
    with pytest.raises(UndecodableMessage, match="1048577 bytes"):
        decode(headers=headers, body=largest + b" ")


def test_the_reason_of_a_refusal_repeats_nothing_of_the_body() -> None:
    headers, body = message()

    with pytest.raises(UndecodableMessage) as refusal:
        decode(headers=headers, body=changed(body, amount_minor="sk_test_secret", invoice_id="sk_test_secret"))

    assert "sk_test_secret" not in str(refusal.value)
    assert refusal.value.__cause__ is None


@given(body=st.binary(max_size=200), attributes=st.dictionaries(st.sampled_from(REQUIRED), st.text(max_size=40)))
def test_noise_never_raises_anything_else(body: bytes, attributes: dict[str, str]) -> None:
    headers, _ = message()

    with pytest.raises(UndecodableMessage):
        decode(headers={**headers, **attributes}, body=body)


def test_every_service_listens_only_to_events_of_others() -> None:
    own = [entry for entry in CATALOGUE.values() if entry.owner in entry.subscribers]

    assert own == []


def test_subscriptions_are_the_catalogue_seen_from_the_listener() -> None:
    heard = {entry.event.event_type for entry in subscriptions(Service.NOTIFICATION)}

    assert heard == {
        "invoice.sent.v1",
        "invoice.collection_changed.v1",
        "invoice.void_requested.v1",
        "invoice.voided.v1",
        "invoice.paid.v1",
        "invoice.mail_requested.v1",
        "invoice.account_mail_requested.v1",
        "payment.link_created.v1",
    }
