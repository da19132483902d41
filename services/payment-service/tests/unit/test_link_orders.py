"""Attempts decide, whatever order the news comes in."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payment_service.domain.link_orders import (
    ImpossibleMove,
    LinkStatus,
    Standing,
    checked_move,
    when_wanted_closed,
)


def _after(news: list[tuple[str, int]]) -> Standing:
    standing = Standing()
    for kind, attempt in news:
        standing = standing.after_order(attempt) if kind == "order" else standing.after_stop(attempt)
    return standing


@given(st.lists(st.tuples(st.sampled_from(["order", "stop"]), st.integers(0, 6)), max_size=7), st.randoms())
def test_any_order_and_any_repetition_ends_in_the_same_standing(news: list[tuple[str, int]], chance) -> None:  # type: ignore[no-untyped-def]
    shuffled = news + news
    chance.shuffle(shuffled)

    assert _after(shuffled) == _after(news)


def test_only_the_newest_attempt_above_the_last_stop_may_be_open() -> None:
    standing = _after([("order", 1), ("order", 3), ("stop", 2)])

    assert [attempt for attempt in range(1, 5) if not standing.overtaken(attempt)] == [3, 4]


def test_a_new_order_after_a_stop_may_be_open() -> None:
    standing = _after([("order", 1), ("stop", 1), ("order", 2)])

    assert not standing.overtaken(2)


LEGAL = {
    ("creating", "active"),
    ("creating", "closing"),
    ("creating", "closed"),
    ("creating", "failed"),
    ("active", "closing"),
    ("closing", "closed"),
}


@pytest.mark.parametrize(("current", "wanted"), itertools.product(LinkStatus, LinkStatus))
def test_only_the_listed_moves_are_possible(current: LinkStatus, wanted: LinkStatus) -> None:
    if (current.value, wanted.value) in LEGAL:
        assert checked_move(current=current, wanted=wanted) is wanted
    else:
        with pytest.raises(ImpossibleMove):
            checked_move(current=current, wanted=wanted)


def test_a_link_that_may_exist_at_stripe_stays_with_its_maker() -> None:
    assert when_wanted_closed(status=LinkStatus.CREATING, ever_called=True) is None


def test_a_link_that_was_never_asked_for_goes_straight_to_closing() -> None:
    assert when_wanted_closed(status=LinkStatus.CREATING, ever_called=False) is LinkStatus.CLOSING
