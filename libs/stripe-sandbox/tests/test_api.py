"""The wire: keys, errors, cursors, expansion, versions and idempotency, as the real library sees them."""

import asyncio
from typing import Any

import httpx
import pytest
import stripe
from stripe_sandbox.testing import eventually


async def post(bench: Any, path: str, body: str, **headers: str) -> httpx.Response:
    sent = {"Authorization": f"Bearer {bench.key}", "Content-Type": "application/x-www-form-urlencoded", **headers}
    answer: httpx.Response = await bench.http.post(path, content=body, headers=sent)
    return answer


def code_of(refusal: stripe.StripeError) -> str | None:
    """The library fills `.code` for some classes only; the error object has it for all."""
    return refusal.error.code if refusal.error else None


async def test_the_account_of_the_key_answers(bench: Any) -> None:
    account = await bench.client.v1.accounts.retrieve_current_async()

    assert account.id == bench.account
    assert account.business_profile.name == "Nordlicht Studio"
    assert (account.charges_enabled, account.country) == (True, "DE")


async def test_an_unknown_an_expired_and_a_live_key_are_told_apart(bench: Any) -> None:
    codes = {}
    for key in ("sk_test_nobodyKnowsMe", bench.expired_key, "sk_live_12345678901234567890"):
        with pytest.raises(stripe.AuthenticationError) as refusal:
            await bench.client_for(key).v1.accounts.retrieve_current_async()
        assert key not in str(refusal.value)
        codes[key] = code_of(refusal.value)

    assert codes["sk_test_nobodyKnowsMe"] is None
    assert codes[bench.expired_key] == "api_key_expired"
    assert "looks like a live one" in (await bench.http.get("/v1/account", auth=("sk_live_12345678", ""))).text


async def test_a_request_without_a_key_is_refused(bench: Any) -> None:
    answer = await bench.http.get("/v1/account")

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_basic_auth_works_as_curl_sends_it(bench: Any) -> None:
    answer = await bench.http.get("/v1/account", auth=(bench.key, ""))

    assert answer.json()["id"] == bench.account


async def test_a_restricted_key_is_told_the_permission_it_lacks(bench: Any) -> None:
    client = bench.client_for(bench.read_only_key)

    with pytest.raises(stripe.PermissionError) as refusal:
        await client.v1.payment_links.create_async(bench.link_params())

    assert refusal.value.http_status == 403
    assert "rak_payment_link_write" in str(refusal.value)
    assert (await client.v1.payment_links.list_async()).data == []


async def test_the_stripe_account_header_chooses_a_known_account_only(bench: Any) -> None:
    accounts = bench.client.v1.accounts

    other = await accounts.retrieve_current_async(options={"stripe_account": bench.other_account})
    with pytest.raises(stripe.PermissionError) as refusal:
        await accounts.retrieve_current_async(options={"stripe_account": "acct_1Nobody"})

    assert other.id == bench.other_account
    assert code_of(refusal.value) == "account_invalid"


async def test_one_account_does_not_see_the_others_objects(bench: Any) -> None:
    link = await bench.new_link()

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await bench.client_for(bench.other_key).v1.payment_links.retrieve_async(link.id)

    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")


WRONG_BODIES: list[tuple[str, str | None, str | None]] = [
    ("colour=red", "parameter_unknown", "colour"),
    ("line_items[0][quantity]=1&line_items[0][colour]=red", "parameter_unknown", "line_items[0][colour]"),
    ("", "parameter_missing", "line_items"),
    ("line_items[0][price_data][currency]=eur", "parameter_missing", "line_items[0][quantity]"),
    ("line_items[0][quantity]=many", "parameter_invalid_integer", "line_items[0][quantity]"),
    ("line_items=", None, "line_items"),
    ("line_items=5", None, "line_items"),
    ("line_items[x][quantity]=1", None, "line_items"),
    ("line_items[%C2%B2][quantity]=1", None, "line_items"),
    ("line_items[0]=5", None, "line_items[0]"),
    ("metadata[a]=1&metadata=x", None, "metadata"),
]
WRONG_QUERIES = [
    ("payment_links?colour=red", "colour"),
    ("payment_links?limit=0", "limit"),
    ("payment_links?limit=101", "limit"),
    ("payment_links?limit=ten", "limit"),
    ("payment_links?active=perhaps", "active"),
    ("payment_links?starting_after=plink_none", "starting_after"),
    ("events?type=a&types[]=b", "types"),
    ("checkout/sessions?status=closed", "status"),
    ("events?created[after]=1", "created[after]"),
]


async def test_each_wrong_parameter_is_named_with_its_code(bench: Any) -> None:
    answers = {body: await post(bench, "/v1/payment_links", body) for body, _, _ in WRONG_BODIES}

    assert {answer.status_code for answer in answers.values()} == {400}
    errors = [(body, answer.json()["error"]) for body, answer in answers.items()]
    assert [(body, error.get("code"), error["param"]) for body, error in errors] == WRONG_BODIES


