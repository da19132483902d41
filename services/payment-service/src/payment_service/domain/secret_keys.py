"""Which secrets may be offered as a Stripe key, judged by their form alone and without repeating them.

The prefix names the kind and the mode; everything else about a key is for Stripe to say.
Source of the forms: docs.stripe.com/keys, read in November 2026.
"""

from dataclasses import dataclass
from typing import ClassVar

from service_kit.errors import DomainError, ErrorKind

KEY_LENGTH_MAX = 255
_KEY_LENGTH_MIN = 20

_REMEDY = "Paste a secret key (sk_…) or a restricted key (rk_…) from Stripe's dashboard under Developers, API keys."
_WRONG_KINDS = {
    "pk_": "This is a publishable key, which cannot create payment links.",
    "whsec_": "This is a webhook signing secret, not an API key.",
    "sk_org_": "Keys of a Stripe organisation do not belong to one account.",
    "ek_": "This is an ephemeral key, which ends within the hour.",
    "acct_": "This is an account id, not a key.",
}
_KINDS = {
    "sk_test_": ("secret", False),
    "sk_live_": ("secret", True),
    "rk_test_": ("restricted", False),
    "rk_live_": ("restricted", True),
}


class KeyWrongKind(DomainError):
    slug: ClassVar[str] = "key-wrong-kind"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    title: ClassVar[str] = "This is not a key that can be used"


class LiveKeyInSandbox(DomainError):
    slug: ClassVar[str] = "live-key-in-sandbox"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    title: ClassVar[str] = "A live key does not belong in a sandbox"


@dataclass(frozen=True)
class KeyForm:
    """What a key says about itself. ``kind`` is ``secret`` or ``restricted``."""

    kind: str
    live: bool
    last4: str


def read_key_form(secret_key: str, *, sandbox: bool) -> KeyForm:
    """Raises `KeyWrongKind` or `LiveKeyInSandbox`; neither holds any part of the key."""
    if not secret_key.strip():
        raise KeyWrongKind(f"The key is empty. {_REMEDY}", pointer="/secret_key")
    if len(secret_key) > KEY_LENGTH_MAX:
        raise KeyWrongKind(f"A key has at most {KEY_LENGTH_MAX} characters. {_REMEDY}", pointer="/secret_key")
    if not secret_key.isascii() or any(not 33 <= ord(character) <= 126 for character in secret_key):
        raise KeyWrongKind(f"A key has no spaces, line ends or special characters. {_REMEDY}", pointer="/secret_key")
    for prefix, complaint in _WRONG_KINDS.items():
        if secret_key.startswith(prefix):
            raise KeyWrongKind(f"{complaint} {_REMEDY}", pointer="/secret_key")
    for prefix, (kind, live) in _KINDS.items():
        if secret_key.startswith(prefix) and len(secret_key) >= _KEY_LENGTH_MIN:
            return _checked_for_sandbox(KeyForm(kind=kind, live=live, last4=secret_key[-4:]), sandbox=sandbox)
    raise KeyWrongKind(f"The key has no form that Stripe uses. {_REMEDY}", pointer="/secret_key")


def _checked_for_sandbox(form: KeyForm, *, sandbox: bool) -> KeyForm:
    if form.live and sandbox:
        raise LiveKeyInSandbox(
            "Stripe's address is not the real one here, so a live key would be shown to somebody else. Use a test key.",
            pointer="/secret_key",
        )
    return form
