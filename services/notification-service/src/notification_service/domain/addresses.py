"""Which mail addresses may reach a mail server's command line and a mail's header: plain ones, and no others.

What passes has no control character, no white space and nothing that needs quoting, so neither place can be broken.
"""

import re
from collections.abc import Iterable

ADDRESS_LENGTH_MAX = 254

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class UnusableAddress(ValueError):
    """The message says what is wrong with the address, in words for a person."""


def usable_address(text: str) -> str:
    """The address with its domain in ASCII (IDNA). Raises `UnusableAddress`."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not local:
        raise UnusableAddress("not a mail address: it needs a name, an @ and a domain")
    if not local.isascii():
        raise UnusableAddress("the part before the @ has letters that mail servers do not take")
    if not _LOCAL.fullmatch(local) or len(local) > 64:
        raise UnusableAddress("the part before the @ is not one that mail servers take")
    address = f"{local}@{_ascii_domain(domain)}"
    if len(address) > ADDRESS_LENGTH_MAX:
        raise UnusableAddress("the address is too long")
    return address


def distinct(addresses: Iterable[str]) -> tuple[str, ...]:
    """In order, without repetitions; upper and lower case do not make two recipients of one."""
    seen: dict[str, str] = {}
    for address in addresses:
        seen.setdefault(address.strip().lower(), address.strip())
    return tuple(seen.values())


def _ascii_domain(domain: str) -> str:
    try:
        text = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise UnusableAddress("the domain is not one that exists in mail") from None
    labels = text.split(".")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UnusableAddress("the domain is not one that exists in mail")
    return text.lower()
