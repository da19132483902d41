"""Where incoming money goes: what is due is applied, the rest waits in suspense, and nothing is dropped.

Each posting is one row of signed deltas with ``received = applied + credit + suspense``, and so is every sum of rows.
"""

from dataclasses import dataclass

from invoice_service.domain.statuses import PaymentStatus


@dataclass(frozen=True)
class Posting:
    """Signed deltas of one ledger row, in minor units of its currency."""

    received_minor: int
    applied_minor: int
    credit_minor: int
    suspense_minor: int

    def __post_init__(self) -> None:
        if self.received_minor != self.applied_minor + self.credit_minor + self.suspense_minor:
            raise ValueError(f"an unbalanced posting: {self.received_minor} received is not where it says")


@dataclass(frozen=True)
class Balance:
    """The sums of one invoice, in its own currency."""

    total_minor: int
    received_minor: int = 0
    applied_minor: int = 0
    suspense_minor: int = 0
    lowered_minor: int = 0
    """What credit notes and write-offs took off the total; zero or less."""

    @property
    def due_minor(self) -> int:
        return self.total_minor + self.lowered_minor - self.applied_minor

    def after(self, posting: Posting) -> "Balance":
        return Balance(
            total_minor=self.total_minor,
            received_minor=self.received_minor + posting.received_minor,
            applied_minor=self.applied_minor + posting.applied_minor,
            suspense_minor=self.suspense_minor + posting.suspense_minor,
            lowered_minor=self.lowered_minor,
        )


def post_incoming(*, amount_minor: int, due_minor: int, applicable: bool) -> Posting:
    """Apply the smaller of amount and due when the money fits the invoice; the rest is suspense."""
    if amount_minor <= 0:
        raise ValueError(f"money that comes in is above zero, not {amount_minor}")
    applied = min(amount_minor, max(due_minor, 0)) if applicable else 0
    return Posting(amount_minor, applied, 0, amount_minor - applied)


def post_reversal(original: Posting, *, waiting_minor: int) -> Posting:
    """Take back all that one posting received, from where it put it.

    ``waiting_minor`` is the suspense now. What the posting left there and was applied since is taken from applied.
    """
    suspense = min(original.suspense_minor, waiting_minor)
    applied = original.applied_minor + original.suspense_minor - suspense
    return Posting(-original.received_minor, -applied, -original.credit_minor, -suspense)


def post_surplus(*, waiting_minor: int, due_minor: int) -> Posting | None:
    """Apply what waits to what is due, without money that comes in; None where there is nothing of either."""
    moved = min(waiting_minor, due_minor)
    return Posting(0, moved, 0, -moved) if moved > 0 else None


def payment_status(*, balance: Balance, has_foreign_suspense: bool = False) -> PaymentStatus:
    """The status that the sums say. Suspense in any currency is surplus that waits for a decision."""
    if balance.suspense_minor > 0 or has_foreign_suspense:
        return PaymentStatus.OVERPAID
    if balance.due_minor <= 0:
        return PaymentStatus.PAID
    if balance.applied_minor > 0:
        return PaymentStatus.PARTIALLY_PAID
    return PaymentStatus.UNPAID
