"""The rules of one recipient: every path ends, doubt is never called failure, and one resend is all there is."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notification_service.domain.delivery import (
    MOVES,
    Delivery,
    DeliveryState,
    ImpossibleDeliveryMove,
    MailState,
    drop,
    is_due,
    mail_state,
    record,
    retry_policy,
    start,
)
from notification_service.domain.smtp_replies import Outcome, Verdict
from notification_tests.make import NOON

POLICY = retry_policy(scale=1.0, unknown_wait_seconds=900)
TAKEN = Verdict(Outcome.ACCEPTED, "250 ok")
LATER = Verdict(Outcome.DEFERRED, "451 later")
NEVER = Verdict(Outcome.REFUSED, "550 no")
SILENCE = Verdict(Outcome.UNCERTAIN, "the connection was lost")


def after(*verdicts: Verdict) -> Delivery:
    """A delivery after tries that all happened at their due time, each taking no time."""
    delivery, now = Delivery(recipient="a@b.example"), NOON
    for verdict in verdicts:
        now = delivery.due_at or now
        delivery = record(start(delivery), verdict, now=now, first_tried_at=NOON, policy=POLICY)
    return delivery


def test_waits_grow_from_one_minute_to_four_hours() -> None:
    waits = [POLICY.delay(tries) for tries in (1, 2, 3, 4, 5, 6, 7, 50)]

    assert waits == [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, 240, 240, 240)]


def test_a_mail_that_is_never_taken_fails_after_two_days_with_the_servers_words() -> None:
    delivery, now = Delivery(recipient="a@b.example"), NOON
    while delivery.state is DeliveryState.QUEUED:
        now = delivery.due_at or now
        delivery = record(start(delivery), LATER, now=now, first_tried_at=NOON, policy=POLICY)

    assert delivery.state is DeliveryState.FAILED
    assert delivery.reason == "451 later"
    assert delivery.due_at is None
    assert timedelta(hours=43) < now - NOON <= timedelta(hours=48)


def test_a_refusal_is_final_at_once() -> None:
    delivery = after(NEVER)

    assert (delivery.state, delivery.reason, delivery.due_at) == (DeliveryState.FAILED, "550 no", None)


def test_an_unknown_outcome_is_tried_again_once_after_the_wait() -> None:
    first = after(SILENCE)
    second = after(SILENCE, SILENCE)

    assert (first.state, first.due_at) == (DeliveryState.UNKNOWN, NOON + timedelta(minutes=15))
    assert (second.state, second.due_at) == (DeliveryState.UNKNOWN, None)


def test_a_resend_that_is_taken_may_be_a_duplicate() -> None:
    assert after(SILENCE, TAKEN).duplicate_possible
    assert not after(LATER, TAKEN).duplicate_possible


@pytest.mark.parametrize("verdict", [LATER, NEVER], ids=str)
def test_what_may_have_arrived_is_never_called_failed(verdict: Verdict) -> None:
    assert after(SILENCE, verdict).state is DeliveryState.UNKNOWN


def test_dropping_what_may_have_gone_out_only_stops_the_resend() -> None:
    dropped = drop(after(SILENCE))

    assert (dropped.state, dropped.due_at) == (DeliveryState.UNKNOWN, None)


@given(st.lists(st.sampled_from([TAKEN, LATER, NEVER, SILENCE]), min_size=1, max_size=12))
def test_whatever_a_server_answers_the_moves_are_legal_and_unknowns_stay_below_three(verdicts: list[Verdict]) -> None:
    delivery, now = Delivery(recipient="a@b.example"), NOON
    for verdict in verdicts:
        if not is_due(delivery, now=delivery.due_at or now):
            break
        now = delivery.due_at or now
        before = delivery
        delivery = record(start(before), verdict, now=now, first_tried_at=NOON, policy=POLICY)
        assert delivery.state in MOVES[DeliveryState.SENDING]
        assert delivery.unknowns <= 2
        assert not (before.unknowns and delivery.state is DeliveryState.FAILED)


def test_sent_and_failed_are_last_words() -> None:
    with pytest.raises(ImpossibleDeliveryMove):
        start(after(TAKEN))

    assert MOVES[DeliveryState.SENT] == MOVES[DeliveryState.FAILED] == frozenset()


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"sent"}, MailState.SENT),
        ({"sent", "failed"}, MailState.SENT),
        ({"sent", "queued"}, MailState.QUEUED),
        ({"unknown", "sent"}, MailState.UNKNOWN),
        ({"failed", "dropped"}, MailState.FAILED),
        ({"sending", "queued"}, MailState.SENDING),
        ({"dropped"}, MailState.DROPPED),
    ],
)
def test_a_mail_is_what_its_recipients_add_up_to(states: set[str], expected: MailState) -> None:
    assert mail_state({DeliveryState(state) for state in states}) is expected
