"""Writes with an Idempotency-Key happen once, and are answered alike every time."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from invoice_service.app import describe_public_api
from invoice_tests.driver import Driver
from invoice_tests.every_operation import CALLS, Stage, operations_of
from invoice_tests.make import Account, customer_body, draft_body

OPERATIONS = operations_of(describe_public_api())
ENDING_SESSIONS = {"end_session", "end_all_sessions", "end_one_session"}
"""Of a person and no organisation; ending what has ended changes nothing."""
WRITES = sorted(name for name in CALLS if OPERATIONS[name].method != "GET")


async def test_fifty_posts_at_once_make_one_invoice(account: Account) -> None:
    body = draft_body(customer_id=(await account.customer())["id"])
    gate = asyncio.Event()

    async def post() -> tuple[int, str, str]:
        await gate.wait()
        response = await account.send("POST", "/v1/invoices", body, idempotency_key="order-1")
        return response.status_code, response.json()["id"], response.headers["etag"]

    posts = [asyncio.create_task(post()) for _ in range(50)]
    gate.set()
    answers = await asyncio.gather(*posts)

    assert len(set(answers)) == 1
    assert answers[0][0] == 201
    assert len((await account.get("/v1/invoices"))["data"]) == 1


async def test_a_repeated_request_says_that_it_is_a_repetition(account: Account) -> None:
    first = await account.send("POST", "/v1/customers", customer_body(), idempotency_key="a")
    again = await account.send("POST", "/v1/customers", customer_body(), idempotency_key="a")

    assert again.json() == first.json()
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_key_cannot_be_used_for_another_request(account: Account) -> None:
    await account.send("POST", "/v1/customers", customer_body(), idempotency_key="a")

    other_body = await account.send("POST", "/v1/customers", customer_body(name="Other"), idempotency_key="a")
    other_path = await account.send("PATCH", "/v1/settings/organization", {"name": "Other"}, idempotency_key="a")

    assert (other_body.status_code, other_path.status_code) == (422, 422)
    assert other_body.json()["code"] == "idempotency-key-reused"


async def test_a_refused_request_does_not_use_up_its_key(account: Account) -> None:
    refused = await account.send(
        "POST", "/v1/invoices", draft_body(customer_id="cus_00000000000000000000000000"), idempotency_key="a"
    )
    body = draft_body(customer_id=(await account.customer())["id"])

    accepted = await account.send("POST", "/v1/invoices", body, idempotency_key="a")

    assert refused.status_code == 422
    assert accepted.status_code == 201


async def test_without_a_key_every_request_is_a_new_one(account: Account) -> None:
    for _ in range(2):
        await account.customer()

    assert len((await account.get("/v1/customers"))["data"]) == 2


async def test_a_key_that_is_too_long_is_refused(account: Account) -> None:
    response = await account.send("POST", "/v1/customers", customer_body(), idempotency_key="k" * 256)

    assert response.status_code == 422


def test_every_write_of_the_described_api_takes_a_key() -> None:
    document = describe_public_api()

    without = {
        operation.name
        for operation in OPERATIONS.values()
        if operation.method != "GET"
        and operation.path.startswith("/v1/")
        and "Idempotency-Key" not in _headers_of(document["paths"][operation.path][operation.method.lower()])
    }

    assert without == ENDING_SESSIONS
    assert len(WRITES) >= 20


@pytest.mark.parametrize("name", WRITES)
async def test_every_write_is_done_once_and_answered_alike(name: str, account: Account, driver: Driver) -> None:
    operation = OPERATIONS[name]
    call = await CALLS[name](Stage(account=account, driver=driver))
    call = replace(call, headers={**call.headers, "Idempotency-Key": "k"})
    first = await operation.send(account, call)
    before = await _everything(driver)

    again = await operation.send(account, call)

    assert first.is_success, first.text
    assert again.status_code == first.status_code
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers.get("etag") == first.headers.get("etag")
    assert _without_secret(again) == _without_secret(first)
    assert await _everything(driver) == before


def _headers_of(operation: dict[str, Any]) -> set[str]:
    return {str(part.get("name", part.get("$ref", ""))).rsplit("/", 1)[-1] for part in operation.get("parameters", [])}


def _without_secret(answer: httpx.Response) -> Any:
    """What is shown once is not in a replay; everything else is."""
    if not answer.content:
        return None
    body = answer.json()
    body.pop("secret", None)
    return body


async def _everything(driver: Driver) -> dict[str, int]:
    """A digest of each table; when a key was used last is no effect."""
    tables = await driver.query(
        "select table_name as name from information_schema.tables where table_schema = 'invoice' "
        "and table_type = 'BASE TABLE'"
    )
    digests = {}
    for name in (row["name"] for row in tables):
        [row] = await driver.query(
            "select coalesce(sum(hashtextextended((to_jsonb(t) - 'last_used_at')::text, 0)), 0)::text as digest "
            f'from invoice."{name}" t'
        )
        digests[name] = row["digest"]
    return digests
