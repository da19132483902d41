"""The only door to payment-service's private listener, for what a person waits for: the Stripe key of an organisation.

The key passes through in one request body and is kept nowhere here. What payment-service refuses is refused with the
same code; what it cannot answer is *not available*, and nothing was saved.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from contracts.catalogue import Service
from contracts.events.payment import StripeConnectionChanged
from contracts.ids import format_id
from pydantic import ValidationError
from service_kit import correlation, crash_points
from service_kit.clock import Clock
from service_kit.errors import DomainError, ErrorKind, Unavailable
from service_kit.log_setup import get_logger
from service_kit.service_tokens import sign

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 30.0
ANSWER_BYTES_MAX = 65_536
_DETAIL_MAX = 500


class PaymentServiceUnavailable(Unavailable):
    slug = "payment-service-unavailable"
    title = "The payment service does not answer"


class StripeSettingRefused(DomainError):
    """A refusal without a name of its own here; ``facts`` hold payment-service's code."""

    slug = "stripe-setting-refused"
    kind = ErrorKind.INVALID
    title = "The Stripe setting was refused"


class KeyRefused(StripeSettingRefused):
    slug = "key-refused"
    title = "Stripe does not accept the key"


class KeyWrongKind(StripeSettingRefused):
    slug = "key-wrong-kind"
    title = "This is not a key that can be used"


class KeyLacksPermissions(StripeSettingRefused):
    slug = "key-lacks-permissions"
    title = "The key lacks permissions"


class LiveKeyInSandbox(StripeSettingRefused):
    slug = "live-key-in-sandbox"
    title = "A live key does not belong in a sandbox"


class AnotherAccountHasOpenLinks(StripeSettingRefused):
    slug = "another-account-has-open-links"
    kind = ErrorKind.CONFLICT
    title = "The key belongs to another Stripe account"


class ConnectionChangedMeanwhile(StripeSettingRefused):
    slug = "connection-changed-meanwhile"
    kind = ErrorKind.CONFLICT
    title = "Somebody else changed the key at the same moment"


class StripeNotAnswering(StripeSettingRefused):
    slug = "stripe-not-answering"
    kind = ErrorKind.UNAVAILABLE
    title = "Stripe does not answer"


_REFUSALS: Mapping[str, type[StripeSettingRefused]] = {
    refusal.slug: refusal
    for refusal in (
        KeyRefused,
        KeyWrongKind,
        KeyLacksPermissions,
        LiveKeyInSandbox,
        AnotherAccountHasOpenLinks,
        ConnectionChangedMeanwhile,
        StripeNotAnswering,
    )
}


@dataclass(frozen=True)
class PaymentGateway:
    """``base_url`` is payment-service's private listener, ``token_secret`` what its callers sign with."""

    base_url: str
    token_secret: str = field(repr=False)
    clock: Clock

    async def set_secret_key(self, *, organization_id: UUID, secret_key: str, actor: str) -> StripeConnectionChanged:
        """The connection's new picture. Safe to repeat with the same key.

        Raises `PaymentServiceUnavailable` when nobody knows or nothing was saved, else a `StripeSettingRefused`.
        """
        organization = format_id("org", organization_id)
        answer = await self._put(
            path=f"/internal/organizations/{organization}/stripe/secret-key",
            body={"secret_key": secret_key},
            organization_id=organization_id,
            actor=actor,
        )
        if answer.status_code != httpx.codes.OK:
            raise _refusal(answer, secret_key)
        return _picture(answer, organization_id)

    async def _put(self, *, path: str, body: Mapping[str, str], organization_id: UUID, actor: str) -> httpx.Response:
        token = sign(
            secret=self.token_secret,
            issuer=Service.INVOICE.value,
            audience=Service.PAYMENT.value,
            organization_id=organization_id,
            actor=actor,
            now=self.clock.now(),
        )
        headers = {"authorization": f"Bearer {token}", **correlation.outgoing_headers()}
        timeout = httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS)
        crash_points.reached("invoice.before_payment_service_call")
        try:
            async with httpx.AsyncClient(base_url=self.base_url, timeout=timeout, trust_env=False) as client:
                answer = await client.put(path, json=dict(body), headers=headers)
        except httpx.HTTPError as problem:
            get_logger("payment_gateway").warning("payment-service did not answer", problem=type(problem).__name__)
            raise PaymentServiceUnavailable("nothing was saved; try again in a moment") from None
        crash_points.reached("invoice.after_payment_service_call")
        return answer


def _picture(answer: httpx.Response, organization_id: UUID) -> StripeConnectionChanged:
    try:
        picture = StripeConnectionChanged.model_validate_json(answer.content[:ANSWER_BYTES_MAX])
    except ValidationError:
        raise PaymentServiceUnavailable("it answered in a form that is not understood") from None
    if picture.organization_id != organization_id:
        raise PaymentServiceUnavailable("it answered about another organisation")
    return picture


def _refusal(answer: httpx.Response, secret_key: str) -> DomainError:
    """Payment-service's own words where they are plainly a problem of ours, and never with the key in them."""
    problem = _problem(answer)
    code, detail = str(problem.get("code", "")), str(problem.get("detail", ""))[:_DETAIL_MAX]
    kind = _REFUSALS.get(code)
    if kind is None and answer.status_code not in (httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY):
        get_logger("payment_gateway").warning("payment-service answered oddly", status=answer.status_code)
        return PaymentServiceUnavailable("nothing was saved; try again in a moment")
    if not detail or secret_key in detail:
        detail = "the key was not accepted; nothing was saved"
    facts = {"code": code} if re.fullmatch(r"[a-z0-9-]{1,60}", code) else {}
    return (kind or StripeSettingRefused)(detail, pointer="/secret_key", facts=facts)


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return {}
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
