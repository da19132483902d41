"""What a webhook's body must look like, and what each event makes us read again.

The body is a hint that something happened to an object; its content is never believed, so events may come twice, late,
in any order and in the shape of any API version.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

SESSION_EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
INTENT_EVENTS = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.canceled",
    "payment_intent.partially_funded",
)
KEPT_EVENTS = (
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.failed",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "account.updated",
    "payout.paid",
    "payout.failed",
    "payout.reconciliation_completed",
)
"""Stored raw and applied by nothing yet."""

SUBSCRIBED_EVENTS = SESSION_EVENTS + INTENT_EVENTS + KEPT_EVENTS
EVENT_TYPES_PER_LIST_MAX = 20


class MalformedStripeEvent(ValueError):
    """A body with a good signature that is not an event of Stripe's first API."""


_WORD = r"^[!-~]*$"
"""Ids and types of Stripe's are plain ASCII; Postgres could not store every other character."""


class EventObject(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: StrictStr = Field(default="", max_length=255, pattern=_WORD)


class EventData(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    object: EventObject


class StripeEventEnvelope(BaseModel):
    """The fields every event must have. ``account`` is only there when a platform receives another account's event."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: StrictStr = Field(min_length=1, max_length=255, pattern=_WORD)
    object: Literal["event"]
    type: StrictStr = Field(min_length=1, max_length=255, pattern=_WORD)
    created: StrictInt = Field(ge=0, le=2**53)
    livemode: StrictBool
    pending_webhooks: StrictInt
    account: StrictStr | None = Field(default=None, max_length=255, pattern=_WORD)
    api_version: StrictStr | None = Field(default=None, max_length=255)
    data: EventData


def read_envelope(body: bytes) -> StripeEventEnvelope:
    """Raises `MalformedStripeEvent` for anything but one JSON object with the required fields and finite numbers."""
    try:
        value: Any = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        return StripeEventEnvelope.model_validate(value)
    except ValidationError as problem:
        places = {".".join(str(part) for part in row["loc"]) or "body" for row in problem.errors(include_input=False)}
        raise MalformedStripeEvent(f"not an event: {', '.join(sorted(places))}") from None
    except (ValueError, RecursionError):
        raise MalformedStripeEvent("the body is not JSON in UTF-8") from None


@dataclass(frozen=True)
class ReadSession:
    session_id: str


@dataclass(frozen=True)
class ReadIntent:
    payment_intent_id: str


@dataclass(frozen=True)
class KeepOnly:
    """Nothing is done with it today; it stays stored."""


def what_to_read(*, event_type: str, object_id: str) -> ReadSession | ReadIntent | KeepOnly:
    if event_type in SESSION_EVENTS and object_id.startswith("cs_"):
        return ReadSession(object_id)
    if event_type in INTENT_EVENTS and object_id.startswith("pi_"):
        return ReadIntent(object_id)
    return KeepOnly()


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")
