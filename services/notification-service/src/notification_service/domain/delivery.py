"""One recipient of one mail: its states, and how the answer of one try moves it.

Every legal move stands in `MOVES`. An outcome that nobody can know is a state of its own and never turns into a
failure: what may have arrived may not be called refused.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from service_kit.errors import DomainError, ErrorKind

from notification_service.domain.smtp_replies import Outcome, Verdict


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DROPPED = "dropped"


class MailState(StrEnum):
    """``waiting`` is for its payment link; the rest is what its recipients add up to."""

    WAITING = "waiting"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DROPPED = "dropped"


MOVES: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.QUEUED: frozenset({DeliveryState.SENDING, DeliveryState.FAILED, DeliveryState.DROPPED}),
    DeliveryState.SENDING: frozenset(
        {DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.UNKNOWN}
    ),
    DeliveryState.SENT: frozenset(),
    DeliveryState.FAILED: frozenset(),
    DeliveryState.UNKNOWN: frozenset({DeliveryState.SENDING}),
    DeliveryState.DROPPED: frozenset({DeliveryState.QUEUED}),
}


class ImpossibleDeliveryMove(DomainError):
    slug = "impossible-delivery-move"
    kind = ErrorKind.CONFLICT
    title = "A delivery cannot move like this"


@dataclass(frozen=True)
class RetryPolicy:
    """``delays`` after the first, second, … deferral; the last one repeats until ``give_up_after`` the first try."""

    delays: tuple[timedelta, ...]
    give_up_after: timedelta
    unknown_wait: timedelta

    def delay(self, tries: int) -> timedelta:
        return self.delays[min(max(tries, 1), len(self.delays)) - 1]


def retry_policy(*, scale: float, unknown_wait_seconds: float) -> RetryPolicy:
    """1 min, 5 min, 15 min, 1 h, 2 h, then every 4 h, given up after 48 h; ``scale`` shortens all of it for tests."""
    minutes = (1, 5, 15, 60, 120, 240)
    return RetryPolicy(
        delays=tuple(timedelta(minutes=value) * scale for value in minutes),
        give_up_after=timedelta(hours=48) * scale,
        unknown_wait=timedelta(seconds=unknown_wait_seconds),
    )


@dataclass(frozen=True)
class Delivery:
    """``unknowns`` counts tries whose outcome nobody knows; ``due_at`` is None when nothing more will be tried."""

    recipient: str
    state: DeliveryState = DeliveryState.QUEUED
    tries: int = 0
    unknowns: int = 0
    reason: str = ""
    due_at: datetime | None = None

    @property
    def duplicate_possible(self) -> bool:
        return self.unknowns > 0


def is_due(delivery: Delivery, *, now: datetime) -> bool:
    if delivery.state is DeliveryState.QUEUED:
        return delivery.due_at is None or delivery.due_at <= now
    return delivery.state is DeliveryState.UNKNOWN and delivery.due_at is not None and delivery.due_at <= now


def start(delivery: Delivery) -> Delivery:
    return replace(_moved(delivery, DeliveryState.SENDING), tries=delivery.tries + 1, due_at=None)


def drop(delivery: Delivery) -> Delivery:
    """Queued becomes dropped; what may have gone out stays unknown and is not sent again."""
    if delivery.state is DeliveryState.UNKNOWN:
        return replace(delivery, due_at=None)
    return replace(_moved(delivery, DeliveryState.DROPPED), due_at=None)


def take_up_again(delivery: Delivery) -> Delivery:
    return _moved(delivery, DeliveryState.QUEUED)


def refuse(delivery: Delivery, *, reason: str) -> Delivery:
    """For an address that no mail server is asked about."""
    return replace(_moved(delivery, DeliveryState.FAILED), reason=reason, due_at=None)


def record(
    delivery: Delivery, verdict: Verdict, *, now: datetime, first_tried_at: datetime, policy: RetryPolicy
) -> Delivery:
    """The delivery after one try that ended with ``verdict``. Raises `ImpossibleDeliveryMove` unless it was sending."""
    if verdict.outcome is Outcome.ACCEPTED:
        return replace(_moved(delivery, DeliveryState.SENT), reason=verdict.words, due_at=None)
    if verdict.outcome is Outcome.UNCERTAIN:
        again = now + policy.unknown_wait if delivery.unknowns == 0 else None
        after = replace(_moved(delivery, DeliveryState.UNKNOWN), reason=verdict.words, due_at=again)
        return replace(after, unknowns=delivery.unknowns + 1)
    due_at = now + policy.delay(delivery.tries)
    may_retry = verdict.outcome is Outcome.DEFERRED and due_at <= first_tried_at + policy.give_up_after
    if delivery.unknowns:
        after = _moved(delivery, DeliveryState.UNKNOWN)
    else:
        after = _moved(delivery, DeliveryState.QUEUED if may_retry else DeliveryState.FAILED)
    return replace(after, reason=verdict.words, due_at=due_at if may_retry else None)


def mail_state(states: Collection[DeliveryState]) -> MailState:
    """What the recipients add up to: work to do first, then doubt, then success, then failure."""
    order = (
        (DeliveryState.SENDING, MailState.SENDING),
        (DeliveryState.QUEUED, MailState.QUEUED),
        (DeliveryState.UNKNOWN, MailState.UNKNOWN),
        (DeliveryState.SENT, MailState.SENT),
        (DeliveryState.FAILED, MailState.FAILED),
    )
    return next((summary for state, summary in order if state in states), MailState.DROPPED)


def _moved(delivery: Delivery, state: DeliveryState) -> Delivery:
    if state not in MOVES[delivery.state]:
        raise ImpossibleDeliveryMove(f"{delivery.state} cannot become {state}")
    return replace(delivery, state=state)
