"""Short-lived signed tokens with which one service calls another for one organisation and one actor."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from service_kit.errors import Unauthenticated
from service_kit.settings import SERVICE_TOKEN_SECRET_LENGTH_MIN

LIFETIME_SECONDS = 60
CLOCK_SKEW_SECONDS = 5
_ALGORITHM = "HS256"
_REFUSED = "the service token is missing, malformed, expired, or not meant for this service"


class WeakSecret(ValueError):
    """The shared secret is too short to sign with."""


@dataclass(frozen=True)
class ServiceCaller:
    issuer: str
    organization_id: UUID
    actor: str


def sign(*, secret: str, issuer: str, audience: str, organization_id: UUID, actor: str, now: datetime) -> str:
    """A token for ``audience``, good for `LIFETIME_SECONDS` from ``now``."""
    issued = int(now.timestamp())
    claims = {
        "iss": issuer,
        "aud": audience,
        "org": str(organization_id),
        "act": actor,
        "iat": issued,
        "exp": issued + LIFETIME_SECONDS,
    }
    return jwt.encode({"alg": _ALGORITHM}, claims, _key(secret), algorithms=[_ALGORITHM])


def verify(token: str, *, secret: str, audience: str, now: datetime) -> ServiceCaller:
    """Who calls. Raises `Unauthenticated` for anything but a token that is ours, for us and alive."""
    try:
        claims = jwt.decode(token, _key(secret), algorithms=[_ALGORITHM]).claims
        caller = ServiceCaller(
            issuer=str(claims["iss"]), organization_id=UUID(str(claims["org"])), actor=str(claims["act"])
        )
        issued, expires = int(claims["iat"]), int(claims["exp"])
    except (JoseError, KeyError, ValueError, TypeError):
        raise Unauthenticated(_REFUSED) from None
    moment = now.timestamp()
    alive = issued - CLOCK_SKEW_SECONDS <= moment < min(expires, issued + LIFETIME_SECONDS) + CLOCK_SKEW_SECONDS
    if claims.get("aud") != audience or not alive:
        raise Unauthenticated(_REFUSED)
    return caller


def _key(secret: str) -> OctKey:
    if len(secret) < SERVICE_TOKEN_SECRET_LENGTH_MIN:
        raise WeakSecret(f"the service token secret needs at least {SERVICE_TOKEN_SECRET_LENGTH_MIN} characters")
    return OctKey.import_key(secret.encode())
