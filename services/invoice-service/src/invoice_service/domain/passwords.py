"""What a password may be: long enough, and neither known nor guessable. Nothing else is asked of it.

ASVS 5, V6.2: at least 8 characters and better 15; we ask for 12, because there is no second factor. No rule about kinds
of characters, no expiry, and every character counts: nothing is trimmed, folded, normalised or cut.
"""

import hashlib
import re
from collections.abc import Iterable

from service_kit.errors import DomainError

PASSWORD_MIN = 12
PASSWORD_MAX = 128
GUESSES_MIN = 10**10
"""zxcvbn's highest step: safe also where the hashes are stolen."""
DIGEST_BYTES = 8
OUR_WORDS = ("invoice central", "invoicecentral", "invoice", "central", "stripe", "password", "passphrase")


class PasswordRefused(DomainError):
    """``pointer`` names the field; nothing of the password is repeated."""

    slug = "password-refused"
    title = "This password cannot be used"


def check_length(password: str, *, pointer: str) -> None:
    """Raises `PasswordRefused`."""
    if len(password) < PASSWORD_MIN:
        raise PasswordRefused(
            f"Too short. Use at least {PASSWORD_MIN} characters; a few words in a row are easy to remember.",
            pointer=pointer,
        )
    if len(password) > PASSWORD_MAX:
        raise PasswordRefused(f"Too long. Use at most {PASSWORD_MAX} characters.", pointer=pointer)


def context_words(*texts: str) -> tuple[str, ...]:
    """What somebody would try first who knows the person: their name, address and organisation, whole and in parts."""
    found = dict.fromkeys(OUR_WORDS)
    for text in texts:
        plain = text.casefold().strip()
        parts = [part for part in re.split(r"[\W_]+", plain) if len(part) > 2]
        found.update(dict.fromkeys(word for word in (plain, "".join(parts), plain.partition("@")[0], *parts) if word))
    return tuple(found)


def is_only_context(password: str, *, words: Iterable[str]) -> bool:
    """Whether nothing is left of ``password`` but such words, digits and signs."""
    rest = re.sub(r"[\W\d_]+", "", password.casefold())
    plain = sorted({re.sub(r"[\W\d_]+", "", word) for word in words} - {""}, key=len, reverse=True)
    for word in plain:
        rest = rest.replace(word, "")
    had_letters = any(character.isalpha() for character in password)
    return had_letters and not rest


def known_digest(password: str) -> bytes:
    """The form in which the list of known passwords holds them."""
    return hashlib.sha256(password.casefold().encode()).digest()[:DIGEST_BYTES]
