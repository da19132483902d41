"""The one request that makes a payment link: a single line with the exact amount, limited to one completed payment.

It is built once, frozen as text and sent byte for byte on every try, because the same idempotency key with other
parameters is refused by Stripe.
"""

import json
from typing import Any

APP_NAME = "invoice-central"
_NAME_LENGTH_MAX = 250
_DESCRIPTION_LENGTH_MAX = 1000


def link_metadata(*, organization: str, invoice: str, link: str, attempt: int) -> dict[str, str]:
    """What a person sees at Stripe, and what an adoption scan recognises; never what a payment is matched by."""
    return {
        "app": APP_NAME,
        "organization_id": organization,
        "invoice_id": invoice,
        "link_id": link,
        "attempt": str(attempt),
    }


def frozen_link_request(
    *,
    stripe_amount: int,
    currency: str,
    invoice_number: str,
    description: str,
    return_url: str,
    metadata: dict[str, str],
) -> str:
    """``stripe_amount`` is in Stripe's own minor units. The answer is JSON with sorted keys."""
    name = f"Invoice {invoice_number}"
    request: dict[str, Any] = {
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency.lower(),
                    "unit_amount": stripe_amount,
                    "product_data": {"name": name[:_NAME_LENGTH_MAX]},
                },
            }
        ],
        "metadata": metadata,
        "payment_intent_data": {
            "metadata": metadata,
            "description": (description or name)[:_DESCRIPTION_LENGTH_MAX],
        },
        "restrictions": {"completed_sessions": {"limit": 1}},
        "inactive_message": f"{name} can no longer be paid here. Please use the address in your latest mail.",
        "after_completion": _after_completion(return_url),
    }
    return json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def idempotency_key(*, link: str, epoch: int) -> str:
    """``link`` is the link's text id; a new ``epoch`` begins only after a scan found nothing at Stripe."""
    return f"icl-{link}-{epoch}"


def _after_completion(return_url: str) -> dict[str, Any]:
    if not return_url:
        return {"type": "hosted_confirmation"}
    return {"type": "redirect", "redirect": {"url": return_url}}
