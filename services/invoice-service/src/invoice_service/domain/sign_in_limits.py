"""How often somebody may be wrong: some tries are free, then each one more costs a wait that doubles.

Tries are counted before a password is looked at and given back when it was right, so many at once count like many in a
row. Nobody is ever locked out for good, and a wait that is running is not made longer by trying.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from service_kit.errors import TooManyRequests


@dataclass(frozen=True)
class Limit:
    """``kind`` keeps the subjects of different limits apart; ``window`` is when tries are forgotten."""

    kind: str
    free: int
    first_wait: timedelta
    wait_max: timedelta
    window: timedelta


_HOUR = timedelta(hours=1)
_QUARTER = timedelta(minutes=15)
PAIR = Limit("pair", free=5, first_wait=timedelta(seconds=30), wait_max=_QUARTER, window=_HOUR)
"""One account from one address."""
ADDRESS = Limit("address", free=50, first_wait=timedelta(minutes=1), wait_max=_QUARTER, window=_HOUR)
ACCOUNT = Limit("account", free=100, first_wait=timedelta(minutes=1), wait_max=_QUARTER, window=_HOUR)
"""One account from everywhere, but not from where its person signed in lately."""
RESET_ACCOUNT = Limit("reset-account", free=3, first_wait=_HOUR, wait_max=_HOUR, window=_HOUR)
RESET_ADDRESS = Limit("reset-address", free=20, first_wait=_HOUR, wait_max=_HOUR, window=_HOUR)
LINK_ADDRESS = Limit("link-address", free=20, first_wait=timedelta(minutes=1), wait_max=_QUARTER, window=_HOUR)
"""Mailed links that open nothing, from one address."""
KNOWN_FOR = timedelta(days=30)
"""How long an address counts as one of the person's own after a sign-in there."""


@dataclass(frozen=True)
class Standing:
    failures: int
    first_at: datetime
    blocked_until: datetime | None = None


class TriedTooOften(TooManyRequests):
    slug = "tried-too-often"
    title = "Too many tries"


def wait_left(standing: Standing, *, now: datetime) -> timedelta:
    return max(timedelta(), (standing.blocked_until or now) - now)


def after_try(standing: Standing, limit: Limit, *, now: datetime) -> Standing:
    if now >= max(standing.first_at + limit.window, standing.blocked_until or now):
        standing = Standing(failures=0, first_at=now)
    failures = standing.failures + 1
    if failures < limit.free:
        return Standing(failures=failures, first_at=standing.first_at)
    # 2**20 waits are longer than any `wait_max`; the bound keeps the number small.
    wait = min(limit.wait_max, limit.first_wait * 2 ** min(failures - limit.free, 20))
    return Standing(failures=failures, first_at=standing.first_at, blocked_until=now + wait)


def after_success(standing: Standing, limit: Limit) -> Standing:
    """Of the pair nothing is left; elsewhere the one try is given back."""
    failures = 0 if limit.kind == PAIR.kind else max(0, standing.failures - 1)
    blocked = standing.blocked_until if failures >= limit.free else None
    return Standing(failures=failures, first_at=standing.first_at, blocked_until=blocked)