async def test_each_wrong_query_is_refused_by_name(bench: Any) -> None:
    answers = {query: await bench.http.get(f"/v1/{query}", auth=(bench.key, "")) for query, _ in WRONG_QUERIES}

    assert {answer.status_code for answer in answers.values()} == {400}
    assert [(query, answer.json()["error"]["param"]) for query, answer in answers.items()] == WRONG_QUERIES


async def test_a_parameter_the_sandbox_does_not_act_on_is_refused_rather_than_ignored(bench: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await bench.new_link(allow_promotion_codes=True)

    assert refusal.value.code == "sandbox_unsupported"


async def test_both_price_and_price_data_are_refused(bench: Any) -> None:
    items = [{**bench.items("eur", 500)[0], "price": "price_1"}]

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await bench.new_link(line_items=items)

    assert refusal.value.code == "parameters_exclusive"


async def test_metadata_with_digits_for_keys_comes_back_as_it_was_sent(bench: Any) -> None:
    link = await bench.new_link(metadata={"0": "a", "1": "b", "2026": "c"})

    assert link.metadata.to_dict() == {"0": "a", "1": "b", "2026": "c"}


async def test_metadata_is_merged_and_an_empty_value_removes_its_key(bench: Any) -> None:
    link = await bench.new_link(metadata={"a": "1", "b": "2"})

    updated = await bench.client.v1.payment_links.update_async(link.id, {"metadata": {"a": "", "c": "3"}})

    assert updated.metadata.to_dict() == {"b": "2", "c": "3"}


async def test_an_unknown_url_is_404_in_json(bench: Any) -> None:
    answer = await bench.http.get("/v1/subscriptions", auth=(bench.key, ""))

    assert answer.status_code == 404
    assert "Unrecognized request URL" in answer.json()["error"]["message"]


async def test_the_version_is_echoed_and_every_answer_has_a_request_id(bench: Any) -> None:
    answer = await bench.http.get("/v1/account", auth=(bench.key, ""), headers={"Stripe-Version": "2026-10-28.endive"})

    assert answer.headers["stripe-version"] == "2026-10-28.endive"
    assert answer.headers["request-id"].startswith("req_")


async def test_a_list_is_walked_page_by_page_without_gap_or_repeat(bench: Any) -> None:
    made = [(await bench.new_link()).id for _ in range(7)]

    first = await bench.client.v1.payment_links.list_async({"limit": 3})
    walked = [link.id async for link in first.auto_paging_iter()]

    assert first.has_more is True
    assert walked == made[::-1]


async def test_ending_before_gives_the_page_just_newer(bench: Any) -> None:
    made = [(await bench.new_link()).id for _ in range(4)]

    page = await bench.client.v1.payment_links.list_async({"limit": 2, "ending_before": made[0]})

    assert [link.id for link in page.data] == [made[2], made[1]]
    assert page.has_more is True


async def test_lists_filter_by_what_the_caller_asks(bench: Any) -> None:
    open_link, closed_link = await bench.new_link(), await bench.new_link()
    await bench.client.v1.payment_links.update_async(closed_link.id, {"active": False})
    session_id = await bench.opened(open_link)

    active = await bench.client.v1.payment_links.list_async({"active": True})
    sessions = bench.client.v1.checkout.sessions
    none = await sessions.list_async({"payment_link": open_link.id, "status": "complete"})
    one = await sessions.list_async({"payment_link": open_link.id, "status": "open"})

    assert [link.id for link in active.data] == [open_link.id]
    assert (none.data, [session.id for session in one.data]) == ([], [session_id])


async def test_events_are_filtered_by_types_and_time_and_forgotten_after_30_days(bench: Any) -> None:
    await bench.control(f"pay/{(await bench.new_link()).id}")
    events = bench.client.v1.events
    chosen = await events.list_async({"types": ["charge.succeeded", "payment_link.created"]})
    now = (await bench.look("health"))["now"]

    later = await events.list_async({"created": {"gte": now + 60}})
    await bench.control("clock/advance", seconds=31 * 86400)

    assert [event.type for event in chosen.data] == ["charge.succeeded", "payment_link.created"]
    assert later.data == []
    assert (await events.list_async()).data == []


async def test_expanding_follows_the_path_and_refuses_what_cannot_be_expanded(bench: Any) -> None:
    await bench.control(f"pay/{(await bench.new_link()).id}")
    sessions = bench.client.v1.checkout.sessions

    plain = await sessions.list_async()
    expanded = await sessions.list_async({"expand": ["data.payment_intent.latest_charge", "data.payment_link"]})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        await sessions.list_async({"expand": ["data.currency"]})

    assert isinstance(plain.data[0].payment_intent, str)
    assert expanded.data[0].payment_intent.latest_charge.status == "succeeded"
    assert expanded.data[0].payment_link.active is False
    assert plain.data[0].line_items is None


async def test_line_items_keep_their_price_and_change_in_quantity_only(bench: Any) -> None:
    links = bench.client.v1.payment_links
    link = await bench.new_link()
    item = (await links.line_items.list_async(link.id)).data[0]

    await links.update_async(link.id, {"line_items": [{"id": item.id, "quantity": 2}]})

    changed = (await links.line_items.list_async(link.id)).data[0]
    assert (changed.id, changed.quantity, changed.amount_total) == (item.id, 2, 24690)
    assert changed.price.unit_amount == 12345


async def test_the_same_key_and_parameters_replay_the_first_answer(bench: Any) -> None:
    body = "line_items[0][quantity]=1&line_items[0][price_data][currency]=eur"
    body += "&line_items[0][price_data][unit_amount]=500&line_items[0][price_data][product_data][name]=x"

    first = await post(bench, "/v1/payment_links", body, **{"Idempotency-Key": "k1"})
    second = await post(bench, "/v1/payment_links", body, **{"Idempotency-Key": "k1"})

    assert first.text == second.text
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"]
    assert len((await bench.client.v1.payment_links.list_async()).data) == 1


async def test_the_same_key_with_other_parameters_is_an_idempotency_error(bench: Any) -> None:
    links = bench.client.v1.payment_links
    await links.create_async(bench.link_params(), {"idempotency_key": "k1"})

    with pytest.raises(stripe.IdempotencyError) as refusal:
        await links.create_async(bench.link_params(inactive_message="other"), {"idempotency_key": "k1"})

    assert refusal.value.http_status == 400
    assert len((await links.list_async()).data) == 1


async def test_a_refused_parameter_leaves_the_key_free(bench: Any) -> None:
    links = bench.client.v1.payment_links
    with pytest.raises(stripe.InvalidRequestError):
        await links.create_async(bench.link_params(line_items=bench.items("eur", 1)), {"idempotency_key": "k1"})

    link = await links.create_async(bench.link_params(), {"idempotency_key": "k1"})

    assert link.active is True


async def test_a_key_is_forgotten_after_24_hours_of_the_sandboxs_clock(bench: Any) -> None:
    links = bench.client.v1.payment_links
    first = await links.create_async(bench.link_params(), {"idempotency_key": "k1"})
    await bench.control("clock/advance", seconds=24 * 3600 - 60)
    replayed = await links.create_async(bench.link_params(), {"idempotency_key": "k1"})

    await bench.control("clock/advance", seconds=61)
    fresh = await links.create_async(bench.link_params(), {"idempotency_key": "k1"})

    assert replayed.id == first.id
    assert fresh.id != first.id


async def test_a_key_in_use_answers_409_and_then_replays(bench: Any) -> None:
    links = bench.client.v1.payment_links
    await bench.control("faults", kind="api", method="POST", path="/v1/payment_links", delay_seconds=0.3)
    slow = asyncio.create_task(links.create_async(bench.link_params(), {"idempotency_key": "k1"}))
    await eventually(lambda: bench.sandbox.keys_in_flight, what="the slow request begins")

    with pytest.raises(stripe.APIError) as refusal:
        await links.create_async(bench.link_params(), {"idempotency_key": "k1"})

    assert refusal.value.http_status == 409
    first = await slow
    assert (await links.create_async(bench.link_params(), {"idempotency_key": "k1"})).id == first.id


async def test_a_refused_refund_is_replayed_under_its_key(bench: Any) -> None:
    paid = await bench.control(f"pay/{(await bench.new_link()).id}")
    refunds = bench.client.v1.refunds
    await refunds.create_async({"payment_intent": paid["payment_intent"]})
    again: Any = {"payment_intent": paid["payment_intent"]}
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            await refunds.create_async(again, {"idempotency_key": "k9"})
        assert refusal.value.code == "charge_already_refunded"

    assert [entry["replayed"] for entry in await bench.look("log?path=/v1/refunds")][-2:] == [False, True]


async def test_an_intent_of_a_checkout_cannot_be_canceled_by_itself(bench: Any) -> None:
    paid = await bench.control(f"pay/{(await bench.new_link()).id}")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await bench.client.v1.payment_intents.cancel_async(paid["payment_intent"])

    assert refusal.value.code == "payment_intent_unexpected_state"


async def test_fifty_requests_at_once_under_one_key_make_one_link(bench: Any) -> None:
    create = bench.client.v1.payment_links.create_async

    made = await asyncio.gather(*(create(bench.link_params(), {"idempotency_key": "k1"}) for _ in range(50)))

    assert len({link.id for link in made}) == 1
    assert len((await bench.client.v1.payment_links.list_async()).data) == 1
