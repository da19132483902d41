"""From a link to money and back: link, page, card, bank debit, limit, expiry, refund."""

from typing import Any

import pytest
import stripe


async def event_types(bench: Any) -> list[str]:
    """Oldest first."""
    events = await bench.client.v1.events.list_async({"limit": 100})
    return [event.type for event in reversed(events.data)]


async def test_a_card_pays_the_link_and_every_object_agrees(bench: Any) -> None:
    link = await bench.new_link()
    session_id = await bench.opened(link)

    answer = await bench.http.post(f"/c/pay/{session_id}", data={"card": "4242 4242 4242 4242", "email": "a@b.example"})

    assert answer.status_code == 303
    expand = ["payment_intent.latest_charge.balance_transaction", "line_items"]
    session = await bench.client.v1.checkout.sessions.retrieve_async(session_id, {"expand": expand})
    assert (session.status, session.payment_status, session.amount_total) == ("complete", "paid", 12345)
    assert session.metadata["link_id"] == "lnk_1"
    assert session.customer_details.email == "a@b.example"
    assert session.line_items.data[0].description == "Invoice 1"
    intent = session.payment_intent
    assert (intent.status, intent.amount_received, intent.description) == ("succeeded", 12345, "Invoice 1")
    assert intent.metadata["link_id"] == "lnk_1"
    assert intent.latest_charge.balance_transaction.net == 12345 - 358
    assert await event_types(bench) == [
        "payment_link.created",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "payment_link.updated",
    ]


@pytest.mark.parametrize(
    ("card", "decline_code"),
    [("4000000000009995", "insufficient_funds"), ("4000000000000002", "generic_decline")],
)
async def test_a_declined_card_leaves_the_session_open_for_another_try(
    bench: Any, card: str, decline_code: str
) -> None:
    link = await bench.new_link()
    session_id = await bench.opened(link)

    refused = await bench.http.post(f"/c/pay/{session_id}", data={"card": card})

    assert refused.status_code == 402
    session = await bench.client.v1.checkout.sessions.retrieve_async(session_id, {"expand": ["payment_intent"]})
    assert (session.status, session.payment_intent.status) == ("open", "requires_payment_method")
    assert session.payment_intent.last_payment_error.decline_code == decline_code
    paid = await bench.control(f"pay/{session_id}", card="4242424242424242")
    assert paid["payment_intent"] == session.payment_intent.id
    assert (await event_types(bench)).count("payment_intent.created") == 1


async def test_a_card_that_is_no_test_card_is_refused_and_nothing_is_recorded(bench: Any) -> None:
    session_id = await bench.opened(await bench.new_link())

    answer = await bench.http.post(f"/c/pay/{session_id}", data={"card": "4111111111111111"})

    assert answer.status_code == 402
    assert "test cards only" in answer.text
    assert "4111111111111111" not in answer.text
    assert await event_types(bench) == ["payment_link.created"]


async def test_a_completed_session_meets_the_limit_and_the_link_closes_by_itself(bench: Any) -> None:
    link = await bench.new_link()

    await bench.control(f"pay/{link.id}")

    closed = await bench.client.v1.payment_links.retrieve_async(link.id)
    assert closed.active is False
    assert closed.restrictions.completed_sessions.count == 1
    page = await bench.http.get(link.url)
    assert page.status_code == 410
    assert "This invoice can no longer be paid here." in page.text


async def test_a_session_opened_before_its_link_was_deactivated_is_still_paid(bench: Any) -> None:
    link = await bench.new_link()
    session_id = await bench.opened(link)
    await bench.client.v1.payment_links.update_async(link.id, {"active": False})

    answer = await bench.http.post(f"/c/pay/{session_id}", data={"card": "4242424242424242"})

    assert answer.status_code == 303
    assert (await bench.http.get(link.url)).status_code == 410
    session = await bench.client.v1.checkout.sessions.retrieve_async(session_id)
    assert session.payment_status == "paid"


async def test_two_open_sessions_of_one_link_are_both_paid(bench: Any) -> None:
    link = await bench.new_link()
    first, second = await bench.opened(link), await bench.opened(link)

    await bench.control(f"pay/{first}")
    await bench.control(f"pay/{second}")

    totals = (await bench.look("ledger"))["accounts"][bench.account]["totals"]
    assert totals == {"eur": {"received": 24690, "refunded": 0}}


async def test_an_expired_session_cannot_be_paid(bench: Any) -> None:
    session_id = await bench.opened(await bench.new_link())
    await bench.client.v1.checkout.sessions.expire_async(session_id)

    answer = await bench.http.post(f"/_sandbox/pay/{session_id}", json={})

    assert answer.status_code == 400
    assert (await bench.http.get(f"/c/pay/{session_id}")).status_code == 410
    assert "checkout.session.expired" in await event_types(bench)


