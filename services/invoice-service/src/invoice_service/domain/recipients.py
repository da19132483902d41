"""Whom an invoice may be mailed to: plain addresses, a bounded number, none twice, nothing that enters a header."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from invoice_service.domain.invoice_refusals import RecipientRefused

RECIPIENTS_MAX = 20
ADDRESS_MAX = 254
MESSAGE_MAX = 5_000

# RFC 5321's dot-string and a domain of labels. Quoted local parts are legal and never typed by anyone but attackers.
_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS_PATTERN = rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})*"
_ADDRESS = re.compile(ADDRESS_PATTERN, re.ASCII)
_LOCAL_MAX = 64


@dataclass(frozen=True)
class Recipients:
    to: tuple[str, ...]
    cc: tuple[str, ...]


def check_recipients(*, to: Sequence[str], cc: Sequence[str]) -> Recipients:
    """Addresses as typed, each once over both lists. Raises `RecipientRefused` with the place of the wrong one."""
    if not to:
        raise RecipientRefused("name at least one address, or give the customer one", pointer="/to")
    if len(to) + len(cc) > RECIPIENTS_MAX:
        raise RecipientRefused(f"use at most {RECIPIENTS_MAX} addresses", pointer="/to")
    seen: set[str] = set()
    return Recipients(to=_checked(to, "/to", seen), cc=_checked(cc, "/cc", seen))


def check_message(message: str) -> str:
    """Raises `RecipientRefused` for a message that is too long or holds what cannot be shown."""
    if len(message) > MESSAGE_MAX:
        raise RecipientRefused(f"use at most {MESSAGE_MAX} characters", pointer="/message")
    if any(ord(character) < 32 and character not in "\n\r\t" for character in message):
        raise RecipientRefused("remove the control characters", pointer="/message")
    return message


def _checked(addresses: Sequence[str], pointer: str, seen: set[str]) -> tuple[str, ...]:
    kept: list[str] = []
    for index, address in enumerate(addresses):
        local = address.partition("@")[0]
        if len(address) > ADDRESS_MAX or len(local) > _LOCAL_MAX or not _ADDRESS.fullmatch(address):
            raise RecipientRefused("use a plain address such as ap@example.com", pointer=f"{pointer}/{index}")
        if address.lower() not in seen:
            seen.add(address.lower())
            kept.append(address)
    return tuple(kept)
