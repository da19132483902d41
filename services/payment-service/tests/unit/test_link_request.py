"""The one request that makes a link, field by field."""

import json

from payment_service.domain.link_request import frozen_link_request, idempotency_key, link_metadata

METADATA = link_metadata(organization="org_1", invoice="inv_1", link="lnk_1", attempt=2)


def _request(**overrides: object) -> dict[str, object]:
    values: dict[str, object] = {
        "stripe_amount": 12345,
        "currency": "EUR",
        "invoice_number": "INV-2026-0001",
        "description": "Website",
        "return_url": "https://pay.example/i/token",
        "metadata": METADATA,
    }
    return json.loads(frozen_link_request(**(values | overrides)))  # type: ignore[arg-type, no-any-return]


def test_the_request_has_one_line_with_the_exact_amount_and_one_payment() -> None:
    assert _request() == {
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 12345,
                    "product_data": {"name": "Invoice INV-2026-0001"},
                },
            }
        ],
        "metadata": METADATA,
        "payment_intent_data": {"metadata": METADATA, "description": "Website"},
        "restrictions": {"completed_sessions": {"limit": 1}},
        "inactive_message": (
            "Invoice INV-2026-0001 can no longer be paid here. Please use the address in your latest mail."
        ),
        "after_completion": {"type": "redirect", "redirect": {"url": "https://pay.example/i/token"}},
    }


def test_metadata_names_ids_and_nobody() -> None:
    assert METADATA == {
        "app": "invoice-central",
        "organization_id": "org_1",
        "invoice_id": "inv_1",
        "link_id": "lnk_1",
        "attempt": "2",
    }


def test_without_a_return_address_stripe_confirms_by_itself() -> None:
    assert _request(return_url="")["after_completion"] == {"type": "hosted_confirmation"}


def test_the_idempotency_key_names_the_link_and_the_epoch() -> None:
    assert idempotency_key(link="lnk_7", epoch=3) == "icl-lnk_7-3"


def test_the_same_order_gives_the_same_bytes() -> None:
    assert json.dumps(_request()) == json.dumps(_request())