async def test_a_session_expires_by_itself_after_a_day_and_its_unpaid_intent_with_it(bench: Any) -> None:
    session_id = await bench.opened(await bench.new_link())
    await bench.http.post(f"/_sandbox/pay/{session_id}", json={"card": "4000000000000002"})

    await bench.control("clock/advance", seconds=24 * 3600 + 1)

    session = await bench.client.v1.checkout.sessions.retrieve_async(session_id, {"expand": ["payment_intent"]})
    assert (session.status, session.payment_intent.status) == ("expired", "canceled")


async def test_a_complete_session_refuses_to_expire(bench: Any) -> None:
    link = await bench.new_link()
    paid = await bench.control(f"pay/{link.id}")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await bench.client.v1.checkout.sessions.expire_async(paid["id"])

    assert refusal.value.http_status == 400
    assert "complete" in str(refusal.value)


@pytest.mark.parametrize(
    ("method", "payment_status", "intent_status", "last_event"),
    [
        ("debit_succeeds", "paid", "succeeded", "checkout.session.async_payment_succeeded"),
        ("debit_fails", "unpaid", "requires_payment_method", "checkout.session.async_payment_failed"),
    ],
)
async def test_a_bank_debit_is_complete_but_unpaid_until_it_settles(
    bench: Any, method: str, payment_status: str, intent_status: str, last_event: str
) -> None:
    session_id = await bench.opened(await bench.new_link())
    await bench.http.post(f"/c/pay/{session_id}", data={"method": method})
    waiting = await bench.client.v1.checkout.sessions.retrieve_async(session_id, {"expand": ["payment_intent"]})

    await bench.control("clock/advance", seconds=3 * 86400 + 1)

    assert (waiting.status, waiting.payment_status, waiting.payment_intent.status) == (
        "complete",
        "unpaid",
        "processing",
    )
    settled = await bench.client.v1.checkout.sessions.retrieve_async(session_id, {"expand": ["payment_intent"]})
    assert (settled.payment_status, settled.payment_intent.status) == (payment_status, intent_status)
    assert (await event_types(bench))[-1] == last_event


async def test_a_debit_can_be_settled_against_the_payers_choice(bench: Any) -> None:
    paid = await bench.control(f"pay/{(await bench.new_link()).id}", card="debit_succeeds")

    intent = await bench.control(f"settle/{paid['id']}", outcome="failed")

    assert intent["last_payment_error"]["code"] == "payment_intent_payment_attempt_failed"
    again = await bench.http.post(f"/_sandbox/settle/{paid['id']}", json={})
    assert again.status_code == 409


async def test_a_redirect_after_completion_carries_the_session_id(bench: Any) -> None:
    target = "https://shop.example/done?session={CHECKOUT_SESSION_ID}"
    link = await bench.new_link(after_completion={"type": "redirect", "redirect": {"url": target}})
    session_id = await bench.opened(link)

    answer = await bench.http.post(f"/c/pay/{session_id}", data={"card": "4242424242424242"})

    assert answer.headers["location"] == f"https://shop.example/done?session={session_id}"


async def test_refunds_add_up_and_never_exceed_the_charge(bench: Any) -> None:
    paid = await bench.control(f"pay/{(await bench.new_link()).id}")
    refunds = bench.client.v1.refunds

    first = await refunds.create_async({"payment_intent": paid["payment_intent"], "amount": 4000})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be refunded"):
        await refunds.create_async({"payment_intent": paid["payment_intent"], "amount": 8346})
    rest = await refunds.create_async({"payment_intent": paid["payment_intent"]})
    with pytest.raises(stripe.InvalidRequestError) as over:
        await refunds.create_async({"payment_intent": paid["payment_intent"]})

    assert (first.amount, first.status, rest.amount) == (4000, "succeeded", 8345)
    assert over.value.code == "charge_already_refunded"
    charge = await bench.client.v1.charges.retrieve_async(first.charge)
    assert (charge.amount_refunded, charge.refunded) == (12345, True)
    listed = await refunds.list_async({"payment_intent": paid["payment_intent"]})
    assert [refund.id for refund in listed.data] == [rest.id, first.id]


async def test_a_session_can_be_made_without_a_link(bench: Any) -> None:
    params = {"mode": "payment", "line_items": bench.items("eur", 500), "success_url": "https://shop.example/ok"}

    session = await bench.client.v1.checkout.sessions.create_async(params)
    answer = await bench.http.post(session.url, data={"card": "4242424242424242"})

    assert answer.headers["location"] == "https://shop.example/ok"
    assert session.payment_link is None
