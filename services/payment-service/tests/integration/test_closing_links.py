"""A link that must take no more money provably takes none, whatever happens while it is being closed."""

import itertools
import json

import pytest
from contracts.event import Event
from contracts.events.payment import PaymentLinkClosed, PaymentLinkCreated, PaymentReceived
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_tests.fakes import KEY, FakeStripe
from payment_tests.make import Desk, Invoice
from service_kit.testing.waiting import run_until

LOST = StripeFailure(FailureKind.UNKNOWN)


async def _collected(desk: Desk) -> tuple[Invoice, PaymentLinkCreated]:
    await desk.connect()
    await desk.quiet()
    invoice = desk.invoice()
    await desk.say(invoice.sent())
    (created,) = await desk.hear(PaymentLinkCreated)
    return invoice, created


def _at_stripe(created: PaymentLinkCreated) -> str:
    return created.url.rsplit("/", 1)[-1]


async def test_a_void_deactivates_the_link_expires_open_sessions_and_keeps_the_proof(
    desk: Desk, stripe: FakeStripe
) -> None:
    invoice, created = await _collected(desk)
    session_id = stripe.open(_at_stripe(created))

    await desk.say(invoice.void_requested(attempt=1))
    (closed,) = await desk.hear(PaymentLinkClosed)

    assert (closed.attempt, closed.reason, closed.captured_minor, closed.in_flight) == (1, "void", 0, False)
    assert closed.proof is not None
    assert closed.proof.expired_session_ids == (session_id,)
    assert closed.proof.deactivated_at is not None
    assert stripe.owner.links[0]["active"] is False
    assert [row["status"] for row in stripe.owner.sessions] == ["expired"]
    with pytest.raises(LookupError):
        stripe.pay(session_id)


async def test_a_payer_who_was_quicker_than_the_void_is_found_and_told_of_first(desk: Desk, stripe: FakeStripe) -> None:
    invoice, created = await _collected(desk)
    session_id = stripe.open(_at_stripe(created))

    async def pay_now() -> None:
        stripe.pay(session_id)

    stripe.during["expire_session"] = pay_now
    await desk.say(invoice.void_requested(attempt=1))
    (closed,) = await desk.hear(PaymentLinkClosed)

    (received,) = await desk.heard(PaymentReceived)
    assert (received.late, received.source, received.amount_minor) == (True, "closing", 12345)
    assert (closed.captured_minor, closed.reason) == (12345, "void")
    assert closed.proof is not None
    assert closed.proof.completed_session_ids == (session_id,)
    order = [row["type"] for row in await desk.rows.fetch("select type from payment.outbox order by id")]
    assert order.index(PaymentReceived.event_type) < order.index(PaymentLinkClosed.event_type)


async def test_a_bank_debit_under_way_is_said_to_be_in_flight(desk: Desk, stripe: FakeStripe) -> None:
    invoice, created = await _collected(desk)
    session_id = stripe.pay(_at_stripe(created), settled=False)

    await desk.say(invoice.void_requested(attempt=1))
    (closed,) = await desk.hear(PaymentLinkClosed)

    assert (closed.in_flight, closed.captured_minor) == (True, 0)
    stripe.settle(session_id)
    await desk.poll_now()
    (received,) = await desk.hear(PaymentReceived)
    assert received.late


async def test_a_void_after_a_bank_debit_failed_has_nothing_in_flight(desk: Desk, stripe: FakeStripe) -> None:
    invoice, created = await _collected(desk)
    session_id = stripe.pay(_at_stripe(created), settled=False)
    await desk.poll_now()
    assert [row["in_flight"] for row in await desk.links()] == [True]
    stripe.bounce(session_id)
    await desk.poll_now()
    reads = stripe.count("retrieve_session")
    stripe.owner.events.clear()

    await desk.poll_now()
    assert stripe.count("retrieve_session") == reads
    await desk.say(invoice.void_requested(attempt=1))
    (closed,) = await desk.hear(PaymentLinkClosed)

    assert (closed.in_flight, closed.captured_minor) == (False, 0)
    assert closed.proof is not None
    assert closed.proof.completed_session_ids == (session_id,)


async def test_a_void_while_the_link_is_being_made_closes_it_at_once(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    await desk.quiet()
    invoice = desk.invoice()

    async def void_now() -> None:
        await desk.say(invoice.void_requested(attempt=1))

        async def heard() -> bool:
            return bool(await desk.rows.fetch("select 1 from payment.collections where stopped_attempt = 1"))

        await run_until(heard)

    stripe.during["create_payment_link"] = void_now
    await desk.say(invoice.sent())
    (closed,) = await desk.hear(PaymentLinkClosed)
    await desk.quiet()

    assert closed.reason == "void"
    assert closed.proof is not None
    assert [link["active"] for link in stripe.owner.links] == [False]
    assert await desk.heard(PaymentLinkCreated) == []


async def test_a_void_before_the_first_call_makes_no_link_at_all(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    invoice = desk.invoice()

    await desk.say(invoice.void_requested(attempt=1))
    (closed,) = await desk.hear(PaymentLinkClosed)
    await desk.say(invoice.sent())
    await desk.quiet()

    assert (closed.attempt, closed.reason, closed.proof) == (1, "void", None)
    assert stripe.owner.links == []


async def test_a_void_of_a_failed_link_is_answered_too(desk: Desk, stripe: FakeStripe) -> None:
    invoice = desk.invoice()
    await desk.say(invoice.sent())
    await desk.quiet()

    await desk.say(invoice.void_requested(attempt=1))
    (closed,) = await desk.hear(PaymentLinkClosed)

    assert (closed.attempt, closed.reason, closed.proof) == (1, "void", None)


async def test_a_void_of_a_link_that_was_closed_before_is_answered_with_its_proof(
    desk: Desk, stripe: FakeStripe
) -> None:
    invoice, _ = await _collected(desk)
    await desk.say(invoice.collected_by_hand(attempt=1))
    await desk.hear(PaymentLinkClosed)

    await desk.say(invoice.void_requested(attempt=1))
    (first, second) = await desk.hear(PaymentLinkClosed, count=2)

    assert (first.reason, first.proof) == ("manual", second.proof)
    assert second.proof is not None


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        ("deactivate_payment_link", False),
        ("deactivate_payment_link", True),
        ("sessions_of_link", False),
        ("expire_session", False),
        ("expire_session", True),
        ("retrieve_payment_link", False),
    ],
)
async def test_closing_is_done_again_from_the_start_after_any_lost_answer(
    desk: Desk, stripe: FakeStripe, operation: str, after: bool
) -> None:
    invoice, created = await _collected(desk)
    stripe.open(_at_stripe(created))
    stripe.fail(operation, LOST, after=after)

    await desk.say(invoice.void_requested(attempt=1))
    await desk.quiet(hurry=True)

    (closed,) = await desk.heard(PaymentLinkClosed)
    assert closed.proof is not None
    assert [row["status"] for row in stripe.owner.sessions] == ["expired"]


