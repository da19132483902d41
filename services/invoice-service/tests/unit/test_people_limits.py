"""How tries are counted, as pure arithmetic."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from invoice_service.domain.sign_in_limits import (
    ACCOUNT,
    ADDRESS,
    LINK_ADDRESS,
    PAIR,
    RESET_ACCOUNT,
    RESET_ADDRESS,
    Limit,
    Standing,
    after_success,
    after_try,
    wait_left,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LIMITS = st.sampled_from([PAIR, ADDRESS, ACCOUNT, RESET_ACCOUNT, RESET_ADDRESS, LINK_ADDRESS])


@given(LIMITS, st.integers(min_value=0, max_value=10_000))
def test_no_wait_is_ever_longer_than_its_longest(limit: Limit, failures: int) -> None:
    standing = after_try(Standing(failures=failures, first_at=NOW), limit, now=NOW)

    assert timedelta() <= wait_left(standing, now=NOW) <= limit.wait_max
    assert (wait_left(standing, now=NOW) > timedelta()) == (failures + 1 >= limit.free)


def test_a_success_at_the_last_free_try_leaves_no_wait() -> None:
    standing = Standing(failures=ADDRESS.free, first_at=NOW, blocked_until=NOW + timedelta(minutes=1))

    assert after_success(standing, ADDRESS).blocked_until is None
    assert after_success(standing, PAIR) == Standing(failures=0, first_at=NOW)


def test_a_wait_that_runs_over_the_hour_is_not_forgotten_before_its_end() -> None:
    standing = Standing(failures=20, first_at=NOW, blocked_until=NOW + timedelta(minutes=65))

    during = after_try(standing, PAIR, now=NOW + timedelta(minutes=64))
    after = after_try(standing, PAIR, now=NOW + timedelta(minutes=65))

    assert (during.failures, after.failures) == (21, 1)
