"""One payment is one entry and one event, whatever Stripe says how often and in which order."""

import asyncio
import itertools
import json
from typing import Any

import pytest
from contracts.events.payment import PaymentLinkCreated, PaymentReceived
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_tests.fakes import KEY, OTHER_KEY, FakeStripe
from payment_tests.make import Desk, Invoice, desk_with, event_body
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until

PAYMENT_EVENTS = ("checkout.session.completed", "payment_intent.succeeded")


async def _collected(desk: Desk, **ordered: Any) -> tuple[Invoice, PaymentLinkCreated, str]:
    await desk.connect()
    await desk.quiet()
    invoice = desk.invoice()
    await desk.say(invoice.sent(**ordered))
    (created,) = await desk.hear(PaymentLinkCreated)
    return invoice, created, created.url.rsplit("/", 1)[-1]


def _bodies(stripe: FakeStripe, *kinds: str) -> list[bytes]:
    """Oldest first."""
    return [event_body(event) for event in reversed(stripe.owner.events) if event["type"] in (kinds or PAYMENT_EVENTS)]


def _secret(stripe: FakeStripe) -> str:
    return str(stripe.owner.endpoints[0]["secret"])


async def _states(desk: Desk) -> list[str]:
    rows = await desk.rows.fetch("select state from payment.stripe_events order by stripe_created")
    return [row["state"] for row in rows]


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
async def test_session_and_intent_events_in_any_order_are_one_payment(
    desk: Desk, stripe: FakeStripe, order: tuple[int, ...]
) -> None:
    invoice, created, link = await _collected(desk)
    stripe.pay(link)
    bodies = _bodies(stripe)

    for place in order:
        await desk.deliver(bodies[place], secret=_secret(stripe))
        await desk.quiet()

    (received,) = await desk.heard(PaymentReceived)
    assert (received.invoice_id, received.link_id, received.amount_minor) == (invoice.id, created.link_id, 12345)
    assert (received.late, received.source) == (False, "webhook")
    assert len(await desk.entries()) == 1
    assert await _states(desk) == ["applied", "applied"]


async def test_fifty_copies_under_fresh_ids_of_each_event_at_once_are_one_payment(
    desk: Desk, stripe: FakeStripe
) -> None:
    _, _, link = await _collected(desk)
    stripe.pay(link)
    twins = [
        event_body(json.loads(body) | {"id": f"{json.loads(body)['id']}_{number}"})
        for body in _bodies(stripe)
        for number in range(50)
    ]
    opaque_id = await desk.opaque_id()

    await asyncio.gather(*(desk.deliver(body, secret=_secret(stripe), opaque_id=opaque_id) for body in twins))
    await desk.quiet(hurry=True)

    assert len(await desk.heard(PaymentReceived)) == 1
    assert len(await desk.entries()) == 1
    assert set(await _states(desk)) == {"applied"}
    assert await desk.parked() == []


async def test_webhook_and_poller_and_closing_at_once_are_one_payment(desk: Desk, stripe: FakeStripe) -> None:
    invoice, _, link = await _collected(desk)
    stripe.pay(link)

    await asyncio.gather(
        desk.say(invoice.void_requested(attempt=1)),
        desk.poll_now(),
        *(desk.deliver(body, secret=_secret(stripe)) for body in _bodies(stripe)),
    )
    await desk.quiet(hurry=True)

    assert len(await desk.heard(PaymentReceived)) == 1
    assert len(await desk.entries()) == 1


