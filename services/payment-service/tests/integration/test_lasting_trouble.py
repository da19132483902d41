"""Trouble that lasts for weeks, as with a key that nobody renews, ends by itself when its cause does."""

import pytest
from contracts.events.payment import (
    PaymentLinkClosed,
    PaymentLinkCreated,
    PaymentLinkFailed,
    PaymentReceived,
    StripeConnectionChanged,
)
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.tasks import CLOSE_LINK, CREATE_LINK, POLL_CONNECTION
from payment_tests.fakes import KEY, FakeStripe
from payment_tests.make import Desk
from service_kit.testing.waiting import run_until

LOST = StripeFailure(FailureKind.UNKNOWN)
READ_ONLY = frozenset({"rak_payment_link_read", "rak_checkout_session_read", "rak_event_read"})


async def _attempts(desk: Desk, task_type: str) -> int:
    (row,) = await desk.rows.fetch(
        "select coalesce(sum(attempts), 0) as n from payment.inbox where type = $1", task_type
    )
    return int(row["n"])


async def _fail_again_after_100_hours(desk: Desk, task_type: str) -> str:
    """The state of the task after it failed once, and once more four days later."""

    async def failed_once() -> bool:
        return await _attempts(desk, task_type) >= 1

    await run_until(failed_once)
    before = await _attempts(desk, task_type)
    await desk.rows.fetch(
        "update payment.inbox set first_failed_at = first_failed_at - interval '100 hours',"
        " next_at = payment.app_now() where type = $1",
        task_type,
    )
    await desk.rows.fetch("notify payment_inbox")

    async def failed_again() -> bool:
        return await _attempts(desk, task_type) > before

    await run_until(failed_again)
    (row,) = await desk.rows.fetch("select state from payment.inbox where type = $1", task_type)
    return str(row["state"])


async def _polled(desk: Desk, stripe: FakeStripe, *, after: int) -> None:
    async def polled() -> bool:
        return stripe.count("events_since") > after

    await run_until(polled)


@pytest.mark.parametrize(
    ("operation", "task_type"), [("create_payment_link", CREATE_LINK), ("deactivate_payment_link", CLOSE_LINK)]
)
async def test_making_and_closing_a_link_never_give_up(
    desk: Desk, stripe: FakeStripe, operation: str, task_type: str
) -> None:
    await desk.connect()
    await desk.quiet()
    stripe.fail(operation, *[LOST] * 9)
    invoice = desk.invoice()
    await desk.say(invoice.sent())
    if task_type == CLOSE_LINK:
        await desk.hear(PaymentLinkCreated)
        await desk.say(invoice.void_requested(attempt=1))

    state = await _fail_again_after_100_hours(desk, task_type)

    assert state == "ready"
    await desk.quiet(hurry=True)
    assert len(await desk.heard(PaymentLinkClosed if task_type == CLOSE_LINK else PaymentLinkCreated)) == 1


async def test_polling_waits_for_a_key_that_opens_and_never_gives_up(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    await desk.quiet()
    await _polled(desk, stripe, after=0)
    await desk.rows.fetch("update payment.secret_keys set sealed = 'v1:no:such:key'")
    await desk.rows.fetch("update payment.inbox set next_at = payment.app_now() where type = $1", POLL_CONNECTION)
    await desk.rows.fetch("notify payment_inbox")

    assert await _fail_again_after_100_hours(desk, POLL_CONNECTION) == "ready"

    seen = stripe.count("events_since")
    await desk.connect()
    await desk.rows.fetch("update payment.inbox set next_at = payment.app_now() where type = $1", POLL_CONNECTION)
    await desk.rows.fetch("notify payment_inbox")
    await _polled(desk, stripe, after=seen)


async def test_entering_a_key_again_sets_a_parked_poll_going(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    await desk.quiet()
    await _polled(desk, stripe, after=0)
    await desk.quiet()
    await desk.rows.fetch(
        "update payment.inbox set state = 'parked', park_reason = 'its worker was lost too often',"
        " parked_at = payment.app_now(), sweeps = 25, lease_token = null, lease_until = null, worker_id = null"
        " where type = $1",
        POLL_CONNECTION,
    )
    seen = stripe.count("events_since")

    await desk.connect()

    await _polled(desk, stripe, after=seen)
    await desk.quiet()
    assert await desk.parked() == []
    assert len(await desk.rows.fetch("select 1 from payment.inbox where type = $1", POLL_CONNECTION)) == 1


async def test_a_link_that_stripe_does_not_know_does_not_keep_the_poll_from_the_others(
    desk: Desk, stripe: FakeStripe
) -> None:
    await desk.connect()
    await desk.say(desk.invoice().sent(), desk.invoice().sent())
    (created, _) = await desk.hear(PaymentLinkCreated, count=2)
    await desk.quiet()
    paid = created.url.rsplit("/", 1)[-1]
    stripe.pay(paid)
    stripe.owner.events.clear()
    stripe.owner.links[:] = [link for link in stripe.owner.links if link["id"] == paid]

    await desk.poll_now()

    (received,) = await desk.heard(PaymentReceived)
    assert received.link_id == created.link_id


async def test_only_a_link_made_or_closed_ends_a_missing_permission(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    await desk.quiet()
    stripe.keys[KEY].permissions = READ_ONLY
    invoice = desk.invoice()
    await desk.say(invoice.sent())
    await desk.hear(PaymentLinkFailed)
    await desk.quiet()

    await desk.poll_now()
    said = await desk.heard(StripeConnectionChanged)
    assert said[-1].problem_code == "permission_missing"

    stripe.keys[KEY].permissions = None
    await desk.say(invoice.link_requested(attempt=2))
    await desk.hear(PaymentLinkCreated)
    said = await desk.heard(StripeConnectionChanged)
    assert said[-1].problem_code == ""


async def test_a_link_that_was_closed_ends_a_missing_permission(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    await desk.quiet()
    invoice = desk.invoice()
    await desk.say(invoice.sent())
    await desk.hear(PaymentLinkCreated)
    stripe.keys[KEY].permissions = READ_ONLY
    await desk.say(invoice.void_requested(attempt=1))

    async def missed() -> bool:
        return (await desk.heard(StripeConnectionChanged))[-1].problem_code == "permission_missing"

    await run_until(missed)
    stripe.keys[KEY].permissions = None
    await desk.quiet(hurry=True)

    assert (await desk.heard(StripeConnectionChanged))[-1].problem_code == ""
    assert len(await desk.heard(PaymentLinkClosed)) == 1
