"""Secrets of people's accounts: what a cookie or a mail carries, and the proof that is stored or compared instead.

Each purpose has its own HMAC, so a proof made for one is worthless for another; a stolen database opens no account.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

SECRET_BYTES = 32
_RANDOM_PART = r"[A-Za-z0-9_-]{43}"


class Purpose(StrEnum):
    """The first three are also the word in the text, ``ic_{purpose}_{43 characters}``."""

    SESSION = "session"
    RESET = "reset"
    INVITE = "invite"
    FORM = "form"
    CSRF = "csrf"
    SUBJECT = "subject"


@dataclass(frozen=True)
class AccountSecrets:
    """``key`` is the setting; everything here is lost for all when it changes: people sign in again."""

    key: str = field(repr=False)

    def proof(self, purpose: Purpose, text: str) -> bytes:
        """32 bytes to store or to compare. Raises `ValueError` without a key."""
        if not self.key:
            raise ValueError("the key for account secrets is empty")
        return hmac.digest(self.key.encode(), f"{purpose}:{text}".encode(), hashlib.sha256)

    def token_for(self, purpose: Purpose, text: str) -> str:
        """A text bound to ``text``, to be put into a form or a header and compared with `matches`."""
        return self.proof(purpose, text).hex()

    def matches(self, purpose: Purpose, text: str, given: str) -> bool:
        """In a time that does not depend on where they differ."""
        return hmac.compare_digest(self.token_for(purpose, text).encode(), given.encode())


def new_secret_text(purpose: Purpose) -> str:
    """256 bits from the operating system."""
    return f"ic_{purpose}_{secrets.token_urlsafe(SECRET_BYTES)}"


def is_secret_text(purpose: Purpose, text: str) -> bool:
    """Whether ``text`` has the form of such a secret; nothing else is looked up."""
    return re.fullmatch(rf"ic_{purpose}_{_RANDOM_PART}", text) is not None
