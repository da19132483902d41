"""The place where a page of a list ends, as opaque text that only we can make.

It is bound to the organisation, the list and its filters, so a changed or borrowed cursor is refused, not guessed at.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import HTTPException

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROOF_BYTES = 10
_PLACE_BYTES = 8 + 16
_PURPOSE = b"list-cursor:"


@dataclass(frozen=True)
class CursorMaker:
    """``context`` names organisation, list and filters."""

    secret: str
    context: str

    def write(self, created_at: datetime, row_id: UUID) -> str:
        microseconds = (created_at - _EPOCH) // timedelta(microseconds=1)
        place = microseconds.to_bytes(8, "big", signed=True) + row_id.bytes
        return base64.urlsafe_b64encode(place + self._proof(place)).decode().rstrip("=")

    def read(self, text: str | None) -> tuple[datetime, UUID] | None:
        """Raises 400 for a cursor that we did not make for this list."""
        if text is None:
            return None
        raw = _decoded(text)
        place, proof = raw[:_PLACE_BYTES], raw[_PLACE_BYTES:]
        if len(raw) != _PLACE_BYTES + _PROOF_BYTES or not hmac.compare_digest(proof, self._proof(place)):
            raise HTTPException(400, "the cursor is not one of this list; start again without it")
        created_at = _EPOCH + timedelta(microseconds=int.from_bytes(place[:8], "big", signed=True))
        return created_at, UUID(bytes=place[8:])

    def _proof(self, place: bytes) -> bytes:
        message = _PURPOSE + len(self.context).to_bytes(4, "big") + self.context.encode() + place
        return hmac.digest(self.secret.encode(), message, hashlib.sha256)[:_PROOF_BYTES]


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if base64.urlsafe_b64encode(raw).decode().rstrip("=") == text else b""
