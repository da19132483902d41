"""From an order to a link at Stripe, and every answer on the way."""

import pytest
from contracts.events.payment import (
    ConnectionStatus,
    PaymentLinkClosed,
    PaymentLinkCreated,
    PaymentLinkFailed,
    StripeConnectionChanged,
)
from contracts.ids import format_id
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_tests.fakes import KEY, FakeStripe
from payment_tests.make import Desk, working
from service_kit.testing.waiting import run_until

LOST = StripeFailure(FailureKind.UNKNOWN)
ERROR_500 = StripeFailure(FailureKind.SERVER_ERROR, status=500)


async def test_an_order_becomes_one_link_at_stripe_and_one_event(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    invoice = desk.invoice()

    await desk.say(invoice.sent(), invoice.sent())
    (created,) = await desk.hear(PaymentLinkCreated)
    await desk.quiet()

    (link,) = stripe.owner.links
    assert created.url == link["url"]
    assert (created.attempt, created.amount_minor, created.currency) == (1, 12345, "EUR")
    assert (link["amount"], link["currency"], link["active"]) == (12345, "eur", True)
    assert len(await desk.heard(PaymentLinkCreated)) == 1
    assert [row["status"] for row in await desk.links()] == ["active"]


async def test_without_a_connection_the_link_fails_with_a_remedy(desk: Desk, stripe: FakeStripe) -> None:
    await desk.say(desk.invoice().sent())

    (failed,) = await desk.hear(PaymentLinkFailed)

    assert failed.reason_code == "not_connected"
    assert "settings" in failed.message
    assert stripe.calls == []


@pytest.mark.parametrize(
    ("amount_minor", "currency", "reason_code"),
    [
        (1001, "KWD", "amount_not_representable"),
        (10_000_000_000, "EUR", "amount_not_representable"),
        (1, "EUR", "amount_too_small"),
    ],
)
async def test_an_amount_that_stripe_cannot_take_fails_for_good(
    desk: Desk, stripe: FakeStripe, amount_minor: int, currency: str, reason_code: str
) -> None:
    await desk.connect()

    await desk.say(desk.invoice().sent(amount_minor=amount_minor, currency=currency))
    (failed,) = await desk.hear(PaymentLinkFailed)
    await desk.quiet()

    assert failed.reason_code == reason_code
    assert stripe.owner.links == []
    assert await desk.parked() == []


# Typed by hand from docs.stripe.com/currencies: what we call it, and what Stripe must be asked for.
STRIPE_AMOUNTS = {
    ("JPY", 5000): ("jpy", 5000),
    ("ISK", 5): ("isk", 500),
    ("KWD", 5120): ("kwd", 5120),
    ("MGA", 50000): ("mga", 500),
    ("USD", 99): ("usd", 99),
}


async def test_stripe_is_asked_for_the_amount_in_its_own_units(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()

    await desk.say(*(desk.invoice().sent(currency=code, amount_minor=minor) for code, minor in STRIPE_AMOUNTS))
    created = await desk.hear(PaymentLinkCreated, count=len(STRIPE_AMOUNTS))

    asked = {link["url"]: (link["currency"], link["amount"]) for link in stripe.owner.links}
    assert {(event.currency, event.amount_minor): asked[event.url] for event in created} == STRIPE_AMOUNTS


async def test_an_answer_that_was_lost_after_the_work_is_asked_for_again_and_makes_no_second_link(
    desk: Desk, stripe: FakeStripe
) -> None:
    await desk.connect()
    stripe.fail("create_payment_link", LOST, after=True)

    await desk.say(desk.invoice().sent())
    await desk.quiet(hurry=True)

    assert len(stripe.owner.links) == 1
    assert len(await desk.heard(PaymentLinkCreated)) == 1
    assert stripe.count("create_payment_link") == 2


@pytest.mark.parametrize(
    "failure",
    [
        StripeFailure(FailureKind.BUSY, status=429, retry_after_seconds=3),
        StripeFailure(FailureKind.CONFLICT, status=409),
        ERROR_500,
        LOST,
    ],
    ids=["429", "409", "500", "no answer"],
)
async def test_what_may_pass_is_tried_again_with_the_same_key(
    desk: Desk, stripe: FakeStripe, failure: StripeFailure
) -> None:
    await desk.connect()
    stripe.fail("create_payment_link", failure, failure)

    await desk.say(desk.invoice().sent())
    await desk.quiet(hurry=True)

    assert len(stripe.owner.links) == 1
    assert [key for key in stripe.owner.answers if key.startswith("icl-")] == [
        f"icl-{format_id('lnk', row['id'])}-1" for row in await desk.links()
    ]
    assert [row["epoch"] for row in await desk.links()] == [1]
    assert await desk.heard(PaymentLinkFailed) == []


async def test_after_five_saved_errors_the_list_is_read_and_a_new_key_begins(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    stripe.fail("create_payment_link", *[ERROR_500] * 5)

    await desk.say(desk.invoice().sent())
    await desk.quiet(hurry=True)

    assert stripe.count("payment_links") == 1
    assert stripe.count("create_payment_link") == 6
    assert len(stripe.owner.links) == 1
    assert [(row["status"], row["epoch"]) for row in await desk.links()] == [("active", 2)]


async def test_a_link_left_by_an_error_that_did_its_work_is_adopted(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    stripe.fail("create_payment_link", *[ERROR_500] * 5, after=True)

    await desk.say(desk.invoice().sent())
    await desk.quiet(hurry=True)

    (link,) = stripe.owner.links
    assert [(row["status"], row["stripe_link_id"], row["epoch"]) for row in await desk.links()] == [
        ("active", link["id"], 1)
    ]


@pytest.mark.parametrize("made", [True, False], ids=["the work was done", "nothing was done"])
async def test_after_23_hours_the_key_is_not_trusted_and_the_list_is_read_first(
    desk: Desk, stripe: FakeStripe, made: bool
) -> None:
    await desk.connect()
    stripe.fail("create_payment_link", LOST, after=made)
    await desk.say(desk.invoice().sent())

    async def tried() -> bool:
        return [row["maybe_made"] for row in await desk.links()] == [True] and stripe.count("create_payment_link") == 1

    await run_until(tried)
    stripe.forget_keys()
    await desk.rows.advance_clock("payment", seconds=23 * 3600)
    await desk.quiet(hurry=True)

    assert len(stripe.owner.links) == 1
    assert stripe.count("payment_links") == 1
    assert stripe.count("create_payment_link") == (1 if made else 2)
    assert len(await desk.heard(PaymentLinkCreated)) == 1


async def test_a_revoked_key_fails_the_link_and_troubles_the_connection(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    await desk.quiet()
    del stripe.keys[KEY]

    await desk.say(desk.invoice().sent())
    (failed,) = await desk.hear(PaymentLinkFailed)

    assert failed.reason_code == "key_refused"
    said = await desk.heard(StripeConnectionChanged)
    assert (said[-1].status, said[-1].problem_code) == (ConnectionStatus.ATTENTION, "key_refused")


async def test_a_missing_permission_fails_the_link_by_name(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    await desk.quiet()
    stripe.keys[KEY].permissions = frozenset({"rak_payment_link_read"})

    await desk.say(desk.invoice().sent())
    (failed,) = await desk.hear(PaymentLinkFailed)

    assert failed.reason_code == "permission_missing"
    assert "rak_payment_link_write" in failed.message


async def test_a_key_revoked_after_a_lost_answer_does_not_claim_that_no_link_exists(
    desk: Desk, stripe: FakeStripe
) -> None:
    await desk.connect()
    await desk.quiet()
    stripe.fail("create_payment_link", LOST, after=True)
    await desk.say(desk.invoice().sent())

    async def tried() -> bool:
        return stripe.count("create_payment_link") == 1

    await run_until(tried)
    known = stripe.keys.pop(KEY)
    await desk.rows.make_due("payment")

    async def troubled() -> bool:
        return (await desk.heard(StripeConnectionChanged))[-1].problem_code == "key_refused"

    await run_until(troubled)
    assert await desk.heard(PaymentLinkFailed) == []

    stripe.keys[KEY] = known
    await desk.connect()
    await desk.hear(PaymentLinkCreated)
    assert len(stripe.owner.links) == 1


async def test_a_person_can_try_again_after_a_failure(desk: Desk, stripe: FakeStripe) -> None:
    invoice = desk.invoice()
    await desk.say(invoice.sent())
    await desk.hear(PaymentLinkFailed)
    await desk.connect()

    await desk.say(invoice.link_requested(attempt=2))
    (created,) = await desk.hear(PaymentLinkCreated)

    assert created.attempt == 2
    assert [row["status"] for row in await desk.links()] == ["failed", "active"]


async def test_an_order_that_was_overtaken_on_its_way_makes_no_link(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    invoice = desk.invoice()

    await desk.say(invoice.balance_changed(due=5000, attempt=2))
    await desk.hear(PaymentLinkCreated)
    await desk.say(invoice.sent())
    (closed,) = await desk.hear(PaymentLinkClosed)
    await desk.quiet()

    assert (closed.attempt, closed.proof) == (1, None)
    assert [link["amount"] for link in stripe.owner.links] == [5000]
    assert [(row["attempt"], row["status"]) for row in await desk.links()] == [(1, "closed"), (2, "active")]


async def test_while_stripe_is_down_for_one_account_nothing_is_lost_and_the_rest_goes_on(
    desk: Desk, stripe: FakeStripe
) -> None:
    await desk.connect()
    stripe.fail("create_payment_link", *[LOST] * 3)

    await desk.say(*(desk.invoice().sent() for _ in range(5)))
    await desk.quiet(hurry=True)

    assert len(await desk.heard(PaymentLinkCreated)) == 5
    assert len(stripe.owner.links) == 5


async def test_work_left_by_a_worker_that_died_is_finished_by_the_next(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    await desk.quiet()
    stripe.fail("create_payment_link", LOST, after=True)
    await desk.say(desk.invoice().sent())

    async def tried() -> bool:
        return stripe.count("create_payment_link") == 1

    await run_until(tried)
    async with working(desk):
        await desk.quiet(hurry=True)

    assert len(stripe.owner.links) == 1
    assert len(await desk.heard(PaymentLinkCreated)) == 1


async def _lost_with_an_untrusted_key(desk: Desk, stripe: FakeStripe) -> None:
    """A first try whose answer was lost more than 23 hours ago, and a second task for the same link."""
    await desk.connect()
    await desk.quiet()
    stripe.fail("create_payment_link", LOST)
    await desk.say(desk.invoice().sent())

    async def tried() -> bool:
        return bool(
            await desk.rows.fetch(
                "select 1 from payment.inbox where type = 'task.create_payment_link' and first_error is not null"
            )
        )

    await run_until(tried)
    await desk.rows.advance_clock("payment", seconds=23 * 3600)
    stripe.forget_keys()


async def _twin_of_the_create_task(desk: Desk) -> None:
    await desk.rows.fetch(
        "insert into payment.inbox (consumer, event_id, organization_id, type, payload)"
        " select consumer, gen_random_uuid(), organization_id, type, payload from payment.inbox"
        " where type = 'task.create_payment_link' limit 1"
    )
    await desk.rows.fetch("notify payment_inbox")


async def test_two_tries_that_both_found_nothing_begin_one_new_key_and_make_one_link(
    desk: Desk, stripe: FakeStripe
) -> None:
    await _lost_with_an_untrusted_key(desk, stripe)

    async def twin_goes_first() -> None:
        await _twin_of_the_create_task(desk)
        await desk.hear(PaymentLinkCreated)

    stripe.during["end of payment_links"] = twin_goes_first
    await desk.quiet(hurry=True)

    assert stripe.count("payment_links") == 2
    assert len(stripe.owner.links) == 1
    assert [(row["status"], row["epoch"]) for row in await desk.links()] == [("active", 2)]


async def test_a_link_made_beside_the_recorded_one_is_closed_at_stripe(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    await desk.quiet()

    async def twin_makes_another() -> None:
        await desk.rows.fetch("update payment.payment_links set epoch = 2")
        await _twin_of_the_create_task(desk)
        await desk.hear(PaymentLinkCreated)

    stripe.during["create_payment_link"] = twin_makes_another
    await desk.say(desk.invoice().sent())
    await desk.hear(PaymentLinkCreated)
    await desk.quiet(hurry=True)

    (row,) = await desk.links()
    assert len(stripe.owner.links) == 2
    assert [link["id"] for link in stripe.owner.links if link["active"]] == [row["stripe_link_id"]]
    assert await desk.parked() == []