async def test_a_link_that_stripe_does_not_know_is_closed_and_the_proof_says_so(desk: Desk, stripe: FakeStripe) -> None:
    invoice, _ = await _collected(desk)
    stripe.owner.links.clear()

    await desk.say(invoice.void_requested(attempt=1))
    (closed,) = await desk.hear(PaymentLinkClosed)

    assert (closed.reason, closed.captured_minor, closed.in_flight) == ("void", 0, False)
    assert closed.proof is not None
    assert closed.proof.deactivated_at is None
    (row,) = await desk.links()
    assert row["status"] == "closed"
    assert json.loads(row["close_proof"])["unknown_at_stripe"] is True
    assert await desk.parked() == []


async def test_with_a_refused_key_closing_waits_and_the_next_key_finishes_it(desk: Desk, stripe: FakeStripe) -> None:
    invoice, _ = await _collected(desk)
    known = stripe.keys.pop(KEY)
    await desk.say(invoice.void_requested(attempt=1))

    async def tried() -> bool:
        rows = await desk.rows.fetch(
            "select 1 from payment.inbox where type = 'task.close_payment_link' and last_error is not null"
        )
        return bool(rows)

    await run_until(tried)
    assert await desk.heard(PaymentLinkClosed) == []

    stripe.keys["sk_test_51AnotherKeySameOwner77"] = known
    await desk.connect("sk_test_51AnotherKeySameOwner77")
    (closed,) = await desk.hear(PaymentLinkClosed)

    assert closed.proof is not None


async def test_a_replacement_is_made_only_after_the_older_link_is_proven_closed(desk: Desk, stripe: FakeStripe) -> None:
    invoice, created = await _collected(desk)
    active_when_made: list[int] = []

    async def look() -> None:
        active_when_made.append(sum(1 for link in stripe.owner.links if link["active"]))

    stripe.during["create_payment_link"] = look
    stripe.fail("deactivate_payment_link", LOST, LOST)

    await desk.say(invoice.balance_changed(due=5000, attempt=2))
    await desk.quiet(hurry=True)

    (_, second) = await desk.heard(PaymentLinkCreated)
    assert active_when_made == [0]
    assert (second.attempt, second.amount_minor) == (2, 5000)
    assert [link["active"] for link in stripe.owner.links] == [True, False]
    (closed,) = await desk.heard(PaymentLinkClosed)
    assert (closed.attempt, closed.reason) == (created.attempt, "balance_changed")


async def test_in_whatever_order_the_news_comes_the_end_is_the_same(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    orders = list(itertools.permutations(range(4)))
    news = [_news_of(desk.invoice()) for _ in orders]

    for place in range(4):
        await desk.say(*(said[order[place]] for said, order in zip(news, orders, strict=True)))
        await desk.quiet(hurry=True)

    assert {row["status"] for row in await desk.links()} == {"closed"}
    assert [link for link in stripe.owner.links if link["active"]] == []
    answered = {event.invoice_id for event in await desk.heard(PaymentLinkClosed) if event.attempt == 3}
    assert len(answered) == len(orders)


def _news_of(invoice: Invoice) -> list[Event]:
    return [
        invoice.sent(),
        invoice.balance_changed(due=5000, attempt=2),
        invoice.balance_changed(due=3000, attempt=3),
        invoice.void_requested(attempt=3),
    ]


async def test_ten_changes_at_once_leave_exactly_the_newest_link_active(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    invoice = desk.invoice()

    await desk.say(invoice.sent(), *(invoice.balance_changed(due=10_000 - n, attempt=n) for n in range(2, 11)))
    await desk.quiet(hurry=True)

    active = [link for link in stripe.owner.links if link["active"]]
    assert [link["amount"] for link in active] == [9990]
    statuses = {row["attempt"]: row["status"] for row in await desk.links()}
    assert statuses == dict.fromkeys(range(1, 10), "closed") | {10: "active"}


async def test_an_invoice_that_goes_back_to_issued_after_a_void_can_have_a_new_link(
    desk: Desk, stripe: FakeStripe
) -> None:
    invoice, _ = await _collected(desk)
    await desk.say(invoice.void_requested(attempt=1))
    await desk.hear(PaymentLinkClosed)

    await desk.say(invoice.balance_changed(due=2345, attempt=2))
    (_, second) = await desk.hear(PaymentLinkCreated, count=2)

    assert (second.attempt, second.amount_minor) == (2, 2345)
