"""One byte sequence per value: sorted keys, no white space, UTF-8. What is hashed here can be hashed again anywhere."""

import hashlib
import json

from pydantic import BaseModel


def canonical_json(value: BaseModel) -> bytes:
    """The JSON form of ``value``, keys sorted, no white space: the rules of RFC 8785 that strings and integers need."""
    return json.dumps(
        value.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def canonical_sha256(value: BaseModel) -> str:
    """Lower-case hex of the SHA-256 of `canonical_json`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
