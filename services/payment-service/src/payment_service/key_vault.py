"""Secrets at rest: AES-256-GCM under a key of each organisation, which itself is wrapped by the operator's master key.

A ciphertext is bound to its organisation, purpose, key and row, so a copy moved to another row cannot be opened; and
without the master key a dump of the database opens nothing.
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = "v1"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class SecretUnreadable(Exception):
    """The ciphertext does not open: wrong master key, another row's text, or damage. Holds no secret."""


class MasterKeyUnknown(SecretUnreadable):
    """No master key of this id is at hand."""

    def __init__(self, kid: str) -> None:
        super().__init__(f"the master key {kid!r} that wrapped this data key is not configured")


class MasterKeysMalformed(ValueError):
    """The master keys cannot be used as they are given; the message names the remedy and never the key."""


@dataclass(frozen=True)
class MasterKeys:
    """The operator's keys by id. New data keys are wrapped by ``current``; the others still open what they wrapped."""

    current: str
    keys: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class DataKey:
    """One organisation's own key, open in memory only while it is used."""

    organization_id: UUID
    key_id: UUID
    key: bytes = field(repr=False)


def read_master_keys(text: str) -> MasterKeys:
    """Read ``kid:base64[,kid:base64]``; the first is current. Raises `MasterKeysMalformed`."""
    entries = [piece.strip() for piece in text.split(",") if piece.strip()]
    if not entries:
        raise MasterKeysMalformed("IC_MASTER_KEYS is empty; set it to k1: and the base64 of 32 random bytes")
    return _master_keys(entries)


def read_keyring_text(text: str) -> MasterKeys:
    """Read one ``kid:base64`` a line; the first is current, and lines that are empty or begin with # say nothing.

    Raises `MasterKeysMalformed`.
    """
    entries = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    if not entries:
        raise MasterKeysMalformed("the keyring holds no key; a line is k1: and the base64 of 32 random bytes")
    return _master_keys(entries)


def key_line(kid: str, key: bytes) -> str:
    """One master key as `read_keyring_text` reads it, without the end of the line."""
    return f"{kid}:{base64.b64encode(key).decode()}"


def new_master_key() -> bytes:
    return secrets.token_bytes(_KEY_BYTES)


def new_data_key(*, organization_id: UUID, key_id: UUID) -> DataKey:
    return DataKey(organization_id=organization_id, key_id=key_id, key=secrets.token_bytes(_KEY_BYTES))


def wrap_data_key(data_key: DataKey, *, master_keys: MasterKeys) -> str:
    bound_to = f"{data_key.organization_id}|data-key|{master_keys.current}|{data_key.key_id}"
    return _seal(data_key.key, key=master_keys.keys[master_keys.current], kid=master_keys.current, bound_to=bound_to)


def unwrap_data_key(wrapped: str, *, organization_id: UUID, key_id: UUID, master_keys: MasterKeys) -> DataKey:
    """Raises `SecretUnreadable`, as `MasterKeyUnknown` when the master key that wrapped it is not configured."""
    kid = wrapping_key_id(wrapped)
    master = master_keys.keys.get(kid)
    if master is None:
        raise MasterKeyUnknown(kid)
    key = _open(wrapped, key=master, bound_to=f"{organization_id}|data-key|{kid}|{key_id}")
    return DataKey(organization_id=organization_id, key_id=key_id, key=key)


def wrapping_key_id(wrapped: str) -> str:
    """The id of the master key that wrapped a data key. Raises `SecretUnreadable`."""
    return _parts(wrapped)[0]


def seal(secret: str, *, data_key: DataKey, purpose: str, row_id: UUID) -> str:
    """``v1:kid:nonce:ciphertext``; opens only with the same key, purpose and row."""
    return _seal(
        secret.encode(), key=data_key.key, kid=str(data_key.key_id), bound_to=_bound_to(data_key, purpose, row_id)
    )


def unseal(text: str, *, data_key: DataKey, purpose: str, row_id: UUID) -> str:
    """Raises `SecretUnreadable`."""
    return _open(text, key=data_key.key, bound_to=_bound_to(data_key, purpose, row_id)).decode()


def sealed_key_id(text: str) -> UUID:
    """Which data key sealed ``text``. Raises `SecretUnreadable`."""
    try:
        return UUID(_parts(text)[0])
    except ValueError:
        raise SecretUnreadable("the sealed text names no data key") from None


def _bound_to(data_key: DataKey, purpose: str, row_id: UUID) -> str:
    return f"{data_key.organization_id}|{purpose}|{data_key.key_id}|{row_id}"


def _seal(plain: bytes, *, key: bytes, kid: str, bound_to: str) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    ciphertext = AESGCM(key).encrypt(nonce, plain, bound_to.encode())
    return f"{_VERSION}:{kid}:{_encoded(nonce)}:{_encoded(ciphertext)}"


def _open(text: str, *, key: bytes, bound_to: str) -> bytes:
    _, nonce, ciphertext = _parts(text)
    try:
        return AESGCM(key).decrypt(
            base64.urlsafe_b64decode(nonce), base64.urlsafe_b64decode(ciphertext), bound_to.encode()
        )
    except (InvalidTag, ValueError):
        raise SecretUnreadable("the sealed text does not open for this row") from None


def _parts(text: str) -> tuple[str, str, str]:
    parts = text.split(":")
    if len(parts) != 4 or parts[0] != _VERSION:
        raise SecretUnreadable("the sealed text has an unknown form")
    return parts[1], parts[2], parts[3]


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode()


def _master_keys(entries: Sequence[str]) -> MasterKeys:
    keys: dict[str, bytes] = {}
    for entry in entries:
        kid, _, encoded = entry.partition(":")
        if not kid.isidentifier() or kid in keys:
            raise MasterKeysMalformed("each master key needs an id of its own of letters, digits and _, as in k1:…")
        keys[kid] = _decoded_key(encoded)
    return MasterKeys(current=next(iter(keys)), keys=keys)


def _decoded_key(encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise MasterKeysMalformed("a master key is the base64 of 32 bytes; make one with: openssl rand -base64 32")
    return key
