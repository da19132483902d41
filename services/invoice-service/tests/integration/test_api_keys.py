"""API keys over the API: shown once, never wider than who makes them, replaced with an overlap, ended at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from invoice_service.app import create_public_app
from invoice_service.dependencies import Dependencies
from invoice_service.domain.permissions import Role
from invoice_tests.driver import Driver
from invoice_tests.make import Account, Json
from invoice_tests.people import person
from service_kit.clock import SystemClock
from service_kit.testing.databases import ServiceDatabase

NewAccount = Callable[..., Awaitable[Account]]
READING = {"name": "Shop", "scopes": ["read"]}


async def _status_with(account: Account, secret: str) -> int:
    response = await account.http.get("/v1/customers", headers={"Authorization": f"Bearer {secret}"})
    return response.status_code


async def _listed(account: Account) -> dict[str, Json]:
    return {row["id"]: row for row in (await account.get("/v1/api-keys"))["data"]}


async def test_a_new_key_opens_what_its_scopes_say(account: Account) -> None:
    made = await account.post("/v1/api-keys", READING)

    assert await _status_with(account, made["secret"]) == 200
    refused = await account.http.post(
        "/v1/customers", json={"name": "A"}, headers={"Authorization": f"Bearer {made['secret']}"}
    )
    assert refused.status_code == 403
    assert made["secret"].startswith(f"{made['prefix']}_")
    assert made["secret"].endswith(made["last4"])


async def test_the_text_of_a_key_is_in_no_table_and_in_no_second_answer(account: Account, driver: Driver) -> None:
    made = await account.send("POST", "/v1/api-keys", READING, idempotency_key="k")
    rolled = await account.send("POST", f"/v1/api-keys/{made.json()['id']}/roll", {}, idempotency_key="r")

    again = await account.send("POST", "/v1/api-keys", READING, idempotency_key="k")
    rolled_again = await account.send("POST", f"/v1/api-keys/{made.json()['id']}/roll", {}, idempotency_key="r")

    assert (made.status_code, rolled.status_code) == (201, 201)
    for first, second in ((made, again), (rolled, rolled_again)):
        assert second.headers["idempotency-replayed"] == "true"
        assert second.json() == {**first.json(), "secret": None}
        secret = first.json()["secret"].split("_", 3)[3]
        tables = await driver.query("select table_name from information_schema.tables where table_schema = 'invoice'")
        assert len(tables) > 20
        for name in (row["table_name"] for row in tables):
            rows = await driver.query(f'select t::text as row from invoice."{name}" t')
            assert not any(secret in row["row"] for row in rows), name
        assert secret not in (await account.send("GET", "/v1/api-keys")).text
        assert secret not in (await account.send("GET", "/v1/audit-log")).text


async def test_the_list_shows_how_each_key_stands_the_newest_first(
    account: Account, service_database: ServiceDatabase
) -> None:
    soon = (SystemClock().now() + timedelta(hours=1)).isoformat()
    ends = await account.post("/v1/api-keys", {**READING, "name": "Ends", "expires_at": soon})
    await service_database.advance_clock("invoice", seconds=3700)
    later = (SystemClock().now() + timedelta(days=30)).isoformat()
    stays = await account.post("/v1/api-keys", {**READING, "name": "Stays", "expires_at": later})
    rolled = await account.post("/v1/api-keys", {**READING, "name": "Rolled"})
    successor = await account.post(f"/v1/api-keys/{rolled['id']}/roll", {})
    revoked = await account.post("/v1/api-keys", {**READING, "name": "Revoked"})
    await account.send("DELETE", f"/v1/api-keys/{revoked['id']}")

    page = (await account.get("/v1/api-keys"))["data"]

    assert [(row["name"], row["status"]) for row in page] == [
        ("Revoked", "revoked"),
        ("Rolled", "active"),
        ("Rolled", "expiring"),
        ("Stays", "active"),
        ("Ends", "expired"),
        ("tests", "active"),
    ]
    assert (page[2]["id"], page[2]["replaced_by"]) == (rolled["id"], successor["id"])
    assert page[0]["created_by"].startswith("key_")
    assert {stays["status"], ends["status"]} == {"active", "expiring"}
    assert not any("secret" in row for row in page)


async def test_keys_are_listed_in_pages(account: Account) -> None:
    for number in range(3):
        await account.post("/v1/api-keys", {**READING, "name": f"Key {number}"})

    first = await account.get("/v1/api-keys", limit=3)
    second = await account.get("/v1/api-keys", limit=3, cursor=first["next_cursor"])

    names = [row["name"] for row in first["data"] + second["data"]]
    assert names == ["Key 2", "Key 1", "Key 0", "tests"]
    assert second["next_cursor"] is None


async def test_nobody_gives_away_scopes_they_lack(new_account: NewAccount) -> None:
    account = await new_account(scopes=["read", "admin"])

    refused = await account.send("POST", "/v1/api-keys", {"name": "Wide", "scopes": ["read", "write", "admin"]})
    narrow = await account.send("POST", "/v1/api-keys", {"name": "Narrow", "scopes": ["read", "admin"]})

    assert refused.status_code == 403
    assert (refused.json()["code"], refused.json()["facts"]) == ("scopes-not-held", {"scopes": ["write"]})
    assert narrow.status_code == 201
    assert [row["name"] for row in (await _listed(account)).values()] == ["Narrow", "tests"]


async def test_nobody_rolls_a_key_into_scopes_they_lack(account: Account) -> None:
    wide = await account.post("/v1/api-keys", {"name": "Wide", "scopes": ["write"]})
    narrow = await account.post("/v1/api-keys", {"name": "Narrow", "scopes": ["admin"]})

    refused = await account.http.post(
        f"/v1/api-keys/{wide['id']}/roll", json={}, headers={"Authorization": f"Bearer {narrow['secret']}"}
    )

    assert (refused.status_code, refused.json()["code"]) == (403, "scopes-not-held")
    assert (await _listed(account))[wide["id"]]["replaced_by"] is None


async def test_an_owner_makes_keys_and_an_accountant_does_not(account: Account, dependencies: Dependencies) -> None:
    owner = await person(dependencies, account.http, memberships={account.organization_id: Role.OWNER})
    accountant = await person(
        dependencies, account.http, memberships={account.organization_id: Role.ACCOUNTANT}, email="acc@example.com"
    )

    made = await owner.post("/v1/api-keys", {"name": "By a person", "scopes": ["read", "write", "admin"]})
    refused = await accountant.send("POST", "/v1/api-keys", READING)

    assert made["created_by"] == owner.id
    assert refused.status_code == 403


async def test_an_old_key_works_during_the_overlap_and_not_after_it(
    account: Account, service_database: ServiceDatabase
) -> None:
    old = await account.post("/v1/api-keys", READING)
    new = await account.post(f"/v1/api-keys/{old['id']}/roll", {"overlap_seconds": 3600})
    during = await _status_with(account, old["secret"]), await _status_with(account, new["secret"])

    await service_database.advance_clock("invoice", seconds=3601)

    after = await _status_with(account, old["secret"]), await _status_with(account, new["secret"])
    assert (during, after) == ((200, 200), (401, 200))
    assert (new["name"], new["scopes"], new["replaced_by"]) == ("Shop", ["read"], None)


async def test_without_an_overlap_the_old_key_ends_at_once(account: Account) -> None:
    old = await account.post("/v1/api-keys", READING)

    await account.post(f"/v1/api-keys/{old['id']}/roll", {"overlap_seconds": 0})

    assert await _status_with(account, old["secret"]) == 401


async def test_a_key_in_its_overlap_is_revoked_at_once(account: Account) -> None:
    old = await account.post("/v1/api-keys", READING)
    new = await account.post(f"/v1/api-keys/{old['id']}/roll", {})

    await account.send("DELETE", f"/v1/api-keys/{old['id']}")

    assert await _status_with(account, old["secret"]) == 401
    assert await _status_with(account, new["secret"]) == 200


async def test_a_key_is_rolled_once_even_by_two_at_the_same_moment(account: Account) -> None:
    old = await account.post("/v1/api-keys", READING)
    path = f"/v1/api-keys/{old['id']}/roll"

    answers = await asyncio.gather(*(account.send("POST", path, {}) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    refused = next(answer for answer in answers if answer.status_code == 409).json()
    assert (refused["code"], refused["facts"]["replaced_by"]) == (
        "api-key-rolled",
        (await _listed(account))[old["id"]]["replaced_by"],
    )
    assert len(await _listed(account)) == 3


async def test_a_key_that_has_ended_cannot_be_rolled(account: Account, service_database: ServiceDatabase) -> None:
    revoked = await account.post("/v1/api-keys", READING)
    await account.send("DELETE", f"/v1/api-keys/{revoked['id']}")
    soon = (SystemClock().now() + timedelta(hours=1)).isoformat()
    expired = await account.post("/v1/api-keys", {**READING, "expires_at": soon})
    await service_database.advance_clock("invoice", seconds=3700)

    answers = [await account.send("POST", f"/v1/api-keys/{key['id']}/roll", {}) for key in (revoked, expired)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "api-key-over")] * 2


async def test_a_successor_lives_as_long_as_its_predecessor_was_meant_to(account: Account) -> None:
    end = SystemClock().now() + timedelta(days=90)
    old = await account.post("/v1/api-keys", {**READING, "expires_at": end.isoformat()})

    new = await account.post(f"/v1/api-keys/{old['id']}/roll", {})

    assert new["expires_at"] > old["expires_at"]
    assert (await _listed(account))[old["id"]]["status"] == "expiring"


async def test_no_request_that_begins_after_the_revocation_gets_in(account: Account) -> None:
    victim = await account.post("/v1/api-keys", READING)
    revoked, enough = asyncio.Event(), asyncio.Event()
    seen: list[tuple[bool, int]] = []

    async def knock() -> None:
        while not enough.is_set():
            after = revoked.is_set()
            seen.append((after, await _status_with(account, victim["secret"])))
            if sum(late for late, _ in seen) >= 24:
                enough.set()

    streams = [asyncio.create_task(knock()) for _ in range(4)]
    while len(seen) < 12:
        await asyncio.wait(streams, timeout=0.01)
    answer = await account.send("DELETE", f"/v1/api-keys/{victim['id']}")
    revoked.set()
    await asyncio.wait_for(asyncio.gather(*streams), 30)

    assert answer.status_code == 204
    assert {status for late, status in seen if late} <= {401, 429}
    assert 200 in {status for late, status in seen if not late}


async def test_revoking_again_changes_nothing(account: Account) -> None:
    made = await account.post("/v1/api-keys", READING)
    await account.send("DELETE", f"/v1/api-keys/{made['id']}")
    first = (await _listed(account))[made["id"]]["revoked_at"]

    again = await account.send("DELETE", f"/v1/api-keys/{made['id']}")

    assert again.status_code == 204
    assert (await _listed(account))[made["id"]]["revoked_at"] == first


async def test_a_request_for_a_key_that_makes_no_sense_is_refused(account: Account, subtests: pytest.Subtests) -> None:
    past = (SystemClock().now() - timedelta(hours=1)).isoformat()
    for body, pointer in (
        ({"name": "", "scopes": ["read"]}, "/name"),
        ({"name": "A", "scopes": []}, "/scopes"),
        ({"name": "A", "scopes": ["everything"]}, "/scopes/0"),
        ({"name": "A", "scopes": ["read"], "expires_at": past}, "/expires_at"),
        ({"name": "A", "scopes": ["read"], "expires_at": "2030-01-01T00:00:00"}, "/expires_at"),
        ({"name": "A", "scopes": ["read"], "secret": "mine"}, "/secret"),
    ):
        with subtests.test(str(body)):
            response = await account.send("POST", "/v1/api-keys", body)

            assert response.status_code == 422
            assert response.json()["errors"][0]["pointer"] == pointer
    for overlap in (-1, 604_801, "60", None):
        with subtests.test(f"overlap {overlap}"):
            key = await account.post("/v1/api-keys", READING)
            refused = await account.send("POST", f"/v1/api-keys/{key['id']}/roll", {"overlap_seconds": overlap})

            assert refused.status_code == 422


async def test_a_new_key_says_whether_it_is_live(account: Account, dependencies: Dependencies) -> None:
    live = Dependencies(**{**vars(dependencies), "live_keys": True})
    transport = httpx.ASGITransport(app=create_public_app(live))
    async with httpx.AsyncClient(transport=transport, base_url="http://invoices.test") as http:
        answer = await http.post("/v1/api-keys", json=READING, headers={"Authorization": f"Bearer {account.key}"})

    assert answer.json()["prefix"] == "ic_live"
    assert (await account.post("/v1/api-keys", READING))["prefix"] == "ic_test"
