"""Faults on order: what a client meets, what was done behind its back, and that the sandbox is whole again after."""

from typing import Any

import pytest
import stripe


async def links(bench: Any) -> list[str]:
    return [link.id for link in (await bench.client.v1.payment_links.list_async({"limit": 100})).data]


@pytest.mark.parametrize(
    ("status", "error"), [(429, stripe.RateLimitError), (500, stripe.APIError), (503, stripe.APIError)]
)
async def test_a_status_is_answered_once_and_nothing_is_done(bench: Any, status: int, error: type[Exception]) -> None:
    await bench.control("faults", kind="api", method="POST", path="/v1/payment_links", status=status)

    with pytest.raises(error):
        await bench.new_link()

    assert await links(bench) == []
    assert (await bench.new_link()).active is True


async def test_a_lost_answer_leaves_the_work_done_and_the_key_gives_it_back(bench: Any) -> None:
    await bench.control("faults", kind="api", method="POST", path="/v1/payment_links", drop="after")

    with pytest.raises(stripe.APIConnectionError):
        await bench.client.v1.payment_links.create_async(bench.link_params(), {"idempotency_key": "k1"})

    made = await links(bench)
    again = await bench.client.v1.payment_links.create_async(bench.link_params(), {"idempotency_key": "k1"})
    assert made == [again.id]


async def test_a_connection_dropped_before_the_work_leaves_nothing(bench: Any) -> None:
    await bench.control("faults", kind="api", method="POST", path="/v1/payment_links", drop="before")

    with pytest.raises(stripe.APIConnectionError):
        await bench.new_link()

    assert await links(bench) == []


async def test_a_saved_500_is_replayed_for_its_key_and_for_no_other(bench: Any) -> None:
    await bench.control("faults", kind="api", method="POST", path="/v1/payment_links", status=500, saved=True)
    create = bench.client.v1.payment_links.create_async
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await create(bench.link_params(), {"idempotency_key": "k1"})

    link = await create(bench.link_params(), {"idempotency_key": "k2"})

    assert await links(bench) == [link.id]


async def test_a_fault_skips_waits_its_turn_and_keeps_to_its_path(bench: Any) -> None:
    await bench.control("faults", kind="api", path="/v1/checkout/sessions/*/expire", status=500, skip=1, times=2)
    statuses = []
    for _ in range(4):
        session_id = await bench.opened(await bench.new_link())
        answer = await bench.http.post(f"/v1/checkout/sessions/{session_id}/expire", auth=(bench.key, ""))
        statuses.append(answer.status_code)

    assert statuses == [200, 500, 500, 200]


async def test_faults_are_listed_and_cleared(bench: Any) -> None:
    shown = await bench.control("faults", kind="api", status=500, times=9)

    cleared = (await bench.http.delete("/_sandbox/faults")).json()

    assert [fault["times"] for fault in shown["api"]] == [9]
    assert cleared == {"api": [], "deliveries": []}


@pytest.mark.parametrize(
    "order",
    [
        {"kind": "api", "status": 200},
        {"kind": "api", "colour": "red"},
        {"kind": "weather"},
        {"kind": "delivery", "action": "lose"},
        {"kind": "api", "delay_seconds": -1},
    ],
)
async def test_an_impossible_fault_is_refused(bench: Any, order: dict[str, Any]) -> None:
    answer = await bench.http.post("/_sandbox/faults", json=order)

    assert answer.status_code == 422
    assert (await bench.look("faults")) == {"api": [], "deliveries": []}


async def test_the_log_keeps_raw_requests_without_the_key(bench: Any) -> None:
    await bench.client.v1.payment_links.create_async(bench.link_params(), {"idempotency_key": "k1"})

    entry = (await bench.look("log?method=POST"))[0]

    assert (entry["path"], entry["status"], entry["idempotency_key"]) == ("/v1/payment_links", 200, "k1")
    assert "unit_amount" in entry["body"]
    assert bench.key not in str(entry)


async def test_the_ledger_keeps_accounts_and_currencies_apart(bench: Any) -> None:
    await bench.control(f"pay/{(await bench.new_link()).id}")
    yen = await bench.new_link(line_items=bench.items("jpy", 5000))
    paid = await bench.control(f"pay/{yen.id}")
    await bench.client.v1.refunds.create_async({"payment_intent": paid["payment_intent"], "amount": 2000})
    waiting = await bench.new_link()

    books = (await bench.look("ledger"))["accounts"]

    assert books[bench.account]["totals"] == {
        "eur": {"received": 12345, "refunded": 0},
        "jpy": {"received": 5000, "refunded": 2000},
    }
    assert books[bench.account]["links_active"] == [waiting.id]
    assert books[bench.other_account]["totals"] == {}
    balance = await bench.client.v1.balance.retrieve_async()
    assert {part.currency: part.amount for part in balance.available} == {"eur": 11987, "jpy": 2855}


async def test_a_key_can_be_made_to_expire_and_come_back(bench: Any) -> None:
    await bench.control("keys", key=bench.key, account=bench.account, expired=True)
    with pytest.raises(stripe.AuthenticationError):
        await bench.client.v1.accounts.retrieve_current_async()

    await bench.control("keys", key=bench.key, account=bench.account)

    assert (await bench.client.v1.accounts.retrieve_current_async()).id == bench.account


async def test_a_live_key_cannot_be_added(bench: Any) -> None:
    answer = await bench.http.post("/_sandbox/keys", json={"key": "sk_live_abcdefgh1234", "account": "acct_1X"})

    assert answer.status_code == 422
    assert "sk_live_abcdefgh1234" not in answer.text
