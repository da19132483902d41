"""Writes with an Idempotency-Key happen once, and are answered alike every time."""

import asyncio

from invoice_service.app import create_public_app
from invoice_service.dependencies import Dependencies
from invoice_tests.make import Account, customer_body, draft_body


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


def test_every_write_of_the_described_api_takes_a_key(dependencies: Dependencies) -> None:
    described = create_public_app(dependencies).openapi()["paths"]

    writes = {
        f"{method} {path}": {(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", [])}
        for path, operations in described.items()
        for method, operation in operations.items()
        if path.startswith("/v1/") and method not in ("get", "parameters")
    }

    assert len(writes) >= 15
    assert [write for write, taken in writes.items() if ("header", "Idempotency-Key") not in taken] == []
