"""Who belongs to an organisation: roles that count at once, an owner who is always there, mail that buries nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from contracts.ids import format_id
from invoice_service.domain.invitation_limits import MAILS_TO_ONE_MAX, OPEN_MAX
from invoice_service.domain.permissions import Role
from invoice_tests.make import Account
from invoice_tests.people import SignedInPerson
from invoice_tests.standstill import standstill
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until

NewAccount = Callable[..., Awaitable[Account]]
NewPerson = Callable[..., Awaitable[SignedInPerson]]


@pytest.fixture
async def anna(account: Account, new_person: NewPerson) -> SignedInPerson:
    """An owner."""
    return await new_person(memberships={account.organization_id: Role.OWNER}, email="anna@people.example.com")


@pytest.fixture
async def ben(account: Account, new_person: NewPerson) -> SignedInPerson:
    """An accountant of the same organisation."""
    return await new_person(
        memberships={account.organization_id: Role.ACCOUNTANT}, email="Ben@people.example.com", name="Ben Beispiel"
    )


def _codes(*answers: Any) -> list[tuple[int, str]]:
    return [(answer.status_code, answer.json().get("code", "") if answer.content else "") for answer in answers]


async def test_members_see_each_other_in_the_order_in_which_they_came(
    anna: SignedInPerson, ben: SignedInPerson
) -> None:
    first = await ben.get("/v1/members?limit=1")
    second = await ben.get(f"/v1/members?limit=1&cursor={first['next_cursor']}")

    assert [(row["id"], row["name"], row["email"], row["role"]) for row in (*first["data"], *second["data"])] == [
        (anna.id, "Anna Beispiel", "anna@people.example.com", "owner"),
        (ben.id, "Ben Beispiel", "Ben@people.example.com", "accountant"),
    ]
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)


async def test_a_new_role_counts_from_the_next_request_on(anna: SignedInPerson, ben: SignedInPerson) -> None:
    read = await anna.send("GET", f"/v1/members/{ben.id}")
    assert (await ben.send("POST", "/v1/customers", {"name": "Acme"})).status_code == 201

    changed = await anna.send("PATCH", f"/v1/members/{ben.id}", {"role": "viewer"}, if_match=read.headers["etag"])

    assert (changed.status_code, changed.json()["role"], changed.headers["etag"]) == (200, "viewer", '"2"')
    assert _codes(await ben.send("POST", "/v1/customers", {"name": "Acme"})) == [(403, "not-allowed")]
    assert (await ben.send("GET", "/v1/customers")).status_code == 200


async def test_a_role_is_changed_only_on_top_of_what_was_read(anna: SignedInPerson, ben: SignedInPerson) -> None:
    path = f"/v1/members/{ben.id}"

    blind = await anna.send("PATCH", path, {"role": "viewer"})
    stale = await anna.send("PATCH", path, {"role": "viewer"}, if_match='"7"')

    assert _codes(blind, stale) == [(428, "if-match-required"), (412, "if-match-stale")]
    assert (await anna.get(path))["role"] == "accountant"


async def test_a_role_change_is_in_the_audit_log_with_both_roles(
    anna: SignedInPerson, ben: SignedInPerson, service_database: ServiceDatabase
) -> None:
    await anna.send("PATCH", f"/v1/members/{ben.id}", {"role": "owner"}, if_match='"1"')

    [row] = await service_database.fetch(
        "select actor, object_type, object_id, details::text from invoice.audit_log where action = 'change_role'"
    )
    assert (row["actor"], row["object_type"], row["object_id"]) == (anna.id, "user", ben.id)
    assert '"role": {"to": "owner", "from": "accountant"}' in row["details"]
    assert '"email": "Ben@people.example.com"' in row["details"]


async def test_a_removed_member_is_out_at_the_next_request_and_keeps_other_organisations(
    account: Account, anna: SignedInPerson, new_account: NewAccount, new_person: NewPerson
) -> None:
    other = await new_account(name="Other Ltd")
    cleo = await new_person(memberships={account.organization_id: Role.VIEWER, other.organization_id: Role.OWNER})
    here = {"x_organization_id": format_id("org", account.organization_id)}
    there = {"x_organization_id": format_id("org", other.organization_id)}
    assert (await cleo.send("GET", "/v1/invoices", **here)).status_code == 200

    removed = await anna.send("DELETE", f"/v1/members/{cleo.id}")

    assert removed.status_code == 204
    assert _codes(await cleo.send("GET", "/v1/invoices", **here)) == [(404, "organization-not-found")]
    assert (await cleo.send("GET", "/v1/invoices", **there)).status_code == 200
    assert _codes(await anna.send("GET", f"/v1/members/{cleo.id}")) == [(404, "member-not-found")]


async def test_everybody_may_leave_and_nobody_but_an_owner_removes_others(
    account: Account, anna: SignedInPerson, ben: SignedInPerson, new_person: NewPerson
) -> None:
    cleo = await new_person(memberships={account.organization_id: Role.VIEWER})

    refused = [await cleo.send("DELETE", f"/v1/members/{other.id}") for other in (anna, ben)]
    unknown = await cleo.send("DELETE", f"/v1/members/{format_id('usr', new_id())}")
    left = await cleo.send("DELETE", f"/v1/members/{cleo.id}")

    assert _codes(*refused, unknown) == [(403, "not-allowed")] * 3
    assert left.status_code == 204
    assert (await cleo.send("GET", "/v1/invoices")).status_code == 422


async def test_the_last_owner_can_neither_go_nor_be_lowered(anna: SignedInPerson, ben: SignedInPerson) -> None:
    path = f"/v1/members/{anna.id}"

    left = await anna.send("DELETE", path)
    lowered = await anna.send("PATCH", path, {"role": "viewer"}, if_match='"1"')
    same = await anna.send("PATCH", path, {"role": "owner"}, if_match='"1"')

    assert _codes(left, lowered) == [(409, "last-owner")] * 2
    assert (same.status_code, same.json()["version"]) == (200, 1)


async def test_a_key_cannot_remove_the_last_owner_either(account: Account, anna: SignedInPerson) -> None:
    left = await account.send("DELETE", f"/v1/members/{anna.id}")
    lowered = await account.send("PATCH", f"/v1/members/{anna.id}", {"role": "viewer"}, if_match="*")

    assert _codes(left, lowered) == [(409, "last-owner")] * 2


async def test_an_owner_who_is_shut_out_counts_for_nobody(
    account: Account, anna: SignedInPerson, new_person: NewPerson, service_database: ServiceDatabase
) -> None:
    cleo = await new_person(memberships={account.organization_id: Role.OWNER}, email="cleo@people.example.com")
    await service_database.fetch("update invoice.users set disabled_at = now() where email = 'cleo@people.example.com'")

    left = await anna.send("DELETE", f"/v1/members/{anna.id}")
    lowered = await anna.send("PATCH", f"/v1/members/{anna.id}", {"role": "viewer"}, if_match="*")
    removed = await anna.send("DELETE", f"/v1/members/{cleo.id}")

    assert _codes(left, lowered) == [(409, "last-owner")] * 2
    assert removed.status_code == 204


@pytest.mark.parametrize("way", ["lower", "remove", "leave"])
async def test_two_owners_at_the_same_moment_never_leave_none(
    account: Account, new_person: NewPerson, service_database: ServiceDatabase, way: str
) -> None:
    one = await new_person(memberships={account.organization_id: Role.OWNER})
    two = await new_person(memberships={account.organization_id: Role.OWNER})

    def against(who: SignedInPerson, whom: SignedInPerson) -> Awaitable[httpx.Response]:
        if way == "lower":
            return who.send("PATCH", f"/v1/members/{whom.id}", {"role": "viewer"}, if_match='"1"')
        return who.send("DELETE", f"/v1/members/{(who if way == 'leave' else whom).id}")

    async with standstill(service_database, table="audit_log", waiting=2) as both_wait:
        answers = asyncio.gather(against(one, two), against(two, one))
        await run_until(both_wait, timeout_seconds=10)
    statuses = sorted(answer.status_code for answer in await answers)

    rows = await service_database.fetch("select count(*) as owners from invoice.memberships where role = 'owner'")
    assert rows[0]["owners"] == 1
    assert statuses == [200 if way == "lower" else 204, 409]


async def test_an_address_is_invited_once_and_a_member_not_at_all(anna: SignedInPerson, ben: SignedInPerson) -> None:
    first = await anna.post("/v1/invitations", {"email": "Cleo@people.example.com", "role": "viewer"})

    again = await anna.send("POST", "/v1/invitations", {"email": "cleo@PEOPLE.example.com", "role": "owner"})
    member = await anna.send("POST", "/v1/invitations", {"email": "ben@people.example.com", "role": "owner"})

    assert _codes(again, member) == [(409, "already-invited"), (409, "already-a-member")]
    assert again.json()["facts"] == {"invitation_id": first["id"]}
    assert again.json()["errors"][0]["pointer"] == "/email"
    assert [(one["email"], one["role"]) for one in (await ben.get("/v1/invitations"))["data"]] == [
        ("Cleo@people.example.com", "viewer")
    ]


async def test_an_invitation_says_nothing_about_accounts_elsewhere(
    anna: SignedInPerson, new_account: NewAccount, new_person: NewPerson
) -> None:
    other = await new_account(name="Other Ltd")
    await new_person(memberships={other.organization_id: Role.OWNER}, email="known@elsewhere.example.com")

    known = await anna.send("POST", "/v1/invitations", {"email": "known@elsewhere.example.com", "role": "viewer"})
    unknown = await anna.send("POST", "/v1/invitations", {"email": "unknown@elsewhere.example.com", "role": "viewer"})

    own = {"id", "email", "mail_id", "created_at", "expires_at"}
    assert (known.status_code, unknown.status_code) == (201, 201)
    assert {name: value for name, value in known.json().items() if name not in own} == {
        name: value for name, value in unknown.json().items() if name not in own
    }


async def test_an_expired_invitation_gives_way_to_a_new_one_or_is_sent_again(
    anna: SignedInPerson, service_database: ServiceDatabase
) -> None:
    old = await anna.post("/v1/invitations", {"email": "cleo@people.example.com", "role": "viewer"})
    dora = await anna.post("/v1/invitations", {"email": "dora@people.example.com", "role": "viewer"})
    await service_database.fetch(
        "update invoice.invitations set created_at = created_at - interval '8 d', "
        "expires_at = expires_at - interval '8 d'"
    )

    new = await anna.post("/v1/invitations", {"email": "cleo@people.example.com", "role": "accountant"})
    again = await anna.post(f"/v1/invitations/{dora['id']}/resend")

    assert new["id"] != old["id"]
    assert again["expires_at"] > dora["created_at"]
    assert {one["id"] for one in (await anna.get("/v1/invitations"))["data"]} == {new["id"], dora["id"]}


async def test_a_revoked_invitation_is_gone_from_the_list_and_cannot_be_sent_again(anna: SignedInPerson) -> None:
    made = await anna.post("/v1/invitations", {"email": "cleo@people.example.com", "role": "viewer"})
    path = f"/v1/invitations/{made['id']}"

    revoked = await anna.send("DELETE", path)
    again, resent = await anna.send("DELETE", path), await anna.send("POST", f"{path}/resend")

    assert revoked.status_code == 204
    assert _codes(again, resent) == [(404, "invitation-not-found")] * 2
    assert (await anna.get("/v1/invitations"))["data"] == []


async def test_nobody_is_buried_in_invitations(anna: SignedInPerson, service_database: ServiceDatabase) -> None:
    made = await anna.post("/v1/invitations", {"email": "cleo@people.example.com", "role": "viewer"})
    for _ in range(MAILS_TO_ONE_MAX - 1):
        await anna.post(f"/v1/invitations/{made['id']}/resend")

    resent = await anna.send("POST", f"/v1/invitations/{made['id']}/resend")
    await anna.send("DELETE", f"/v1/invitations/{made['id']}")
    anew = await anna.send("POST", "/v1/invitations", {"email": "CLEO@people.example.com", "role": "viewer"})
    await service_database.fetch("update invoice.account_mails set created_at = created_at - interval '1 d'")
    next_day = await anna.send("POST", "/v1/invitations", {"email": "cleo@people.example.com", "role": "viewer"})

    assert _codes(resent, anew) == [(429, "too-many-invitation-mails")] * 2
    assert 86_000 < int(anew.headers["retry-after"]) <= 86_400
    assert next_day.status_code == 201


async def test_an_organisation_has_a_bounded_number_of_open_invitations(
    account: Account, anna: SignedInPerson, service_database: ServiceDatabase
) -> None:
    await service_database.fetch(
        "insert into invoice.invitations (organization_id, id, email, email_key, role, invited_by, created_at, "
        "expires_at, mail_id) select $1, gen_random_uuid(), 'a@b.example', 'a' || n || '@b.example', 'viewer', 'x', "
        "now(), now() + interval '7 d', gen_random_uuid() from generate_series(1, $2::int) n",
        account.organization_id,
        OPEN_MAX - 1,
    )

    answers = await asyncio.gather(
        *(
            anna.send("POST", "/v1/invitations", {"email": f"n{number}@people.example.com", "role": "viewer"})
            for number in range(4)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"too-many-open-invitations"}


async def test_a_bad_invitation_names_the_field(anna: SignedInPerson, subtests: pytest.Subtests) -> None:
    good = {"email": "cleo@people.example.com", "role": "viewer"}
    for change, pointer in (
        ({"email": "not an address"}, "/email"),
        ({"email": ""}, "/email"),
        ({"role": "god"}, "/role"),
        ({"message": "Buy pills"}, "/message"),
        ({"organization_id": "org_00000000000000000000000000"}, "/organization_id"),
        ({"language": "klingon"}, "/language"),
    ):
        with subtests.test(pointer):
            answer = await anna.send("POST", "/v1/invitations", {**good, **change})

            assert answer.status_code == 422
            assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await anna.get("/v1/invitations"))["data"] == []


async def test_a_key_invites_without_its_free_name_in_the_mail(
    account: Account, service_database: ServiceDatabase
) -> None:
    made = await account.post("/v1/invitations", {"email": "cleo@people.example.com", "role": "viewer"})

    rows = await service_database.fetch("select payload->>'inviter_name' as name from invoice.outbox")
    assert (made["inviter_name"], made["invited_by"]) == ("", format_id("key", account.key_id))
    assert [row["name"] for row in rows] == [""]


async def test_twenty_posts_with_one_key_invite_once(anna: SignedInPerson, service_database: ServiceDatabase) -> None:
    body = {"email": "cleo@people.example.com", "role": "viewer"}

    answers = await asyncio.gather(
        *(anna.send("POST", "/v1/invitations", body, idempotency_key="invite-cleo") for _ in range(20))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await service_database.fetch("select 1 from invoice.outbox where type like '%account_mail%'")) == 1


async def test_members_and_invitations_of_others_do_not_exist(
    account: Account, anna: SignedInPerson, new_account: NewAccount, new_person: NewPerson
) -> None:
    other = await new_account(name="Other Ltd")
    eve = await new_person(memberships={other.organization_id: Role.OWNER})
    invitation = await anna.post("/v1/invitations", {"email": "cleo@people.example.com", "role": "viewer"})

    answers = [
        await eve.send("GET", f"/v1/members/{anna.id}"),
        await eve.send("PATCH", f"/v1/members/{anna.id}", {"role": "viewer"}, if_match="*"),
        await eve.send("DELETE", f"/v1/members/{anna.id}"),
        await eve.send("POST", f"/v1/invitations/{invitation['id']}/resend"),
        await eve.send("DELETE", f"/v1/invitations/{invitation['id']}"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert [one["id"] for one in (await eve.get("/v1/members"))["data"]] == [eve.id]
    assert (await eve.get("/v1/invitations"))["data"] == []
    assert [one["id"] for one in (await anna.get("/v1/members"))["data"]] == [anna.id]


async def test_nobody_makes_somebody_who_may_more_than_they_do(account: Account, ben: SignedInPerson) -> None:
    """A key that may only manage would else invite its way to everything."""
    made = await account.post("/v1/api-keys", {"name": "members only", "scopes": ["admin"]})
    manager = {"Authorization": f"Bearer {made['secret']}"}

    invited = await account.http.post(
        "/v1/invitations", json={"email": "mallory@people.example.com", "role": "owner"}, headers=manager
    )
    raised = await account.http.request(
        "PATCH", f"/v1/members/{ben.id}", json={"role": "owner"}, headers={**manager, "If-Match": "*"}
    )

    assert _codes(invited, raised) == [(403, "not-allowed")] * 2
    assert "invoices:write" in invited.json()["facts"]["permissions"]
    assert (await account.get("/v1/invitations"))["data"] == []
