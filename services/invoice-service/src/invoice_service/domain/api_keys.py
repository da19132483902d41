"""The text of an API key, ``ic_test_<id>_<43 characters>``, and the proof that is stored instead of it.

What is stored is an HMAC under a pepper that is not in the database, so a stolen database opens no door.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from uuid import UUID

from contracts.ids import MalformedId, format_id, parse_id

from invoice_service.domain.permissions import Scope

LIVE_PREFIX = "ic_live"
TEST_PREFIX = "ic_test"
SECRET_BYTES = 32
SCOPES = frozenset(scope.value for scope in Scope)
_TEXT = re.compile(r"(ic_live|ic_test)_([0-9a-z]{26})_([A-Za-z0-9_-]{43})")


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
