"""Only *paid* is money, and the reading of Stripe's objects survives every shape that they come in."""

from typing import Any

import pytest
from payment_service.domain.stripe_objects import account_from, session_from
from payment_service.domain.stripe_outcomes import Capture, InFlight, NoMoney, PaidWithoutIntent, money_in
from pydantic import ValidationError

INTENT = {
    "id": "pi_1",
    "latest_charge": {"id": "ch_1", "created": 1793000050, "payment_method_details": {"type": "card"}},
}


def _session(**overrides: Any) -> dict[str, Any]:
    return {
        "id": "cs_1",
        "status": "complete",
        "payment_status": "paid",
        "amount_total": 12345,
        "currency": "eur",
        "created": 1793000000,
        "livemode": False,
        "payment_link": "plink_1",
        "payment_intent": INTENT,
        "metadata": {},
    } | overrides


def test_a_paid_session_is_a_capture_of_its_payment_intent() -> None:
    assert money_in(session_from(_session())) == Capture(
        payment_intent_id="pi_1",
        charge_id="ch_1",
        session_id="cs_1",
        method="card",
        stripe_amount=12345,
        currency="eur",
        occurred_at_epoch=1793000050,
    )


@pytest.mark.parametrize(
    ("intent", "charge_id"),
    [("pi_1", ""), ({"id": "pi_1", "latest_charge": None}, ""), ({"id": "pi_1", "latest_charge": "ch_9"}, "ch_9")],
)
def test_a_charge_that_is_not_there_yet_does_not_hide_the_money(intent: object, charge_id: str) -> None:
    money = money_in(session_from(_session(payment_intent=intent)))

    assert isinstance(money, Capture)
    assert (money.payment_intent_id, money.charge_id, money.occurred_at_epoch) == ("pi_1", charge_id, 1793000000)


def test_a_completed_bank_debit_is_in_flight_and_not_money() -> None:
    assert money_in(session_from(_session(payment_status="unpaid"))) == InFlight()


@pytest.mark.parametrize(
    ("intent_status", "money"),
    [
        ("processing", InFlight()),
        ("requires_action", InFlight()),
        ("succeeded", InFlight()),
        ("requires_payment_method", NoMoney()),
        ("canceled", NoMoney()),
    ],
)
def test_the_intent_says_whether_an_unpaid_debit_is_still_under_way(
    intent_status: str, money: InFlight | NoMoney
) -> None:
    intent = INTENT | {"status": intent_status}

    assert money_in(session_from(_session(payment_status="unpaid", payment_intent=intent))) == money


@pytest.mark.parametrize(
    ("status", "payment_status"), [("open", "unpaid"), ("expired", "unpaid"), ("complete", "no_payment_required")]
)
def test_everything_else_is_no_money(status: str, payment_status: str) -> None:
    assert money_in(session_from(_session(status=status, payment_status=payment_status))) == NoMoney()


def test_paid_without_a_payment_intent_is_for_a_person() -> None:
    with pytest.raises(PaidWithoutIntent):
        money_in(session_from(_session(payment_intent=None)))


def test_a_session_without_a_status_is_refused() -> None:
    with pytest.raises(ValidationError):
        session_from({"id": "cs_1"})


def test_an_account_may_be_described_sparsely() -> None:
    account = account_from({"id": "acct_1", "business_profile": None, "email": "owner@example.test"})

    assert (account.id, account.name, account.country) == ("acct_1", "owner@example.test", "")
