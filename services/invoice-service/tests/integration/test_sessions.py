"""A person's own sessions: who am I, where am I signed in, and every way in which a session ends."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from contracts.ids import format_id
from invoice_service.dependencies import Dependencies
from invoice_service.domain.permissions import OF_ROLE, Role
from invoice_tests.make import Account
from invoice_tests.people import SignedInPerson, new_session
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase

NewAccount = Callable[..., Awaitable[Account]]
NewPerson = Callable[..., Awaitable[SignedInPerson]]


@pytest.fixture
async def anna(account: Account, new_person: NewPerson) -> SignedInPerson:
    """An owner of one organisation."""
    return await new_person(memberships={account.organization_id: Role.OWNER}, email="anna@people.example.com")


async def test_the_session_says_who_i_am_and_what_i_may_do_where(
    account: Account, new_account: NewAccount, new_person: NewPerson
) -> None:
    other = await new_account(name="Other Ltd")
    person = await new_person(
        memberships={account.organization_id: Role.OWNER, other.organization_id: Role.VIEWER}, email="Ben@Example.com"
    )

    answer = await person.get("/v1/session")

    assert answer["user"]["email"] == "Ben@Example.com"
    assert answer["csrf_token"] == person.csrf_token
    assert [(one["name"], one["role"], one["permissions"]) for one in answer["organizations"]] == [
        ("Nordlicht Studio", "owner", sorted(OF_ROLE[Role.OWNER])),
        ("Other Ltd", "viewer", sorted(OF_ROLE[Role.VIEWER])),
    ]


async def test_signing_out_ends_the_session_and_not_only_the_cookie(anna: SignedInPerson) -> None:
    signed_out = await anna.send("DELETE", "/v1/session")
    again = await anna.send("GET", "/v1/session")

    assert (signed_out.status_code, again.status_code) == (204, 401)
    assert signed_out.headers["clear-site-data"] == '"cache", "storage"'
    assert signed_out.headers["set-cookie"].startswith('__Host-ic_session=""; expires=')


async def test_i_see_my_sessions_and_end_one_elsewhere(anna: SignedInPerson, dependencies: Dependencies) -> None:
    elsewhere, cookie = await new_session(dependencies, user_id=anna.user_id, address="198.51.100.9", user_agent="Lynx")

    before = (await anna.get("/v1/sessions"))["data"]
    ended = await anna.send("DELETE", f"/v1/sessions/{format_id('ses', elsewhere)}")
    there = await replace(anna, cookie=cookie).send("GET", "/v1/session")
    after = (await anna.get("/v1/sessions"))["data"]

    assert {(one["id"], one["current"], one["address"], one["user_agent"]) for one in before} == {
        (format_id("ses", anna.session_id), True, "203.0.113.7", "Tests"),
        (format_id("ses", elsewhere), False, "198.51.100.9", "Lynx"),
    }
    assert (ended.status_code, there.status_code) == (204, 401)
    assert [one["id"] for one in after] == [format_id("ses", anna.session_id)]


async def test_signing_out_everywhere_ends_all_of_mine_and_nobody_elses(
    account: Account, anna: SignedInPerson, new_person: NewPerson, dependencies: Dependencies
) -> None:
    ben = await new_person(memberships={account.organization_id: Role.OWNER})
    _, cookie = await new_session(dependencies, user_id=anna.user_id)

    answer = await anna.send("DELETE", "/v1/sessions")

    assert answer.status_code == 204
    assert (await anna.send("GET", "/v1/session")).status_code == 401
    assert (await replace(anna, cookie=cookie).send("GET", "/v1/session")).status_code == 401
    assert (await ben.send("GET", "/v1/session")).status_code == 200


async def test_ending_sessions_elsewhere_needs_a_recent_sign_in(
    anna: SignedInPerson, dependencies: Dependencies, service_database: ServiceDatabase
) -> None:
    elsewhere, _ = await new_session(dependencies, user_id=anna.user_id)
    await service_database.advance_clock("invoice", seconds=601)

    everywhere = await anna.send("DELETE", "/v1/sessions")
    there = await anna.send("DELETE", f"/v1/sessions/{format_id('ses', elsewhere)}")
    here = await anna.send("DELETE", f"/v1/sessions/{format_id('ses', anna.session_id)}")

    assert [(answer.status_code, answer.json()["code"]) for answer in (everywhere, there)] == [
        (403, "sign-in-again")
    ] * 2
    assert here.status_code == 204


async def test_another_persons_session_is_nobodys(
    account: Account, anna: SignedInPerson, new_person: NewPerson
) -> None:
    ben = await new_person(memberships={account.organization_id: Role.OWNER})

    foreign = await anna.send("DELETE", f"/v1/sessions/{format_id('ses', ben.session_id)}")
    unknown = await anna.send("DELETE", f"/v1/sessions/{format_id('ses', new_id())}")

    assert [(one.status_code, one.json()["code"]) for one in (foreign, unknown)] == [(404, "session-not-found")] * 2
    assert (await ben.send("GET", "/v1/session")).status_code == 200


@pytest.mark.parametrize(
    ("seconds", "status"), [(8 * 3600 - 60, 200), (8 * 3600 + 1, 401)], ids=["still there", "gone"]
)
async def test_a_session_ends_after_eight_idle_hours(
    anna: SignedInPerson, service_database: ServiceDatabase, seconds: int, status: int
) -> None:
    await service_database.advance_clock("invoice", seconds=seconds)

    assert (await anna.send("GET", "/v1/invoices")).status_code == status
    assert (await anna.send("GET", "/v1/session")).status_code == status


async def test_a_session_ends_after_seven_days_however_busy_it_was(
    anna: SignedInPerson, service_database: ServiceDatabase
) -> None:
    statuses = []
    for _ in range(24):
        await service_database.advance_clock("invoice", seconds=7 * 3600)
        statuses.append((await anna.send("GET", "/v1/session")).status_code)
    await service_database.advance_clock("invoice", seconds=1)

    assert set(statuses[:-1]) == {200}
    assert (await anna.send("GET", "/v1/session")).status_code == 401


async def test_a_disabled_person_is_out_at_the_next_request(
    anna: SignedInPerson, service_database: ServiceDatabase
) -> None:
    assert (await anna.send("GET", "/v1/invoices")).status_code == 200

    await service_database.fetch("update invoice.users set disabled_at = invoice.app_now() where id = $1", anna.user_id)

    assert (await anna.send("GET", "/v1/invoices")).status_code == 401
    assert (await anna.send("GET", "/v1/session")).status_code == 401


async def test_a_key_has_no_session_even_beside_a_cookie(account: Account, anna: SignedInPerson) -> None:
    for method, path in (("GET", "/v1/session"), ("GET", "/v1/sessions"), ("DELETE", "/v1/session")):
        beside = await anna.send(method, path, authorization=f"Bearer {account.key}")
        alone = await account.send(method, path)

        assert (beside.status_code, alone.status_code) == (401, 401)


async def test_signing_out_is_in_the_audit_log_of_each_of_my_organisations(
    account: Account, new_account: NewAccount, new_person: NewPerson, service_database: ServiceDatabase
) -> None:
    other, third = await new_account(name="Other Ltd"), await new_account(name="Third Ltd")
    person = await new_person(
        memberships={account.organization_id: Role.OWNER, other.organization_id: Role.VIEWER}, email="b@example.com"
    )

    await person.send("DELETE", "/v1/session", user_agent="Console")

    rows = await service_database.fetch("select * from invoice.audit_log where action = 'end_session'")
    assert {row["organization_id"] for row in rows} == {account.organization_id, other.organization_id}
    assert third.organization_id not in {row["organization_id"] for row in rows}
    assert {(row["actor"], row["actor_name"], row["object_id"], row["user_agent"]) for row in rows} == {
        (person.id, "b@example.com", format_id("ses", person.session_id), "Console")
    }


async def test_the_database_holds_no_cookie(anna: SignedInPerson, service_database: ServiceDatabase) -> None:
    rows = await service_database.fetch("select to_jsonb(s)::text as row from invoice.user_sessions s")

    secret = anna.cookie.split("_", 2)[2]
    assert rows
    assert all(secret not in row["row"] for row in rows)


async def test_a_made_up_cookie_opens_nothing(anna: SignedInPerson, public_http: httpx.AsyncClient) -> None:
    for cookie in ("", "x", "ic_session_" + "A" * 43, anna.cookie[:-1], anna.cookie + "A", anna.cookie.upper()):
        assert (await replace(anna, cookie=cookie).send("GET", "/v1/session")).status_code == 401
    plain = await public_http.get("/v1/session", headers={"Cookie": f"ic_session={anna.cookie}"})
    assert plain.status_code == 401
