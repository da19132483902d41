"""What the door to Stripe promises, kept by the fake of the tests and by the real gateway against the sandbox alike."""

from collections.abc import AsyncIterator

import pytest
from payment_service.domain.link_request import frozen_link_request, link_metadata
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.domain.stripe_events import SESSION_EVENTS, SUBSCRIBED_EVENTS, read_envelope
from payment_service.domain.stripe_objects import LinkAtStripe
from payment_service.domain.stripe_outcomes import Capture, NoMoney, money_in
from payment_service.stripe_door import Probe
from payment_tests.benches import Bench, access, fake_bench, sandbox_bench


@pytest.fixture(params=["fake", "gateway"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "fake":
        async with fake_bench() as fake:
            yield fake
    else:
        async with sandbox_bench() as sandbox:
            yield sandbox


def _request(*, amount: int = 12345, link: str = "lnk_1") -> str:
    return frozen_link_request(
        stripe_amount=amount,
        currency="EUR",
        invoice_number="INV-2026-0001",
        description="Website",
        return_url="https://invoices.example.test/i/token",
        metadata=link_metadata(organization="org_1", invoice="inv_1", link=link, attempt=1),
    )


async def _link(bench: Bench, *, key: str = "icl-lnk_1-1", **requested: object) -> LinkAtStripe:
    return await bench.door.create_payment_link(
        bench.owner,
        request=_request(**requested),  # type: ignore[arg-type]
        idempotency_key=key,
    )


async def test_a_link_is_made_active_with_our_metadata(bench: Bench) -> None:
    link = await _link(bench)

    assert link.active
    assert link.url.startswith("http")
    assert link.metadata == link_metadata(organization="org_1", invoice="inv_1", link="lnk_1", attempt=1)


async def test_the_same_key_with_the_same_request_is_the_same_link(bench: Bench) -> None:
    first, second = await _link(bench), await _link(bench)

    assert first.id == second.id


async def test_the_same_key_with_another_request_is_refused_for_good(bench: Bench) -> None:
    await _link(bench)

    with pytest.raises(StripeFailure) as failure:
        await _link(bench, amount=999)

    assert failure.value.kind is FailureKind.KEY_REUSED


async def test_an_amount_below_the_minimum_says_so(bench: Bench) -> None:
    with pytest.raises(StripeFailure) as failure:
        await _link(bench, amount=1)

    assert (failure.value.kind, failure.value.code) == (FailureKind.REFUSED, "amount_too_small")


async def test_a_key_that_nobody_knows_is_refused(bench: Bench) -> None:
    with pytest.raises(StripeFailure) as failure:
        await bench.door.read_account(access("sk_test_51NobodyKnowsThisKey99", "nobody"))

    assert failure.value.kind is FailureKind.KEY_REFUSED
    assert "NobodyKnows" not in f"{failure.value!r}{failure.value}"


async def test_a_restricted_key_names_the_permission_it_lacks(bench: Bench) -> None:
    with pytest.raises(StripeFailure) as failure:
        await bench.door.probe(bench.read_only, Probe.EVENTS)

    assert (failure.value.kind, failure.value.permission) == (FailureKind.PERMISSION_MISSING, "rak_event_read")


@pytest.mark.parametrize("probe", Probe)
async def test_a_full_key_passes_every_probe(bench: Bench, probe: Probe) -> None:
    await bench.door.probe(bench.owner, probe)


async def test_the_account_is_read(bench: Bench) -> None:
    account = await bench.door.read_account(bench.owner)

    assert account.id.startswith("acct_")
    assert (account.country, account.default_currency) == ("DE", "eur")
    assert account.name


async def test_another_account_does_not_see_the_link(bench: Bench) -> None:
    link = await _link(bench)

    with pytest.raises(StripeFailure) as failure:
        await bench.door.retrieve_payment_link(bench.other, link_id=link.id)

    assert failure.value.kind is FailureKind.NOT_FOUND


async def test_deactivating_is_read_back_and_may_be_repeated(bench: Bench) -> None:
    link = await _link(bench)

    await bench.door.deactivate_payment_link(bench.owner, link_id=link.id)
    await bench.door.deactivate_payment_link(bench.owner, link_id=link.id)

    assert not (await bench.door.retrieve_payment_link(bench.owner, link_id=link.id)).active


async def test_links_are_listed_newest_first_whether_active_or_not(bench: Bench) -> None:
    older = await _link(bench)
    newer = await _link(bench, key="icl-lnk_2-1", link="lnk_2")
    await bench.door.deactivate_payment_link(bench.owner, link_id=newer.id)

    listed = [link async for link in bench.door.payment_links(bench.owner)]

    assert [link.id for link in listed] == [newer.id, older.id]
    assert listed[0].metadata["link_id"] == "lnk_2"


async def test_a_session_that_was_open_can_be_paid_after_its_link_was_deactivated(bench: Bench) -> None:
    link = await _link(bench)
    session_id = await bench.open(link.id)
    await bench.door.deactivate_payment_link(bench.owner, link_id=link.id)

    await bench.pay(session_id)

    paid = await bench.door.retrieve_session(bench.owner, session_id=session_id)
    assert paid.paid


async def test_an_open_session_is_no_money_and_can_be_expired_once(bench: Bench) -> None:
    link = await _link(bench)
    session_id = await bench.open(link.id)
    seen = await bench.door.retrieve_session(bench.owner, session_id=session_id)

    expired = await bench.door.expire_session(bench.owner, session_id=session_id)

    assert isinstance(money_in(seen), NoMoney)
    assert expired.status == "expired"
    assert not await bench.door.sessions_of_link(bench.owner, link_id=link.id, status="open")
    with pytest.raises(StripeFailure) as failure:
        await bench.door.expire_session(bench.owner, session_id=session_id)
    assert failure.value.kind is FailureKind.REFUSED


async def test_a_paid_session_tells_its_link_its_intent_its_charge_and_its_amount(bench: Bench) -> None:
    link = await _link(bench)

    session_id = await bench.pay(link.id)

    seen = await bench.door.retrieve_session(bench.owner, session_id=session_id)
    money = money_in(seen)
    assert isinstance(money, Capture)
    assert seen.payment_link == link.id
    assert (money.stripe_amount, money.currency, money.method) == (12345, "eur", "card")
    assert money.payment_intent_id.startswith("pi_")
    assert money.charge_id.startswith("ch_")
    assert seen.metadata["link_id"] == "lnk_1"
    assert seen.raw["id"] == session_id


async def test_a_paid_session_is_found_by_its_link_and_by_its_intent(bench: Bench) -> None:
    link = await _link(bench)
    session_id = await bench.pay(link.id)
    seen = await bench.door.retrieve_session(bench.owner, session_id=session_id)
    assert seen.payment_intent is not None

    by_link = await bench.door.sessions_of_link(bench.owner, link_id=link.id, status="complete")
    by_intent = await bench.door.sessions_of_intent(bench.owner, payment_intent_id=seen.payment_intent.id)

    assert [found.id for found in by_link] == [found.id for found in by_intent] == [session_id]


async def test_a_link_takes_one_payment(bench: Bench) -> None:
    link = await _link(bench)

    await bench.pay(link.id)

    assert not (await bench.door.retrieve_payment_link(bench.owner, link_id=link.id)).active


async def test_a_session_that_does_not_exist_is_not_found(bench: Bench) -> None:
    with pytest.raises(StripeFailure) as failure:
        await bench.door.retrieve_session(bench.owner, session_id="cs_test_nothing")

    assert failure.value.kind is FailureKind.NOT_FOUND


async def test_a_webhook_endpoint_says_its_secret_only_to_the_key_that_made_it(bench: Bench) -> None:
    url = "https://payments.example.test/webhooks/stripe/opaque"
    made = [
        await bench.door.create_webhook_endpoint(
            bench.owner, url=url, event_types=SUBSCRIBED_EVENTS, idempotency_key="icw-1-1"
        )
        for _ in range(2)
    ]

    (listed,) = await bench.door.webhook_endpoints(bench.owner)

    assert made[0] == made[1]
    assert made[0].secret.startswith("whsec_")
    assert (listed.id, listed.url, listed.secret) == (made[0].id, url, "")
    assert made[0].secret not in repr(made[0])


async def test_a_deleted_webhook_endpoint_is_gone(bench: Bench) -> None:
    made = await bench.door.create_webhook_endpoint(
        bench.owner, url="https://payments.example.test/x", event_types=SESSION_EVENTS, idempotency_key="icw-1-1"
    )

    await bench.door.delete_webhook_endpoint(bench.owner, endpoint_id=made.id)

    assert not await bench.door.webhook_endpoints(bench.owner)


async def test_a_payment_leaves_events_that_can_be_listed_like_webhooks(bench: Bench) -> None:
    link = await _link(bench)
    session_id = await bench.pay(link.id)

    found = [
        event
        async for event in bench.door.events_since(
            bench.owner, event_types=("checkout.session.completed", "payment_intent.succeeded"), created_from=0
        )
    ]

    bodies = [read_envelope(event.body) for event in found]
    assert sorted(body.type for body in bodies) == ["checkout.session.completed", "payment_intent.succeeded"]
    assert session_id in [body.data.object.id for body in bodies]


async def test_events_before_the_asked_time_or_of_other_types_are_left_out(bench: Bench) -> None:
    link = await _link(bench)
    await bench.pay(link.id)

    later = [
        e async for e in bench.door.events_since(bench.owner, event_types=SESSION_EVENTS, created_from=4_000_000_000)
    ]
    other = [e async for e in bench.door.events_since(bench.owner, event_types=("refund.created",), created_from=0)]

    assert later == other == []
