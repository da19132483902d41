"""Short-lived signed tokens with which one service calls another for one organisation and one actor.

Each audience has secrets of its own, written as one comma-separated list: the first signs, all verify. So a secret is
replaced without a refused call, and whoever may call one service cannot call another with what it knows.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import GuestProtocol, OctKey

from service_kit.errors import Unauthenticated

LIFETIME_SECONDS = 60
CLOCK_SKEW_SECONDS = 5
SECRET_LENGTH_MIN = 32
TYPE = "ic-service+jwt"
_ALGORITHM = "HS256"
_KEY_ID_LABEL = b"service-token-key-id:"
_REFUSED = "the service token is missing, malformed, expired, or not meant for this service"


class WeakSecret(ValueError):
    """A listed secret is blank or too short to sign with; the message never holds it."""


@dataclass(frozen=True)
class ServiceCaller:
    issuer: str
    organization_id: UUID
    actor: str


def sign(*, secret: str, issuer: str, audience: str, organization_id: UUID, actor: str, now: datetime) -> str:
    """A token for ``audience``, good for `LIFETIME_SECONDS` from ``now``, signed with the first of its secrets.

    Raises `WeakSecret`.
    """
    signing = listed_secrets(secret)[0]
    issued = int(now.timestamp())
    claims = {
        "iss": issuer,
        "aud": audience,
        "org": str(organization_id),
        "act": actor,
        "iat": issued,
        "exp": issued + LIFETIME_SECONDS,
    }
    header = {"alg": _ALGORITHM, "typ": TYPE, "kid": _key_id(signing)}
    return jwt.encode(header, claims, OctKey.import_key(signing.encode()), algorithms=[_ALGORITHM])


def verify(token: str, *, secret: str, audience: str, issuers: frozenset[str], now: datetime) -> ServiceCaller:
    """Who calls. Raises `Unauthenticated` for anything but a token of one of ``issuers``, for us and alive."""
    keys = {_key_id(each): OctKey.import_key(each.encode()) for each in listed_secrets(secret)}
    try:
        opened = jwt.decode(token, lambda signed: _named_key(signed, keys), algorithms=[_ALGORITHM])
        claims, kind = opened.claims, opened.header.get("typ")
        caller = ServiceCaller(
            issuer=str(claims["iss"]), organization_id=UUID(str(claims["org"])), actor=str(claims["act"])
        )
        issued, expires = int(claims["iat"]), int(claims["exp"])
    except (JoseError, KeyError, ValueError, TypeError):
        raise Unauthenticated(_REFUSED) from None
    moment = now.timestamp()
    alive = issued - CLOCK_SKEW_SECONDS <= moment < min(expires, issued + LIFETIME_SECONDS) + CLOCK_SKEW_SECONDS
    if kind != TYPE or claims.get("aud") != audience or caller.issuer not in issuers or not alive:
        raise Unauthenticated(_REFUSED)
    return caller


def listed_secrets(text: str) -> tuple[str, ...]:
    """The secrets of a comma-separated list, the signing one first. Raises `WeakSecret` if one of them is."""
    listed = tuple(each.strip() for each in text.split(","))
    if any(len(each) < SECRET_LENGTH_MIN for each in listed):
        raise WeakSecret(f"each service token secret needs at least {SECRET_LENGTH_MIN} characters")
    return listed


def _key_id(secret: str) -> str:
    """Names a secret in a token's header, so that verifying is one try; it gives nothing of the secret away."""
    return hashlib.sha256(_KEY_ID_LABEL + secret.encode()).hexdigest()[:8]


def _named_key(signed: GuestProtocol, keys: Mapping[str, OctKey]) -> OctKey:
    key = keys.get(str(signed.headers().get("kid")))
    if key is None:
        raise InvalidKeyIdError
    return key
