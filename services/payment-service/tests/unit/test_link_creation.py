"""From Stripe's answer to the next step, one row per answer that is known."""

from datetime import UTC, datetime, timedelta

import pytest
from payment_service.domain.link_creation import AskAPerson, GiveUp, TryAgain, next_step, scan_before_calling
from payment_service.domain.stripe_answers import FailureKind, StripeFailure

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("kind", [FailureKind.UNKNOWN, FailureKind.SERVER_ERROR])
def test_an_unknown_outcome_is_tried_again_with_growing_delay(kind: FailureKind) -> None:
    step = next_step(StripeFailure(kind, status=500))

    assert isinstance(step, TryAgain)
    assert step.after_seconds is None


def test_a_twin_that_is_running_is_waited_for_two_seconds() -> None:
    assert next_step(StripeFailure(FailureKind.CONFLICT, status=409)) == TryAgain(
        "Stripe answered 409 (conflict)", after_seconds=2
    )


def test_retry_after_is_honoured() -> None:
    step = next_step(StripeFailure(FailureKind.BUSY, status=429, retry_after_seconds=17))

    assert isinstance(step, TryAgain)
    assert step.after_seconds == 17


def test_a_key_used_with_other_parameters_is_for_a_person() -> None:
    assert isinstance(next_step(StripeFailure(FailureKind.KEY_REUSED, status=400)), AskAPerson)


@pytest.mark.parametrize(
    ("failure", "reason_code"),
    [
        (StripeFailure(FailureKind.KEY_REFUSED, status=401), "key_refused"),
        (StripeFailure(FailureKind.PERMISSION_MISSING, status=403, permission="rak_x"), "permission_missing"),
        (StripeFailure(FailureKind.REFUSED, status=400, code="amount_too_small"), "amount_too_small"),
        (StripeFailure(FailureKind.REFUSED, status=400, code="amount_too_large"), "amount_too_large"),
        (
            StripeFailure(FailureKind.REFUSED, status=400, param="line_items[0][price_data][currency]"),
            "currency_refused",
        ),
        (StripeFailure(FailureKind.REFUSED, status=400, code="parameter_unknown"), "refused"),
        (StripeFailure(FailureKind.NOT_FOUND, status=404), "refused"),
    ],
)
def test_a_definite_refusal_gives_up_with_its_reason(failure: StripeFailure, reason_code: str) -> None:
    step = next_step(failure)

    assert isinstance(step, GiveUp)
    assert step.reason_code == reason_code


@pytest.mark.parametrize(
    ("hours", "server_errors", "scan"),
    [(0, 0, False), (22.9, 4, False), (23, 0, True), (1, 5, True)],
)
def test_a_key_is_trusted_for_23_hours_and_five_saved_errors(hours: float, server_errors: int, scan: bool) -> None:
    first = NOW - timedelta(hours=hours)

    assert scan_before_calling(first_attempt_at=first, server_errors=server_errors, now=NOW) is scan


def test_a_link_that_was_never_asked_for_needs_no_scan() -> None:
    assert scan_before_calling(first_attempt_at=None, server_errors=0, now=NOW) is False
