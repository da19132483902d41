"""Secrets do not reach a log line: known shapes are replaced wherever they stand, as is all under a telling key."""

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
_DEPTH_MAX = 8

_TELLING_KEY = re.compile(
    r"(?i)(pass(word|wd|phrase)|secret|token|authorization|api[_-]?key|cookie|pepper|master[_-]?key|private[_-]?key|signature)"
)
_HARMLESS_KEYS = frozenset({"lease_token", "secret_kind", "key_kind"})
_SHAPES = (
    re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]+"),
    re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]+"),
    re.compile(r"\bic_[A-Za-z0-9]+_[A-Za-z0-9_-]{8,}"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"),
    re.compile(r"(?<=/i/)[A-Za-z0-9_-]{60,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
)
_URL_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")
_HEADER_LINE = re.compile(
    r"(?i)(authorization|idempotency-secret|x-api-key|cookie|stripe-signature)(['\"]?\s*[:=]\s*)(b?['\"])?[^'\",}\])\n]+"
)


def redact_text(text: str) -> str:
    """``text`` without anything that looks like a key, a token, an authorisation header or a password in a URL."""
    for shape in _SHAPES:
        text = shape.sub(REDACTED, text)
    text = _URL_PASSWORD.sub(rf"\1{REDACTED}@", text)
    return _HEADER_LINE.sub(rf"\1\2\3{REDACTED}", text)


def redact(value: Any, *, depth: int = 0) -> Any:
    """A copy of ``value`` that may be logged; keys decide first, then shapes."""
    if depth > _DEPTH_MAX:
        return REDACTED
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        return {key: _under_key(str(key), item, depth=depth) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth=depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact_text(str(value))


def _under_key(key: str, value: Any, *, depth: int) -> Any:
    if value and key not in _HARMLESS_KEYS and _TELLING_KEY.search(key):
        return REDACTED
    return redact(value, depth=depth + 1)
