"""The text of an API key, ``ic_test_<id>_<43 characters>``, the proof that is stored instead of it, and how keys end.

What is stored is an HMAC under a pepper that is not in the database, so a stolen database opens no door.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from contracts.ids import MalformedId, format_id, parse_id
from service_kit.errors import DomainError, ErrorKind

from invoice_service.domain.permissions import OF_SCOPE, Permission, Scope

LIVE_PREFIX = "ic_live"
TEST_PREFIX = "ic_test"
SECRET_BYTES = 32
SCOPES = frozenset(scope.value for scope in Scope)
EXPIRING_WITHIN = timedelta(days=7)
_TEXT = re.compile(r"(ic_live|ic_test)_([0-9a-z]{26})_([A-Za-z0-9_-]{43})")


class KeyStatus(StrEnum):
    ACTIVE = "active"
    EXPIRING = "expiring"
    """It still opens the door and ends within `EXPIRING_WITHIN`, as every key does that was rolled."""
    EXPIRED = "expired"
    REVOKED = "revoked"


class ScopesUnknown(DomainError):
    slug = "scopes-unknown"
    kind = ErrorKind.INVALID
    title = "The scopes of an API key are read, write and admin"


class ScopesNotHeld(DomainError):
    """``facts`` has the scopes that the caller cannot give away."""

    slug = "scopes-not-held"
    kind = ErrorKind.FORBIDDEN
    title = "Nobody gives away more than they may do themselves"


class ExpiryPassed(DomainError):
    slug = "expiry-passed"
    kind = ErrorKind.INVALID
    title = "A new key must end in the future"


class ApiKeyNotFound(DomainError):
    slug = "api-key-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such API key"


class ApiKeyOver(DomainError):
    slug = "api-key-over"
    kind = ErrorKind.CONFLICT
    title = "The API key has ended"


class ApiKeyRolled(DomainError):
    """``facts`` has the key that replaces it."""

    slug = "api-key-rolled"
    kind = ErrorKind.CONFLICT
    title = "The API key was rolled before"


@dataclass(frozen=True)
class KeyClaim:
    prefix: str
    key_id: UUID


def key_text(*, prefix: str, key_id: UUID, secret: str) -> str:
    """``secret`` is `SECRET_BYTES` random bytes as URL-safe base 64 without padding: 43 characters."""
    return f"{prefix}_{format_id('key', key_id).removeprefix('key_')}_{secret}"


def read_key_text(text: str) -> KeyClaim | None:
    """What a key says of itself, unproven; None when it is not a key of ours."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    try:
        return KeyClaim(prefix=found[1], key_id=parse_id("key", f"key_{found[2]}"))
    except MalformedId:
        return None


def key_proof(*, text: str, pepper: str) -> bytes:
    """The 32 bytes to store and to compare. Raises `ValueError` without a pepper."""
    if not pepper:
        raise ValueError("the pepper for API keys is empty")
    return hmac.digest(pepper.encode(), text.encode(), hashlib.sha256)


def proofs_match(stored: bytes, given: bytes) -> bool:
    """In a time that does not depend on where they differ."""
    return hmac.compare_digest(stored, given)


def check_scopes(wanted: Iterable[str]) -> tuple[Scope, ...]:
    """Each once and in one order. Raises `ScopesUnknown`."""
    given = frozenset(wanted)
    if not given or not given <= SCOPES:
        raise ScopesUnknown("give one or more of read, write and admin", pointer="/scopes")
    return tuple(sorted(Scope(scope) for scope in given))


def check_may_give(scopes: Iterable[Scope], *, own: frozenset[Permission]) -> None:
    """Raises `ScopesNotHeld`, which names the scopes of which ``own`` does not hold every permission."""
    lacking = [scope.value for scope in scopes if not OF_SCOPE[scope] <= own]
    if lacking:
        raise ScopesNotHeld(f"the caller itself lacks: {', '.join(lacking)}", facts={"scopes": lacking})


def status_of_key(*, revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> KeyStatus:
    if revoked_at is not None:
        return KeyStatus.REVOKED
    if expires_at is None or expires_at - now > EXPIRING_WITHIN:
        return KeyStatus.ACTIVE
    return KeyStatus.EXPIRING if expires_at > now else KeyStatus.EXPIRED
