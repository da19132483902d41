"""The token in an invoice's durable address: it names organisation, invoice and generation and proves that we made it.

It is an HMAC under a key of its own over exactly what it names, so nothing is stored, it can be mailed again at will,
and raising the invoice's generation revokes every copy.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from uuid import UUID

from service_kit.errors import DomainError, ErrorKind

_FORMAT = b"\x01"
_PROOF_BYTES = 16
_CLAIM_BYTES = 1 + 16 + 16 + 4
_TEXT_LENGTH = 71
_PURPOSE = b"invoice-page:"


class PageTokenInvalid(DomainError):
    slug = "page-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such page"


@dataclass(frozen=True)
class PageClaim:
    organization_id: UUID
    invoice_id: UUID
    generation: int


@dataclass(frozen=True)
class PageAddresses:
    """Makes the durable addresses of invoices. ``public_url`` has no slash at its end."""

    public_url: str
    secret: str = field(repr=False)

    def address_of(self, *, organization_id: UUID, invoice_id: UUID, generation: int) -> str:
        token = make_page_token(
            secret=self.secret, organization_id=organization_id, invoice_id=invoice_id, generation=generation
        )
        return f"{self.public_url.rstrip('/')}/i/{token}"


def make_page_token(*, secret: str, organization_id: UUID, invoice_id: UUID, generation: int) -> str:
    """URL-safe text of 71 characters; the same inputs always give the same token."""
    claim = _FORMAT + organization_id.bytes + invoice_id.bytes + generation.to_bytes(4, "big")
    return base64.urlsafe_b64encode(claim + _proof(secret, claim)).decode().rstrip("=")


def read_page_token(*, secret: str, token: str) -> PageClaim:
    """What a token names. Raises the same `PageTokenInvalid` for every kind of wrong token.

    The caller still compares the generation with the invoice's.
    """
    raw = _decoded(token)
    claim, proof = raw[:_CLAIM_BYTES], raw[_CLAIM_BYTES:]
    if not hmac.compare_digest(proof, _proof(secret, claim)) or claim[:1] != _FORMAT:
        raise PageTokenInvalid("the address is not valid; ask the sender for a new one")
    return PageClaim(UUID(bytes=claim[1:17]), UUID(bytes=claim[17:33]), int.from_bytes(claim[33:37], "big"))


def _decoded(token: str) -> bytes:
    try:
        raw = base64.b64decode(token + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    canonical = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    if len(token) != _TEXT_LENGTH or canonical != token:
        raise PageTokenInvalid("the address is not valid; ask the sender for a new one")
    return raw


def _proof(secret: str, claim: bytes) -> bytes:
    if not secret:
        raise ValueError("the secret for page tokens is empty")
    return hmac.new(secret.encode(), _PURPOSE + claim, hashlib.sha256).digest()[:_PROOF_BYTES]
