"""When a mail may go, and with which payment link, from facts that arrive in any order.

The rule is a function of everything known so far, so that each arriving fact asks it again and order cannot matter.
"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownLink:
    """``amount_minor`` is what the page at Stripe asks for, or None where only the address is known."""

    attempt: int
    url: str
    sandbox: bool
    amount_minor: int | None = None


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
    """Sequences of the latest request to void and the latest full payment; mails asked for later are not meant."""

    void_requested_at: int | None = None
    paid_at: int | None = None
    voided: bool = False


@dataclass(frozen=True)
class Go:
    """``paid``: nothing is left to pay, whatever was due when the mail was asked for."""

    link: KnownLink | None
    paid: bool = False

    def amount_due(self, *, asked_minor: int) -> int:
        """What the mail shows: exactly what its link asks for, else what was due when it was asked for."""
        if self.paid:
            return 0
        return asked_minor if self.link is None or self.link.amount_minor is None else self.link.amount_minor


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
        return _awaited(wish.attempt, links, is_paid=end.paid_at is not None and end.paid_at > asked_at)
    return Go(_asked_or_newer(wish, links) if wish.url else None)


def _awaited(attempt: int, links: Collection[KnownLink], *, is_paid: bool) -> Go | Wait:
    """The link of ``attempt`` itself was ordered before all was paid; a later one may follow a payment taken back."""
    link = _newest(links)
    if is_paid and (link is None or link.attempt <= attempt):
        return Go(link=None, paid=True)
    return Go(link) if link is not None and link.attempt >= attempt else Wait()


def _asked_or_newer(wish: LinkWish, links: Collection[KnownLink]) -> KnownLink | None:
    """A link that we have not heard of yet was current when the mail was asked for, so it is the newest."""
    if any(link.url == wish.url for link in links):
        return _newest(links)
    return KnownLink(attempt=0, url=wish.url, sandbox=wish.sandbox)


def _newest(links: Collection[KnownLink]) -> KnownLink | None:
    return max(links, key=lambda link: link.attempt, default=None)
