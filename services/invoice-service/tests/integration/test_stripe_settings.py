"""The secret key goes straight on to payment-service: its answer comes back, and the key is nowhere."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from contracts.ids import format_id
from invoice_service.app import create_public_app
from invoice_service.dependencies import Dependencies
from invoice_tests.driver import Driver
from invoice_tests.fakes import FakePaymentService
from invoice_tests.make import PAYMENT_SECRET, Account
from invoice_tests.scenes import connection
from service_kit.idempotency import fingerprint_of

KEY = "rk_test_51CanaryCanaryCanary9fQ2"
PATH = "/v1/settings/stripe/secret-key"


@pytest.fixture
def payment_service() -> FakePaymentService:
    return FakePaymentService(secret=PAYMENT_SECRET)


@pytest.fixture
async def connected(
    account: Account, dependencies: Dependencies, payment_service: FakePaymentService
) -> AsyncIterator[Account]:
    """The account at an API that reaches `payment_service`."""
    async with payment_service.listening() as url:
        app = create_public_app(replace(dependencies, payment_service_url=url))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://invoices.test") as http:
            yield replace(account, http=http)


def picture(account: Account, **overrides: Any) -> Any:
    return connection(account, **overrides).model_dump(mode="json")


def problem(code: str, detail: str) -> dict[str, str]:
    return {"code": code, "detail": detail, "title": "No", "type": f"urn:invoice-central:problem:{code}"}


async def test_without_any_key_stripe_is_not_connected(account: Account) -> None:
    assert (await account.get("/v1/settings/stripe"))["status"] == "not_connected"


async def test_an_accepted_key_shows_the_new_picture_at_once_and_is_kept_nowhere(
    connected: Account, payment_service: FakePaymentService, driver: Driver, capfd: pytest.CaptureFixture[str]
) -> None:
    payment_service.content = picture(connected, version=3)

    answer = await connected.send("PUT", PATH, {"secret_key": KEY}, idempotency_key="key-1")

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["key_last4"]) == ("ready", "9fQ2")
    assert (await connected.get("/v1/settings/stripe"))["status"] == "ready"
    [caller] = payment_service.callers
    assert (caller.organization_id, caller.issuer) == (connected.organization_id, "invoice-service")
    assert caller.actor == format_id("key", connected.key_id)
    assert payment_service.bodies == [{"secret_key": KEY}]
    tables = await driver.query("select table_name from information_schema.tables where table_schema = 'invoice'")
    for name in (row["table_name"] for row in tables):
        rows = await driver.query(f'select t::text as row from invoice."{name}" t')
        assert not any(KEY in row["row"] for row in rows), name
    shown = capfd.readouterr()
    assert KEY not in answer.text + shown.out + shown.err


async def test_an_older_picture_in_the_answer_does_not_replace_a_newer_event(
    connected: Account, payment_service: FakePaymentService, driver: Driver
) -> None:
    await driver.hear(connection(connected, version=5, key_last4="newr"))
    payment_service.content = picture(connected, version=4)

    await connected.send("PUT", PATH, {"secret_key": KEY})

    assert (await connected.get("/v1/settings/stripe"))["key_last4"] == "newr"


async def test_what_payment_service_refuses_is_passed_on_with_its_code_and_words(
    connected: Account, payment_service: FakePaymentService
) -> None:
    payment_service.media_type = "application/problem+json"
    cases = [
        (422, "key-wrong-kind", 422),
        (422, "key-refused", 422),
        (422, "key-lacks-permissions", 422),
        (409, "another-account-has-open-links", 409),
        (503, "stripe-not-answering", 503),
    ]

    for status, code, expected in cases:
        payment_service.status, payment_service.content = status, problem(code, "Paste a secret key.")
        answer = await connected.send("PUT", PATH, {"secret_key": KEY})

        assert (answer.status_code, answer.json()["code"]) == (expected, code)
        assert answer.json()["detail"] == "Paste a secret key."
    assert (await connected.get("/v1/settings/stripe"))["status"] == "not_connected"


async def test_words_that_repeat_the_key_are_not_passed_on(
    connected: Account, payment_service: FakePaymentService
) -> None:
    payment_service.media_type, payment_service.status = "application/problem+json", 422
    payment_service.content = problem("key-refused", f"Invalid API key: {KEY}")

    answer = await connected.send("PUT", PATH, {"secret_key": KEY})

    assert answer.json()["code"] == "key-refused"
    assert KEY not in answer.text


async def test_odd_answers_are_not_available_and_nothing_is_saved(
    connected: Account, payment_service: FakePaymentService, new_account: Any
) -> None:
    stranger = await new_account()
    odd: list[tuple[int, Any, str]] = [
        (200, {"hello": "world"}, "application/json"),
        (200, picture(stranger), "application/json"),
        (500, problem("internal-error", "x"), "application/problem+json"),
        (401, problem("unauthenticated", "x"), "application/problem+json"),
        (404, "nobody here", "text/html"),
    ]

    for payment_service.status, payment_service.content, payment_service.media_type in odd:
        answer = await connected.send("PUT", PATH, {"secret_key": KEY})

        assert (answer.status_code, answer.json()["code"]) == (503, "payment-service-unavailable")
    assert (await connected.get("/v1/settings/stripe"))["status"] == "not_connected"


async def test_a_payment_service_that_is_down_is_503_and_nothing_is_saved(
    account: Account, dependencies: Dependencies
) -> None:
    app = create_public_app(replace(dependencies, payment_service_url="http://127.0.0.1:1"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://invoices.test") as http:
        answer = await replace(account, http=http).send("PUT", PATH, {"secret_key": KEY})

    assert (answer.status_code, answer.json()["code"]) == (503, "payment-service-unavailable")
    assert (await account.get("/v1/settings/stripe"))["status"] == "not_connected"


async def test_a_malformed_request_does_not_repeat_the_key(account: Account) -> None:
    for body in ({"secret_key": KEY * 20}, {"secret_key": KEY, "other": 1}, {"secret": KEY}, [KEY]):
        answer = await account.send("PUT", PATH, body)

        assert answer.status_code == 422
        assert KEY not in answer.text


async def test_a_key_that_only_reads_cannot_set_one(new_account: Any) -> None:
    reader = await new_account(scopes=("read",))

    assert (await reader.send("PUT", PATH, {"secret_key": KEY})).status_code == 403


async def test_the_same_request_with_its_key_is_answered_again_without_another_call(
    connected: Account, payment_service: FakePaymentService, driver: Driver
) -> None:
    payment_service.content = picture(connected, version=3)
    first = await connected.send("PUT", PATH, {"secret_key": KEY}, idempotency_key="k")

    again = await connected.send("PUT", PATH, {"secret_key": KEY}, idempotency_key="k")

    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(payment_service.bodies) == 1
    [line] = await driver.query("select * from invoice.audit_log where action = 'set_stripe_secret_key'")
    assert KEY not in str(dict(line))
    assert line["actor"] == format_id("key", connected.key_id)


async def test_another_secret_under_the_same_key_is_refused_before_anything_is_called(
    connected: Account, payment_service: FakePaymentService
) -> None:
    payment_service.content = picture(connected, version=3)
    await connected.send("PUT", PATH, {"secret_key": KEY}, idempotency_key="k")

    other = await connected.send("PUT", PATH, {"secret_key": KEY + "x"}, idempotency_key="k")

    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len(payment_service.bodies) == 1


async def test_a_secret_that_was_refused_does_not_use_up_its_key(
    connected: Account, payment_service: FakePaymentService, driver: Driver
) -> None:
    payment_service.status, payment_service.content = 422, problem("stripe-key-refused", "Stripe refuses the key")
    refused = await connected.send("PUT", PATH, {"secret_key": KEY}, idempotency_key="k")
    payment_service.status, payment_service.content = 200, picture(connected, version=3)

    accepted = await connected.send("PUT", PATH, {"secret_key": KEY + "x"}, idempotency_key="k")

    assert (refused.status_code, accepted.status_code) == (422, 200)
    assert len(await driver.query("select 1 from invoice.audit_log where action = 'set_stripe_secret_key'")) == 1


async def test_what_is_kept_of_a_secret_cannot_be_tried_out_without_the_pepper(
    connected: Account, payment_service: FakePaymentService, driver: Driver
) -> None:
    payment_service.content = picture(connected, version=3)
    await connected.send("PUT", PATH, {"secret_key": KEY}, idempotency_key="k")

    [row] = await driver.query("select fingerprint from invoice.idempotency_keys")

    body = httpx.Request("PUT", "http://any.test", json={"secret_key": KEY}).read()
    assert row["fingerprint"] != fingerprint_of(method="PUT", path=PATH, body=body + b"\n")
