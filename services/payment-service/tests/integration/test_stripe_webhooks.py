"""The public door: what Stripe signed is stored before it is answered, and everything else changes nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from payment_service.api.stripe_webhooks import UNVERIFIED
from payment_service.app import public_api
from payment_tests.fakes import FakeStripe
from payment_tests.make import NOW, Desk, event_body
from service_kit.client_address import TrustedProxies
from service_kit.database import create_database
from service_kit.http_door import HttpDoor
from stripe import WebhookSignature

JSON = "application/json; charset=utf-8"


class FixedClock:
    def now(self) -> datetime:
        return NOW


def _public(desk: Desk, **overrides: Any) -> httpx.AsyncClient:
    values = {
        "database": desk.rows.open("payment"),
        "keyring": desk.setup.keyring,
        "clock": FixedClock(),
        "head": None,
        **overrides,
    }
    transport = httpx.ASGITransport(app=public_api(**values))
    return httpx.AsyncClient(transport=transport, base_url="http://payments.test")


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    await desk.connect()
    await desk.quiet()
    async with _public(desk) as client:
        yield client


def _event(**overrides: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "type": "checkout.session.completed",
        "created": int(NOW.timestamp()),
        "livemode": False,
        "pending_webhooks": 1,
        "data": {"object": {"id": "cs_test_nothing"}},
    } | overrides


def _secret(stripe: FakeStripe) -> str:
    return str(stripe.owner.endpoints[0]["secret"])


def _sign(body: bytes, secret: str, at: datetime = NOW) -> str:
    return str(WebhookSignature.generate_signature_header(body.decode(), secret, int(at.timestamp())))


async def _post(
    http: httpx.AsyncClient, desk: Desk, body: bytes, signature: str, *, opaque_id: str = ""
) -> httpx.Response:
    return await http.post(
        f"/webhooks/stripe/{opaque_id or await desk.opaque_id()}",
        content=body,
        headers={b"Stripe-Signature": signature.encode("latin-1"), b"Content-Type": JSON.encode()},
    )


async def _stored(desk: Desk) -> list[dict[str, Any]]:
    return [dict(row) for row in await desk.rows.fetch("select * from payment.stripe_events order by event_id")]


async def test_a_signed_event_is_stored_as_it_came_and_answered(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    body = json.dumps(_event(), indent=2).encode()

    answer = await _post(http, desk, body, _sign(body, _secret(stripe)))

    assert answer.status_code == 200
    (row,) = await _stored(desk)
    assert (row["event_id"], row["source"], row["mode"], bytes(row["body"])) == ("evt_1", "webhook", "test", body)


async def test_a_small_difference_of_clocks_is_no_matter(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    body = event_body(_event())

    statuses = [
        (await _post(http, desk, body, _sign(body, _secret(stripe), NOW + timedelta(seconds=seconds)))).status_code
        for seconds in (-299, 299)
    ]

    assert statuses == [200, 200]


FORGED: dict[str, tuple[bytes, str]] = {
    "no signature": (event_body(_event()), ""),
    "another secret": (event_body(_event()), _sign(event_body(_event()), "whsec_other")),
    "blank secret": (event_body(_event()), _sign(event_body(_event()), "")),
    "a space as secret": (event_body(_event()), _sign(event_body(_event()), " ")),
    "not a header": (event_body(_event()), "hello"),
    "not ASCII": (event_body(_event()), f"t={int(NOW.timestamp())},v1=ünïcödé"),
}


async def test_what_stripe_did_not_sign_is_refused_and_not_stored(http: httpx.AsyncClient, desk: Desk) -> None:
    statuses = {name: (await _post(http, desk, *forged)).status_code for name, forged in FORGED.items()}

    assert statuses == dict.fromkeys(FORGED, 400)
    assert await _stored(desk) == []


async def test_an_old_or_future_signature_is_refused(http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe) -> None:
    body, ages = event_body(_event()), (-301, 301, 10 * 365 * 86400, -86400)

    statuses = {
        age: (await _post(http, desk, body, _sign(body, _secret(stripe), NOW + timedelta(seconds=age)))).status_code
        for age in ages
    }

    assert statuses == dict.fromkeys(ages, 400)
    assert await _stored(desk) == []


async def test_a_body_that_was_encoded_anew_is_refused(http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe) -> None:
    body = event_body(_event())

    answer = await _post(http, desk, json.dumps(_event(), separators=(",", ":")).encode(), _sign(body, _secret(stripe)))

    assert answer.status_code == 400


NO_EVENTS: tuple[bytes, ...] = (
    b"",
    b"[]",
    b"[1, 2]",
    b"null",
    b'"text"',
    b"{}",
    b"not json",
    b'{"id": "evt_1", "object": "event"}',
    json.dumps(_event(extra=float("nan"))).encode(),
    json.dumps(_event(object="v2.core.event")).encode(),
    b"[" * 5000 + b"]" * 5000,
)


async def test_a_signed_body_that_is_no_event_is_refused_without_a_fault(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    statuses = {
        body[:40]: (await _post(http, desk, body, _sign(body, _secret(stripe)))).status_code for body in NO_EVENTS
    }

    assert statuses == {body[:40]: 400 for body in NO_EVENTS}
    assert await _stored(desk) == []


async def test_a_body_that_is_not_utf_8_is_refused(http: httpx.AsyncClient, desk: Desk) -> None:
    answer = await _post(http, desk, b'\xff\xfe{"id":"evt_1"}', f"t={int(NOW.timestamp())},v1={'0' * 64}")

    assert answer.status_code == 400


async def test_two_mebibytes_are_not_read(http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe) -> None:
    body = event_body(_event(extra="x" * 2 * 1024 * 1024))

    answer = await _post(http, desk, body, _sign(body, _secret(stripe)))

    assert answer.status_code == 413
    assert await _stored(desk) == []


async def test_an_endpoint_that_nobody_has_is_not_found(http: httpx.AsyncClient, desk: Desk) -> None:
    body, unknown = event_body(_event()), ("nothing", "x" * 43, "x" * 5000, "..%2f..", "%20")

    statuses = {
        opaque_id: (await _post(http, desk, body, _sign(body, "whsec_any"), opaque_id=opaque_id)).status_code
        for opaque_id in unknown
    }

    assert statuses == dict.fromkeys(unknown, 404)


async def test_an_endpoint_whose_secret_is_not_known_yet_asks_stripe_to_come_again(
    http: httpx.AsyncClient, desk: Desk
) -> None:
    opaque_id = await desk.opaque_id()
    await desk.rows.fetch("update payment.webhook_endpoints set status = 'reserved', secret_sealed = ''")
    body = event_body(_event())

    for secret in ("", " ", "whsec_any"):
        answer = await _post(http, desk, body, _sign(body, secret), opaque_id=opaque_id)
        assert answer.status_code == 503
    assert await _stored(desk) == []


async def test_the_secret_before_still_counts_while_it_is_rolled(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    secret = _secret(stripe)
    await desk.rows.fetch("update payment.webhook_endpoints set previous_secret_sealed = secret_sealed")
    body = event_body(_event())

    answer = await _post(http, desk, body, _sign(body, secret))

    assert answer.status_code == 200


async def test_a_hundred_events_that_are_nothing_of_ours_are_thanked_for_and_change_nothing(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    secret, kinds = _secret(stripe), ("customer.created", "invoice.paid", "something.new", "payment_intent.succeeded")
    gate = asyncio.Semaphore(20)

    async def post(number: int) -> int:
        body = event_body(_event(id=f"evt_{number}", type=kinds[number % 4], data={"object": {"id": f"pi_{number}"}}))
        async with gate:
            return (await _post(http, desk, body, _sign(body, secret), opaque_id=opaque_id)).status_code

    opaque_id = await desk.opaque_id()
    statuses = await asyncio.gather(*(post(number) for number in range(100)))
    await desk.quiet()

    assert set(statuses) == {200}
    assert {row["state"] for row in await _stored(desk)} == {"kept", "foreign"}
    assert await desk.entries() == []
    assert await desk.parked() == []


@pytest.mark.parametrize(
    ("odd", "reason"),
    [({"account": "acct_1Somebody"}, "another Stripe account"), ({"livemode": True}, "live mode")],
)
async def test_an_event_of_another_account_or_mode_is_kept_and_parked(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe, odd: dict[str, Any], reason: str
) -> None:
    body = event_body(_event(**odd))

    answer = await _post(http, desk, body, _sign(body, _secret(stripe)))
    await desk.quiet()

    assert answer.status_code == 200
    (row,) = await _stored(desk)
    assert (row["state"], reason in row["reason"]) == ("parked", True)
    assert [reason in parked["park_reason"] for parked in await desk.parked()] == [True]
    assert await desk.entries() == []


async def test_the_same_event_fifty_times_at_once_is_one_row_and_one_task(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    body, opaque_id = event_body(_event()), await desk.opaque_id()
    signature = _sign(body, _secret(stripe))

    answers = await asyncio.gather(*(_post(http, desk, body, signature, opaque_id=opaque_id) for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(await _stored(desk)) == 1
    tasks = await desk.rows.fetch("select 1 from payment.inbox where type = 'task.apply_stripe_event'")
    assert len(tasks) == 1


async def test_with_the_database_away_stripe_is_asked_to_come_again(desk: Desk) -> None:
    nowhere = create_database(url="postgresql+asyncpg://nobody@127.0.0.1:1/nothing", application_name="test")
    async with _public(desk, database=nowhere) as http:
        answer = await http.post("/webhooks/stripe/any", content=b"{}", headers={"Content-Type": JSON})

    assert answer.status_code == 503
    await nowhere.dispose()


async def test_an_event_that_cannot_be_committed_is_not_thanked_for(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    await desk.rows.fetch("alter table payment.stripe_events add constraint full_disk check (event_id <> 'evt_1')")
    body = event_body(_event())

    answer = await _post(http, desk, body, _sign(body, _secret(stripe)))

    assert answer.status_code >= 500
    assert await _stored(desk) == []


async def test_a_flood_of_what_nobody_signed_is_refused_while_what_stripe_signed_passes(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    """Also from the same address: behind a proxy that nobody named, Stripe and the flood look alike."""
    secret, opaque_id, flood = _secret(stripe), await desk.opaque_id(), event_body(_event(id="evt_forged"))
    gate = asyncio.Semaphore(100)

    async def post(body: bytes, signature: str, *, opaque_id: str = opaque_id) -> httpx.Response:
        async with gate:
            return await _post(http, desk, body, signature, opaque_id=opaque_id)

    unsigned = [post(flood, "") for _ in range(700)]
    forged = [post(flood, _sign(flood, "whsec_other")) for _ in range(200)]
    guessed = [post(flood, "", opaque_id=f"guess{number}") for number in range(100)]
    bodies = [event_body(_event(id=f"evt_{number}")) for number in range(50)]
    signed = [post(body, _sign(body, secret)) for body in bodies]
    mixed = [*unsigned, *forged, *guessed]
    for place, work in enumerate(signed):
        mixed.insert(place * 21, work)

    answers = await asyncio.gather(*mixed)

    assert [answers[place * 21].status_code for place in range(50)] == [200] * 50
    assert len(await _stored(desk)) == 50
    refused = [answer for place, answer in enumerate(answers) if place % 21 or place >= 50 * 21]
    assert {answer.status_code for answer in refused} <= {400, 404, 429}
    assert sum(answer.status_code != 429 for answer in refused) == UNVERIFIED.quota
    (told,) = {answer.headers["ratelimit-policy"] for answer in refused}
    assert told == '"unverified-webhooks";q=60;w=60'
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refused if answer.status_code == 429)


async def test_a_flood_of_forged_signatures_leaves_the_database_to_the_others(desk: Desk) -> None:
    await desk.connect()
    await desk.quiet()
    database, body, opaque_id = desk.rows.open("payment"), event_body(_event()), await desk.opaque_id()
    taken: list[int] = []
    async with _public(desk, database=database) as http:
        for _ in range(UNVERIFIED.quota):
            await _post(http, desk, body, "", opaque_id=opaque_id)

        forged = [_post(http, desk, body, _sign(body, "whsec_other"), opaque_id=opaque_id) for _ in range(60)]
        flood = asyncio.gather(*forged)
        while not flood.done():
            taken.append(database.engine.pool.checkedout())  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    assert {answer.status_code for answer in await flood} == {429}
    assert 1 <= max(taken) <= 2


async def test_one_clients_flood_is_not_held_against_another(desk: Desk) -> None:
    proxy = HttpDoor(trusted_proxies=TrustedProxies.listed("127.0.0.1"))
    async with _public(desk, door=proxy) as http:
        answers = [
            await http.post("/webhooks/stripe/guess", content=b"{}", headers={"X-Forwarded-For": address})
            for address in ["203.0.113.7"] * 61 + ["198.51.100.9"]
        ]

    assert [answer.status_code for answer in answers] == [404] * 60 + [429, 404]


async def test_a_null_character_in_a_signed_event_is_stored_like_any_other(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    body = event_body(_event(type="customer.updated", note="a\x00b"))

    answer = await _post(http, desk, body, _sign(body, _secret(stripe)))

    assert answer.status_code == 200
    assert len(await _stored(desk)) == 1
