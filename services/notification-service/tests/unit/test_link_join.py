"""When a mail goes and with which link: a function of what is known, so order cannot matter."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st
from notification_service.domain.link_join import Drop, Go, InvoiceEnd, KnownLink, LinkWish, Wait, settle
from notification_tests.make import known_link

NO_END = InvoiceEnd()
FIRST, SECOND = known_link(attempt=1, url="https://buy.example/1"), known_link(attempt=2, url="https://buy.example/2")


def test_a_mail_by_hand_goes_at_once_and_without_a_link() -> None:
    assert settle(wish=LinkWish(), links=[FIRST], end=NO_END, asked_at=1) == Go(link=None)


def test_a_mail_by_stripe_waits_for_its_link() -> None:
    assert settle(wish=LinkWish(attempt=1), links=[], end=NO_END, asked_at=1) == Wait()
    assert settle(wish=LinkWish(attempt=1), links=[FIRST], end=NO_END, asked_at=1) == Go(FIRST)


def test_a_link_that_was_overtaken_gives_way_to_the_newest() -> None:
    assert settle(wish=LinkWish(attempt=1), links=[SECOND, FIRST], end=NO_END, asked_at=1) == Go(SECOND)


def test_an_older_link_is_not_enough() -> None:
    assert settle(wish=LinkWish(attempt=2), links=[FIRST], end=NO_END, asked_at=1) == Wait()


def test_a_link_that_only_the_asker_knows_is_the_newest() -> None:
    wish = LinkWish(url="https://buy.example/9", sandbox=True)

    assert settle(wish=wish, links=[FIRST], end=NO_END, asked_at=1) == Go(
        KnownLink(attempt=0, url="https://buy.example/9", sandbox=True)
    )


def test_a_link_that_the_asker_knew_and_that_was_overtaken_gives_way() -> None:
    assert settle(wish=LinkWish(url=FIRST.url), links=[FIRST, SECOND], end=NO_END, asked_at=1) == Go(SECOND)


def test_all_paid_while_the_link_was_awaited_lets_the_mail_go_with_nothing_due() -> None:
    paid = InvoiceEnd(paid_at=5)

    for links in ([], [FIRST]):
        found = settle(wish=LinkWish(attempt=1), links=links, end=paid, asked_at=1)
        assert found == Go(link=None, paid=True)
        assert found.amount_due(asked_minor=100) == 0


def test_a_payment_from_before_the_mail_was_asked_for_does_not_release_it() -> None:
    assert settle(wish=LinkWish(attempt=2), links=[FIRST], end=InvoiceEnd(paid_at=5), asked_at=6) == Wait()


def test_a_later_link_than_the_one_ordered_counts_over_an_earlier_payment() -> None:
    assert settle(wish=LinkWish(attempt=1), links=[SECOND], end=InvoiceEnd(paid_at=5), asked_at=1) == Go(SECOND)


def test_a_request_to_void_drops_what_was_asked_before_and_not_what_was_asked_after() -> None:
    end = InvoiceEnd(void_requested_at=5)

    assert isinstance(settle(wish=LinkWish(), links=[], end=end, asked_at=4), Drop)
    assert settle(wish=LinkWish(), links=[], end=end, asked_at=6) == Go(link=None)


def test_void_drops_everything() -> None:
    assert isinstance(settle(wish=LinkWish(), links=[], end=InvoiceEnd(voided=True), asked_at=99), Drop)


@given(st.lists(st.integers(min_value=1, max_value=6), unique=True, max_size=4), st.integers(1, 6))
def test_the_order_in_which_links_became_known_does_not_matter(attempts: list[int], wanted: int) -> None:
    links = [known_link(attempt=attempt, url=f"https://buy.example/{attempt}") for attempt in attempts]

    found = {
        settle(wish=LinkWish(attempt=wanted), links=order, end=NO_END, asked_at=1) for order in permutations(links)
    }

    assert len(found) == 1
