"""When a mail may go, and with which payment link, from facts that arrive in any order.

The rule is a function of everything known so far, so that each arriving fact asks it again and order cannot matter.
"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownLink:
    attempt: int
    url: str
    sandbox: bool


@dataclass(frozen=True)
class LinkWish:
    """What a mail wants: to wait for a link of ``attempt`` or a later one, or to use ``url`` unless a newer is known.

    Both empty: the mail needs no link.
    """

    attempt: int | None = None
    url: str = ""
    sandbox: bool = False


@dataclass(frozen=True)
class InvoiceEnd:
    """``void_requested_at`` is the sequence of the latest request to void; mails asked for later are not meant."""

    void_requested_at: int | None = None
    voided: bool = False


@dataclass(frozen=True)
class Go:
    link: KnownLink | None


@dataclass(frozen=True)
class Wait:
    """For the payment link."""


@dataclass(frozen=True)
class Drop:
    reason: str


def settle(*, wish: LinkWish, links: Collection[KnownLink], end: InvoiceEnd, asked_at: int) -> Go | Wait | Drop:
    """``asked_at`` is the sequence of the event that asked for the mail, in the order of the invoice's own events."""
    if end.voided:
        return Drop("the invoice is void")
    if end.void_requested_at is not None and end.void_requested_at > asked_at:
        return Drop("the invoice is being voided")
    if wish.attempt is not None:
        link = _newest(links)
        return Go(link) if link is not None and link.attempt >= wish.attempt else Wait()
    return Go(_asked_or_newer(wish, links) if wish.url else None)


def _asked_or_newer(wish: LinkWish, links: Collection[KnownLink]) -> KnownLink | None:
    """A link that we have not heard of yet was current when the mail was asked for, so it is the newest."""
    if any(link.url == wish.url for link in links):
        return _newest(links)
    return KnownLink(attempt=0, url=wish.url, sandbox=wish.sandbox)


def _newest(links: Collection[KnownLink]) -> KnownLink | None:
    return max(links, key=lambda link: link.attempt, default=None)
