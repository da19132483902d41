"""What an order means for the links of one invoice, whatever order the orders arrive in.

Attempts are allocated by invoice-service and only grow, so the highest attempt that was ordered and the highest that
was stopped decide everything; nobody waits for a message that has not come yet.
"""

from dataclasses import dataclass
from enum import StrEnum


class LinkStatus(StrEnum):
    CREATING = "creating"
    ACTIVE = "active"
    CLOSING = "closing"
    CLOSED = "closed"
    FAILED = "failed"


class CloseReason(StrEnum):
    VOID = "void"
    BALANCE_CHANGED = "balance_changed"
    MANUAL = "manual"
    REPLACED = "replaced"
    PAID = "paid"


OPEN_STATUSES = (LinkStatus.CREATING, LinkStatus.ACTIVE, LinkStatus.CLOSING)


class ImpossibleMove(Exception):
    """A link was asked to leave an end state; the caller has a fault."""


_MOVES: dict[LinkStatus, frozenset[LinkStatus]] = {
    LinkStatus.CREATING: frozenset({LinkStatus.ACTIVE, LinkStatus.CLOSING, LinkStatus.CLOSED, LinkStatus.FAILED}),
    LinkStatus.ACTIVE: frozenset({LinkStatus.CLOSING}),
    LinkStatus.CLOSING: frozenset({LinkStatus.CLOSED}),
    LinkStatus.CLOSED: frozenset(),
    LinkStatus.FAILED: frozenset(),
}


def checked_move(*, current: LinkStatus, wanted: LinkStatus) -> LinkStatus:
    """Every legal change of a link's status is in one table. Raises `ImpossibleMove`."""
    if wanted not in _MOVES[current]:
        raise ImpossibleMove(f"a link that is {current.value} cannot become {wanted.value}")
    return wanted


@dataclass(frozen=True)
class Standing:
    """``newest`` is the highest attempt ordered so far, ``stopped`` the highest that must not take money any more."""

    newest: int = 0
    stopped: int = 0

    def after_order(self, attempt: int) -> "Standing":
        return Standing(newest=max(self.newest, attempt), stopped=self.stopped)

    def after_stop(self, attempt: int) -> "Standing":
        return Standing(newest=max(self.newest, attempt), stopped=max(self.stopped, attempt))

    def overtaken(self, attempt: int) -> bool:
        """True when a link of ``attempt`` must not, or no longer, be open."""
        return attempt < self.newest or attempt <= self.stopped


def when_wanted_closed(*, status: LinkStatus, ever_called: bool) -> LinkStatus | None:
    """Where a link goes that must not take money any more; None where it stays and its maker will see.

    A link whose creation was begun may exist at Stripe, so its maker finishes the call and then closes it.
    """
    match status:
        case LinkStatus.ACTIVE:
            return LinkStatus.CLOSING
        case LinkStatus.CREATING:
            return None if ever_called else LinkStatus.CLOSING
        case LinkStatus.CLOSING | LinkStatus.CLOSED | LinkStatus.FAILED:
            return None
