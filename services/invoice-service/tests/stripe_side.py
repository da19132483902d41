"""A small model of payment-service and of payers: it obeys our events and makes news, to be delivered in any order.

It follows the same two rules as the real one: the lowest open attempt is worked on first, and a void is answered only
when nothing is open any more.
"""

import random
from dataclasses import dataclass, field

from contracts.event import Event
from contracts.events.invoice import (
    InvoiceBalanceChanged,
    InvoiceCollectionChanged,
    InvoiceSent,
    InvoiceVoidRequested,
    LinkOrder,
    PaymentLinkRequested,
)
from invoice_tests.scenes import Issued


@dataclass
class Link:
    attempt: int
    amount_minor: int
    status: str = "creating"
    captured_minor: int = 0
    reason: str = "replaced"

    @property
    def is_open(self) -> bool:
        return self.status in ("creating", "active", "closing")


@dataclass
class StripeSide:
    invoice: Issued
    chance: random.Random
    links: dict[int, Link] = field(default_factory=dict)
    newest: int = 0
    stopped: int = 0
    void_unanswered: bool = False
    news: list[Event] = field(default_factory=list)
    """Said and not delivered yet."""

    def obey(self, event: Event) -> None:
        if isinstance(event, InvoiceSent | InvoiceBalanceChanged | PaymentLinkRequested) and event.link is not None:
            self._order(event.link)
        elif isinstance(event, InvoiceBalanceChanged | InvoiceCollectionChanged):
            self._stop(event.attempt)
        elif isinstance(event, InvoiceVoidRequested):
            self._stop(event.attempt)
            self.void_unanswered = True

    def payer_pays(self) -> None:
        """Somebody who has the page open completes it, also while the link is being closed."""
        payable = [link for link in self.links.values() if link.status in ("active", "closing")]
        if payable:
            link = self.chance.choice(payable)
            if not link.captured_minor:
                link.captured_minor = link.amount_minor
                self.news.append(self.invoice.money(link.attempt, amount_minor=link.amount_minor))

    def work(self, *, fails: bool = False) -> bool:
        """One step at Stripe; False when there is nothing to do."""
        for link in self.links.values():
            if self._overtaken(link.attempt) and link.status == "active":
                link.status = "closing"
        lowest = min((link for link in self.links.values() if link.is_open), key=lambda l: l.attempt, default=None)  # noqa: E741
        if lowest is None:
            return self._answer_void()
        if lowest.status == "creating":
            self._make(lowest, fails=fails)
            return True
        if lowest.status == "closing":
            self._close(lowest)
            return True
        return False

    def live_links(self) -> list[Link]:
        return [link for link in self.links.values() if link.is_open]

    def captured_minor(self) -> int:
        return sum(link.captured_minor for link in self.links.values())

    def _order(self, order: LinkOrder) -> None:
        self.newest = max(self.newest, order.attempt)
        self.links.setdefault(order.attempt, Link(order.attempt, order.amount_minor))

    def _stop(self, attempt: int) -> None:
        self.newest, self.stopped = max(self.newest, attempt), max(self.stopped, attempt)

    def _overtaken(self, attempt: int) -> bool:
        return attempt < self.newest or attempt <= self.stopped

    def _make(self, link: Link, *, fails: bool) -> None:
        if self._overtaken(link.attempt):
            self._close(link)
        elif fails:
            link.status = "failed"
            self.news.append(self.invoice.link_failed(link.attempt))
        else:
            link.status = "active"
            self.news.append(self.invoice.link_created(link.attempt, amount_minor=link.amount_minor))

    def _close(self, link: Link) -> None:
        link.status = "closed"
        self.void_unanswered = self.void_unanswered and link.attempt != self.stopped
        self.news.append(self.invoice.link_closed(link.attempt, captured_minor=link.captured_minor))

    def _answer_void(self) -> bool:
        if not self.void_unanswered:
            return False
        self.void_unanswered = False
        link = self.links.get(self.stopped, Link(self.stopped, 0))
        self.news.append(self.invoice.link_closed(self.stopped, captured_minor=link.captured_minor))
        return True
