"""Looks for known secrets in a text: any twelve characters in a row of any form in which a secret could be written.

A form is the secret itself, its hex, its base64 at each of the three offsets it can have inside something longer, as it
stands in an address, in HTML and in JSON, and a digest of it without a key, from which a short secret can be guessed.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

ROW = 12
_STEP = ROW // 2
_DIGESTS = (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha512)
_PUBLIC_BEGINNING = re.compile(r"^(ic_(live|test)_[0-9a-z]{26}_|ic_[a-z]+_|(sk|rk)_(live|test)_|whsec_)")


@dataclass(frozen=True)
class Canary:
    """One secret. What of it anybody may see, such as ``sk_test_`` and an API key's id, is not looked for."""

    kind: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.hidden) < ROW:
            raise ValueError(f"too short to be told from chance: {self.kind}")

    @property
    def hidden(self) -> bytes:
        return _PUBLIC_BEGINNING.sub("", self.secret.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def canary(kind: str, text: str) -> Canary:
    return Canary(kind, text.encode())


class Watch:
    """Everything that is looked for, by what it is part of."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self.kinds: dict[str, set[str]] = {}
        for one in canaries:
            for form in forms(one):
                for start in range(len(form) - ROW + 1):
                    self.kinds.setdefault(form[start : start + ROW], set()).add(one.kind)
        self._beginnings = {row[start : start + _STEP] for row in self.kinds for start in range(_STEP + 1)}

    def found_in(self, text: str) -> set[str]:
        """The kinds of secret of which ``text`` holds a row. Each row spans one of the pieces that are looked at."""
        found: set[str] = set()
        for start in range(0, len(text) - _STEP + 1, _STEP):
            if text[start : start + _STEP] in self._beginnings:
                for row in range(max(0, start - _STEP), start + 1):
                    found |= self.kinds.get(text[row : row + ROW], set())
        return found


def forms(one: Canary) -> set[str]:
    whole = {one.secret, one.hidden}
    digests = {digest(secret).digest() for secret in whole for digest in _DIGESTS}
    written = set(_as_text(one.hidden.decode(errors="replace"))) if _is_text(one.hidden) else set()
    return {form for secret in (one.hidden, *digests) for form in _encoded(secret)} | written


def _encoded(secret: bytes) -> Iterator[str]:
    yield secret.hex()
    yield secret.hex().upper()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset, cut in ((0, 0), (1, 2), (2, 3)):
            # The last character may hold bits of what comes after the secret.
            yield encode(bytes(offset) + secret).decode().rstrip("=")[cut:-1]


def _as_text(text: str) -> Iterator[str]:
    yield from (text, quote(text), quote(text, safe=""), quote_plus(text), html.escape(text), json.dumps(text)[1:-1])


def _is_text(secret: bytes) -> bool:
    try:
        return secret.decode().isprintable()
    except UnicodeDecodeError:
        return False
