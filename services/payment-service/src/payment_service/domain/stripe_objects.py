"""The few fields of Stripe's objects that decide something here, checked when they are read.

Unknown fields are ignored and every object is read with the API version that the library pins, so a new field or an
older payload changes nothing. A missing or wrongly typed field that matters is refused at once.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_SESSION_FIELDS = (
    "id",
    "status",
    "payment_status",
    "amount_total",
    "currency",
    "created",
    "livemode",
    "metadata",
)


_FAILED_INTENT_STATUSES = frozenset({"requires_payment_method", "canceled"})


class StripeObject(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class AccountAtStripe(StripeObject):
    id: str
    name: str = ""
    country: str = ""
    default_currency: str = ""


class LinkAtStripe(StripeObject):
    id: str
    url: str
    active: bool
    metadata: dict[str, str] = Field(default_factory=dict)


class ChargeAtStripe(StripeObject):
    id: str
    created: int = 0
    method: str = ""


class IntentAtStripe(StripeObject):
    """``status`` is empty where Stripe named the intent without expanding it."""

    id: str
    status: str = ""
    charge: ChargeAtStripe | None = None


class SessionAtStripe(StripeObject):
    """One checkout session. ``amount_total`` is in ``currency``, ours, whatever currency the payer was shown."""

    id: str
    status: str
    payment_status: str
    payment_link: str = ""
    payment_intent: IntentAtStripe | None = None
    amount_total: int | None = None
    currency: str = ""
    created: int = 0
    livemode: bool = False
    metadata: dict[str, str] = Field(default_factory=dict)
    raw: dict[str, Any] = Field(default_factory=dict, repr=False)
    """The object as it was read, kept for good beside what was made of it."""

    @property
    def paid(self) -> bool:
        return self.payment_status == "paid"

    @property
    def in_flight(self) -> bool:
        """Complete but not yet paid: a bank debit is under way and may still arrive or fail."""
        return self._complete_and_unpaid and not self.failed

    @property
    def failed(self) -> bool:
        """Complete, and its delayed payment came to nothing. Stripe leaves such a session unpaid for ever; only the
        intent tells. An intent whose status is unknown counts as under way."""
        intent = self.payment_intent
        return self._complete_and_unpaid and intent is not None and intent.status in _FAILED_INTENT_STATUSES

    @property
    def _complete_and_unpaid(self) -> bool:
        return self.status == "complete" and self.payment_status == "unpaid"


class EndpointAtStripe(StripeObject):
    """``secret`` is said once, in the answer to the creation, and empty ever after."""

    id: str
    url: str
    status: str = "enabled"
    secret: str = Field(default="", repr=False)


class EventAtStripe(StripeObject):
    id: str
    type: str
    created: int
    livemode: bool
    account: str = ""
    body: bytes = Field(default=b"", repr=False)
    """The event as JSON, stored like the body of a webhook."""


def session_from(data: dict[str, Any]) -> SessionAtStripe:
    """Read a session with or without its expanded payment intent. Raises pydantic's ``ValidationError``."""
    return SessionAtStripe.model_validate(
        {
            **_present(
                data, "id", "status", "payment_status", "amount_total", "currency", "created", "livemode", "metadata"
            ),
            "payment_link": _id_of(data.get("payment_link")),
            "payment_intent": _intent_from(data.get("payment_intent")),
            "raw": data,
        }
    )


def link_from(data: dict[str, Any]) -> LinkAtStripe:
    return LinkAtStripe.model_validate(_present(data, "id", "url", "active", "metadata"))


def account_from(data: dict[str, Any]) -> AccountAtStripe:
    profile = data.get("business_profile") or {}
    dashboard = (data.get("settings") or {}).get("dashboard") or {}
    name = profile.get("name") or dashboard.get("display_name") or data.get("email") or ""
    return AccountAtStripe.model_validate({**_present(data, "id", "country", "default_currency"), "name": name})


def endpoint_from(data: dict[str, Any]) -> EndpointAtStripe:
    return EndpointAtStripe.model_validate(_present(data, "id", "url", "status", "secret"))


def event_from(data: dict[str, Any], *, body: bytes) -> EventAtStripe:
    return EventAtStripe.model_validate(
        {**_present(data, "id", "type", "created", "livemode", "account"), "body": body}
    )


def _intent_from(value: object) -> IntentAtStripe | None:
    if isinstance(value, str):
        return IntentAtStripe(id=value)
    if not isinstance(value, dict):
        return None
    return IntentAtStripe(
        id=value["id"], status=value.get("status") or "", charge=_charge_from(value.get("latest_charge"))
    )


def _charge_from(value: object) -> ChargeAtStripe | None:
    if isinstance(value, str):
        return ChargeAtStripe(id=value)
    if not isinstance(value, dict):
        return None
    method = (value.get("payment_method_details") or {}).get("type") or ""
    return ChargeAtStripe(id=value["id"], created=value.get("created") or 0, method=method)


def _id_of(value: object) -> str:
    if isinstance(value, dict):
        return str(value.get("id") or "")
    return value if isinstance(value, str) else ""


def _present(data: dict[str, Any], *names: str) -> dict[str, Any]:
    """The named fields that are there and not null; Stripe says null where a text is empty."""
    return {name: data[name] for name in names if data.get(name) is not None}
