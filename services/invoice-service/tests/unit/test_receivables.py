"""Where money goes, and the law that none is lost on the way."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invoice_service.domain.receivables import (
    Balance,
    Posting,
    payment_status,
    post_incoming,
    post_reversal,
    post_surplus,
)
from invoice_service.domain.statuses import PaymentStatus


@pytest.mark.parametrize(
    ("amount", "due", "applicable", "applied", "suspense"),
    [
        (100, 100, True, 100, 0),
        (40, 100, True, 40, 0),
        (130, 100, True, 100, 30),
        (50, 0, True, 0, 50),
        (50, 100, False, 0, 50),
    ],
)
def test_what_is_due_is_applied_and_the_rest_waits(
    amount: int, due: int, applied: int, suspense: int, *, applicable: bool
) -> None:
    posting = post_incoming(amount_minor=amount, due_minor=due, applicable=applicable)

    assert posting == Posting(amount, applied, 0, suspense)


@pytest.mark.parametrize("amount", [0, -1])
def test_no_money_is_not_a_payment(amount: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        post_incoming(amount_minor=amount, due_minor=100, applicable=True)


@pytest.mark.parametrize(("waiting", "due", "moved"), [(30, 100, 30), (100, 30, 30), (0, 100, 0), (100, 0, 0)])
def test_what_waits_is_applied_up_to_what_is_due(waiting: int, due: int, moved: int) -> None:
    posting = post_surplus(waiting_minor=waiting, due_minor=due)

    assert posting == (Posting(0, moved, 0, -moved) if moved else None)


def test_a_posting_that_does_not_balance_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="unbalanced"):
        Posting(100, 50, 0, 49)


@given(
    total=st.integers(0, 10**9),
    steps=st.lists(st.tuples(st.integers(1, 10**9), st.booleans(), st.booleans(), st.randoms()), max_size=20),
)
def test_received_is_applied_plus_suspense_after_any_payments_and_reversals(
    total: int, steps: list[tuple[int, bool, bool, random.Random]]
) -> None:
    balance = Balance(total_minor=total)
    standing: list[Posting] = []

    for amount, applicable, take_back, chance in steps:
        due_before = balance.due_minor
        if take_back and standing:
            original = standing.pop(chance.randrange(len(standing)))
            posting = post_reversal(original, waiting_minor=balance.suspense_minor)
        else:
            posting = post_incoming(amount_minor=amount, due_minor=balance.due_minor, applicable=applicable)
            standing.append(posting)
        balance = balance.after(posting)
        surplus = post_surplus(waiting_minor=balance.suspense_minor, due_minor=balance.due_minor)
        if surplus is not None and balance.due_minor > due_before:
            balance = balance.after(surplus)

        assert balance.received_minor == balance.applied_minor + balance.suspense_minor
        assert 0 <= balance.applied_minor <= balance.total_minor
        assert balance.suspense_minor >= 0
        assert balance.received_minor == sum(posting.received_minor for posting in standing)


@pytest.mark.parametrize(
    ("balance", "status"),
    [
        (Balance(total_minor=100), PaymentStatus.UNPAID),
        (Balance(total_minor=100, received_minor=40, applied_minor=40), PaymentStatus.PARTIALLY_PAID),
        (Balance(total_minor=100, received_minor=100, applied_minor=100), PaymentStatus.PAID),
        (Balance(total_minor=100, received_minor=130, applied_minor=100, suspense_minor=30), PaymentStatus.OVERPAID),
        (Balance(total_minor=100, received_minor=30, suspense_minor=30), PaymentStatus.OVERPAID),
        (Balance(total_minor=100, lowered_minor=-100), PaymentStatus.PAID),
        (Balance(total_minor=0), PaymentStatus.PAID),
    ],
)
def test_the_status_is_what_the_sums_say(balance: Balance, status: PaymentStatus) -> None:
    assert payment_status(balance=balance) is status


def test_surplus_in_another_currency_waits_for_a_decision_too() -> None:
    assert payment_status(balance=Balance(total_minor=100), has_foreign_suspense=True) is PaymentStatus.OVERPAID
