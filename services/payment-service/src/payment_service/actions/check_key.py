"""Ask Stripe whether a key is genuine, whose it is and what it may read, before anything is stored.

Only reading calls are made, so a key that is refused leaves no trace at Stripe. What it may write cannot be asked
without doing it; the first payment link will tell.
"""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from service_kit.errors import DomainError, ErrorKind

from payment_service.domain.secret_keys import KeyForm
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.domain.stripe_objects import AccountAtStripe
from payment_service.stripe_door import Probe, StripeAccess, StripeDoor

_PERMISSIONS = {
    Probe.PAYMENT_LINKS: "rak_payment_link_read",
    Probe.CHECKOUT_SESSIONS: "rak_checkout_session_read",
    Probe.PAYMENT_INTENTS: "rak_payment_intent_read",
    Probe.EVENTS: "rak_event_read",
    Probe.WEBHOOK_ENDPOINTS: "rak_webhook_read",
}
NOTHING_CHANGED = "Nothing was changed. Please enter the key again in a minute."
_OPTIONAL = frozenset({Probe.WEBHOOK_ENDPOINTS})


class KeyRefused(DomainError):
    slug: ClassVar[str] = "key-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    title: ClassVar[str] = "Stripe does not accept this key"


class KeyLacksPermissions(DomainError):
    slug: ClassVar[str] = "key-lacks-permissions"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    title: ClassVar[str] = "The key may not do what is needed"


class StripeNotAnswering(DomainError):
    slug: ClassVar[str] = "stripe-not-answering"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    title: ClassVar[str] = "Stripe does not answer at the moment"


@dataclass(frozen=True)
class KeyFindings:
    """``account`` is None where a restricted key may not read it, which is common and no fault."""

    account: AccountAtStripe | None
    webhooks_allowed: bool


async def check_key(*, door: StripeDoor, access: StripeAccess, form: KeyForm) -> KeyFindings:
    """Raises `KeyRefused`, `KeyLacksPermissions` or `StripeNotAnswering`."""
    account = await _read_account(door, access, form)
    answers = await asyncio.gather(*(_missing(door, access, probe) for probe in Probe))
    missing = [probe for probe, lacks in zip(Probe, answers, strict=True) if lacks]
    needed = [_PERMISSIONS[probe] for probe in missing if probe not in _OPTIONAL]
    if needed:
        raise KeyLacksPermissions(
            f"The key lacks {', '.join(needed)}. Allow these in Stripe's dashboard, then enter it again.",
            pointer="/secret_key",
            facts={"missing_permissions": [_PERMISSIONS[probe] for probe in missing]},
        )
    return KeyFindings(account=account, webhooks_allowed=not missing)


async def _read_account(door: StripeDoor, access: StripeAccess, form: KeyForm) -> AccountAtStripe | None:
    try:
        return await door.read_account(access)
    except StripeFailure as failure:
        if failure.kind is FailureKind.PERMISSION_MISSING and form.kind == "restricted":
            return None
        raise _as_domain_error(failure) from None


async def _missing(door: StripeDoor, access: StripeAccess, probe: Probe) -> bool:
    try:
        await door.probe(access, probe)
    except StripeFailure as failure:
        if failure.kind is FailureKind.PERMISSION_MISSING:
            return True
        raise _as_domain_error(failure) from None
    return False


def _as_domain_error(failure: StripeFailure) -> DomainError:
    if failure.maybe_later:
        return StripeNotAnswering(NOTHING_CHANGED)
    return KeyRefused(
        "The key is wrong, expired or revoked. Copy it again from Stripe's dashboard under Developers, API keys.",
        pointer="/secret_key",
    )