async def test_an_event_that_comes_before_the_link_is_recorded_waits_for_it(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    await desk.quiet()
    stripe.fail("create_payment_link", StripeFailure(FailureKind.UNKNOWN), after=True)
    await desk.say(desk.invoice().sent())

    async def made() -> bool:
        return len(stripe.owner.links) == 1

    await run_until(made)
    stripe.pay(str(stripe.owner.links[0]["id"]))
    for body in _bodies(stripe):
        await desk.deliver(body, secret=_secret(stripe))
    await desk.quiet(hurry=True)

    (received,) = await desk.heard(PaymentReceived)
    assert received.late is False
    said = [row["type"] for row in await desk.rows.fetch("select type from payment.outbox order by id")]
    assert said.index(PaymentLinkCreated.event_type) < said.index(PaymentReceived.event_type)


async def test_a_completed_bank_debit_is_no_money_until_it_arrived(desk: Desk, stripe: FakeStripe) -> None:
    _, _, link = await _collected(desk)
    session_id = stripe.pay(link, settled=False)
    await desk.deliver(_bodies(stripe)[0], secret=_secret(stripe))
    await desk.quiet()
    assert await desk.heard(PaymentReceived) == []
    assert [row["in_flight"] for row in await desk.links()] == [True]

    stripe.settle(session_id)
    (body,) = _bodies(stripe, "checkout.session.async_payment_succeeded")
    await desk.deliver(body, secret=_secret(stripe))
    await desk.hear(PaymentReceived)
    await desk.quiet()

    assert [row["in_flight"] for row in await desk.links()] == [False]


async def test_a_wrong_amount_on_our_own_link_is_money_all_the_same(desk: Desk, stripe: FakeStripe) -> None:
    _, _, link = await _collected(desk)
    stripe.pay(link, amount=100)

    await desk.deliver(_bodies(stripe)[0], secret=_secret(stripe))
    (received,) = await desk.hear(PaymentReceived)

    assert (received.amount_minor, received.expected_minor) == (100, 12345)


async def test_metadata_that_names_our_link_on_a_foreign_session_settles_nothing(
    desk: Desk, stripe: FakeStripe
) -> None:
    _, created, link = await _collected(desk)
    foreign = {**stripe.owner.links[0], "id": "plink_foreign", "amount": 50, "active": True}
    stripe.owner.links.append(foreign)
    stripe.pay("plink_foreign")
    assert stripe.owner.sessions[0]["metadata"]["link_id"] == stripe.owner.links[0]["metadata"]["link_id"]

    for body in _bodies(stripe):
        await desk.deliver(body, secret=_secret(stripe))
    await desk.quiet(hurry=True)

    assert await desk.entries() == []
    assert await desk.heard(PaymentReceived) == []
    assert await _states(desk) == ["foreign", "foreign"]
    assert [row["captured_minor"] for row in await desk.links()] == [0]
    assert (created.attempt, link) == (1, stripe.owner.links[0]["id"])


async def test_metadata_forged_in_another_organisations_account_cannot_touch_our_invoice(
    desk: Desk, service_database: ServiceDatabase, stripe: FakeStripe
) -> None:
    _, _, link = await _collected(desk)
    async with desk_with(service_database, stripe) as hostile:
        await hostile.connect(OTHER_KEY)
        await hostile.quiet()
        account = stripe.accounts["acct_1FakeOther"]
        account.links.append({**stripe.owner.links[0], "id": "plink_hostile", "active": True})
        stripe.pay("plink_hostile")
        opaque = await hostile.rows.fetch(
            "select opaque_id from payment.webhook_endpoints where organization_id = $1", hostile.organization_id
        )
        for event in account.events:
            await hostile.deliver(
                event_body(event), secret=str(account.endpoints[0]["secret"]), opaque_id=opaque[0]["opaque_id"]
            )
        await hostile.quiet(hurry=True)

    assert await desk.entries() == []
    assert await desk.heard(PaymentReceived) == []
    assert link == stripe.owner.links[0]["id"]


async def test_a_body_of_an_old_version_leads_to_the_same_money(desk: Desk, stripe: FakeStripe) -> None:
    _, _, link = await _collected(desk)
    session_id = stripe.pay(link)
    old = {
        "id": "evt_old",
        "object": "event",
        "api_version": "2020-08-27",
        "type": "checkout.session.completed",
        "created": 1_893_000_001,
        "livemode": False,
        "pending_webhooks": 1,
        "data": {"object": {"id": session_id, "amount_total": 1, "currency": "usd", "payment_status": "unpaid"}},
    }

    await desk.deliver(event_body(old), secret=_secret(stripe))
    (received,) = await desk.hear(PaymentReceived)

    assert (received.amount_minor, received.currency) == (12345, "EUR")


async def test_with_stripe_away_the_event_waits_and_is_applied_later(desk: Desk, stripe: FakeStripe) -> None:
    _, _, link = await _collected(desk)
    stripe.pay(link)
    stripe.fail("retrieve_session", *[StripeFailure(FailureKind.UNKNOWN)] * 3)

    await desk.deliver(_bodies(stripe)[0], secret=_secret(stripe))
    await desk.quiet(hurry=True)

    assert len(await desk.heard(PaymentReceived)) == 1


async def test_with_a_revoked_key_money_waits_for_the_next_key(desk: Desk, stripe: FakeStripe) -> None:
    _, _, link = await _collected(desk)
    stripe.pay(link)
    known = stripe.keys.pop(KEY)
    await desk.deliver(_bodies(stripe)[0], secret=_secret(stripe))

    async def tried() -> bool:
        return bool(
            await desk.rows.fetch(
                "select 1 from payment.inbox where type = 'task.apply_stripe_event' and last_error is not null"
            )
        )

    await run_until(tried)
    stripe.keys["sk_test_51NextKeyOfTheOwner88"] = known
    await desk.connect("sk_test_51NextKeyOfTheOwner88")
    await desk.quiet(hurry=True)

    assert len(await desk.heard(PaymentReceived)) == 1


async def test_without_webhooks_the_poller_brings_events_and_sessions(desk: Desk, stripe: FakeStripe) -> None:
    _, _, link = await _collected(desk)
    stripe.pay(link)

    await desk.poll_now()
    await desk.poll_now()

    (received,) = await desk.heard(PaymentReceived)
    assert received.source == "poller"
    assert set(await _states(desk)) == {"applied"}


async def test_an_event_that_stripe_never_made_is_found_by_reading_the_sessions(desk: Desk, stripe: FakeStripe) -> None:
    _, _, link = await _collected(desk)
    stripe.pay(link)
    stripe.owner.events.clear()

    await desk.poll_now()

    assert len(await desk.heard(PaymentReceived)) == 1
    assert await _states(desk) == []


async def test_a_poll_that_fails_changes_nothing_and_the_next_one_works(desk: Desk, stripe: FakeStripe) -> None:
    _, _, link = await _collected(desk)
    stripe.pay(link)
    stripe.fail("events_since", StripeFailure(FailureKind.UNKNOWN))

    await desk.poll_now()
    assert await desk.heard(PaymentReceived) == []
    await desk.poll_now()

    assert len(await desk.heard(PaymentReceived)) == 1


async def test_the_poller_looks_two_hours_back_from_the_newest_event_it_saw(desk: Desk, stripe: FakeStripe) -> None:
    _, _, link = await _collected(desk)
    stripe.pay(link)
    await desk.poll_now()
    newest = max(event["created"] for event in stripe.owner.events)
    late_comer = {**stripe.owner.events[0], "id": "evt_late", "created": newest - 7100}
    too_old = {**stripe.owner.events[0], "id": "evt_too_old", "created": newest - 7300}
    stripe.owner.events += [late_comer, too_old]

    await desk.poll_now()

    stored = {row["event_id"] for row in await desk.rows.fetch("select event_id from payment.stripe_events")}
    assert "evt_late" in stored
    assert "evt_too_old" not in stored
