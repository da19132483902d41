"""A person's cookie at the door: only from our own pages, only for their own organisations, and never beside a key."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from contracts.ids import format_id
from invoice_service.api.route_needs import permissions_of
from invoice_service.dependencies import Dependencies
from invoice_service.domain.permissions import Role
from invoice_tests.make import PUBLIC_URL, Account
from invoice_tests.people import SignedInPerson
from invoice_tests.routes import api_routes, path_to_nothing
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase

NewAccount = Callable[..., Awaitable[Account]]
NewPerson = Callable[..., Awaitable[SignedInPerson]]
CSRF = "X-CSRF-Token"


@pytest.fixture
async def anna(account: Account, new_person: NewPerson) -> SignedInPerson:
    """An owner of one organisation."""
    return await new_person(memberships={account.organization_id: Role.OWNER})


async def test_no_unsafe_route_answers_a_cookie_alone_or_another_site(
    account: Account,
    anna: SignedInPerson,
    new_person: NewPerson,
    dependencies: Dependencies,
    service_database: ServiceDatabase,
) -> None:
    other = await new_person(memberships={account.organization_id: Role.OWNER})
    unsafe = [(method, path_to_nothing(route)) for method, route in api_routes(dependencies) if method != "GET"]
    forgeries: dict[str, tuple[str, dict[str, str]]] = {
        "no token": (CSRF, {}),
        "an empty token": (CSRF, {"x_csrf_token": ""}),
        "a made-up token": (CSRF, {"x_csrf_token": "0" * 64}),
        "the token of another session": (CSRF, {"x_csrf_token": other.csrf_token}),
        "another site": ("", {"origin": "https://evil.example"}),
        "an opaque site": ("", {"origin": "null"}),
        "a site beside ours": ("", {"origin": PUBLIC_URL + ".evil.example"}),
        "a browser that says cross-site": ("", {"sec_fetch_site": "cross-site"}),
        "a browser that says same-site": ("", {"sec_fetch_site": "same-site"}),
    }

    let_in = []
    for method, path in unsafe:
        for name, (without, headers) in forgeries.items():
            answer = await anna.send(method, path, {}, without=without, if_match='"1"', **headers)
            if _refusal(answer) != (403, "csrf-token-invalid"):
                let_in.append((name, method, path, answer.status_code))

    assert len(unsafe) >= 20
    assert let_in == []
    assert (await anna.send("GET", "/v1/session")).status_code == 200
    assert await service_database.fetch("select 1 from invoice.audit_log union all select 1 from invoice.outbox") == []


@pytest.mark.parametrize("headers", [{}, {"origin": PUBLIC_URL}, {"sec_fetch_site": "same-origin"}], ids=str)
async def test_our_own_page_may_write_with_the_token(anna: SignedInPerson, headers: dict[str, str]) -> None:
    answer = await anna.send("POST", "/v1/customers", {"name": "Acme"}, **headers)

    assert answer.status_code == 201


async def test_reading_needs_no_token(anna: SignedInPerson) -> None:
    assert (await anna.send("GET", "/v1/invoices", without=CSRF)).status_code == 200


async def test_an_organisation_of_others_is_none_on_every_route(
    anna: SignedInPerson, new_account: NewAccount, dependencies: Dependencies
) -> None:
    other = await new_account(name="Other Ltd")
    names = {
        "another's": format_id("org", other.organization_id),
        "nobody's": format_id("org", new_id()),
        "malformed": "org_x",
        "of another kind": format_id("cus", other.organization_id),
    }

    let_in = []
    for method, route in api_routes(dependencies):
        if not permissions_of(route):
            continue
        for name, identifier in names.items():
            answer = await anna.send(method, path_to_nothing(route), {}, if_match='"1"', x_organization_id=identifier)
            if _refusal(answer) != (404, "organization-not-found"):
                let_in.append((name, method, route.path, answer.status_code))

    assert let_in == []


async def test_a_person_of_several_organisations_names_one_and_sees_that_one(
    account: Account, new_account: NewAccount, new_person: NewPerson
) -> None:
    other = await new_account(name="Other Ltd")
    both = {account.organization_id: Role.OWNER, other.organization_id: Role.VIEWER}
    person = await new_person(memberships=both)
    await account.customer(name="Ours")
    await other.customer(name="Theirs")

    unnamed = await person.send("GET", "/v1/customers")
    seen = {
        organization: (await replace(person, organization_id=organization).get("/v1/customers"))["data"][0]["name"]
        for organization in both
    }
    written = [
        (await replace(person, organization_id=organization).send("POST", "/v1/customers", {"name": "New"})).status_code
        for organization in both
    ]

    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "organization-unnamed")
    assert unnamed.json()["facts"]["organizations"] == {
        format_id("org", account.organization_id): "Nordlicht Studio",
        format_id("org", other.organization_id): "Other Ltd",
    }
    assert seen == {account.organization_id: "Ours", other.organization_id: "Theirs"}
    assert written == [201, 403]


async def test_a_person_without_an_organisation_reads_nothing(new_person: NewPerson) -> None:
    person = await new_person(memberships={})

    answer = await person.send("GET", "/v1/invoices")

    assert (answer.status_code, answer.json()["facts"]) == (422, {"organizations": {}})
    assert (await person.get("/v1/session"))["organizations"] == []


async def test_a_key_beside_a_cookie_decides_alone(
    anna: SignedInPerson, new_account: NewAccount, new_person: NewPerson
) -> None:
    other = await new_account(name="Other Ltd", scopes=["read"])
    bearer = f"Bearer {other.key}"

    read = await anna.send("GET", "/v1/settings/organization", authorization=bearer)
    written = await anna.send("POST", "/v1/customers", {"name": "Acme"}, authorization=bearer)
    wrong = await anna.send("GET", "/v1/settings/organization", authorization=bearer[:-1])

    assert (read.status_code, read.json()["name"]) == (200, "Other Ltd")
    assert (written.status_code, wrong.status_code) == (403, 401)


async def test_a_header_moves_no_key_to_another_organisation(account: Account, new_account: NewAccount) -> None:
    other = await new_account(name="Other Ltd")

    answer = await account.send(
        "GET", "/v1/settings/organization", x_organization_id=format_id("org", other.organization_id)
    )

    assert answer.json()["id"] == format_id("org", account.organization_id)


async def test_a_role_that_is_claimed_changes_nothing(
    account: Account, new_person: NewPerson, subtests: pytest.Subtests
) -> None:
    viewer = await new_person(memberships={account.organization_id: Role.VIEWER})
    cookie = f"__Host-ic_session={viewer.cookie}; role=owner; permissions=customers:write"
    headers: dict[str, str] = {"x_role": "owner", "x_permissions": "customers:write", "cookie": cookie}
    claimed = {"name": "Acme", "role": "owner", "permissions": ["customers:write"]}

    for path, body in (
        ("/v1/customers", {"name": "Acme"}),
        ("/v1/customers", claimed),
        ("/v1/customers?role=owner&permissions=customers:write", {"name": "Acme"}),
    ):
        with subtests.test(path, body=str(body)):
            answer = await viewer.send("POST", path, body, **headers, without="Cookie")

            assert answer.status_code in (403, 422)
    promoted = await viewer.send("PATCH", f"/v1/members/{viewer.id}", {"role": "owner"}, if_match='"1"')
    assert _refusal(promoted) == (403, "not-allowed")
    assert (await account.get("/v1/customers"))["data"] == []


async def test_a_session_is_no_key_and_a_key_is_no_session(account: Account, anna: SignedInPerson) -> None:
    as_key = await anna.http.get("/v1/invoices", headers={"Authorization": f"Bearer {anna.cookie}"})
    as_session = await replace(anna, cookie=account.key).send("GET", "/v1/invoices")
    in_the_address = await anna.http.get(f"/v1/invoices?api_key={account.key}&session={anna.cookie}")

    assert (as_key.status_code, as_session.status_code) == (401, 401)
    assert in_the_address.status_code in (401, 422)


async def test_what_a_person_reads_is_kept_by_no_cache(anna: SignedInPerson, dependencies: Dependencies) -> None:
    kept = []
    for method, route in api_routes(dependencies):
        if method == "GET":
            answer = await anna.send(method, path_to_nothing(route))
            if "no-store" not in answer.headers.get("cache-control", ""):
                kept.append((route.path, answer.headers.get("cache-control")))

    assert kept == []


async def test_what_a_person_does_is_noted_with_their_name_and_from_where(
    anna: SignedInPerson, service_database: ServiceDatabase
) -> None:
    made = (await anna.send("POST", "/v1/customers", {"name": "Acme"}, user_agent="Console")).json()

    [row] = await service_database.fetch("select * from invoice.audit_log")
    assert (row["actor_kind"], row["actor"], row["actor_name"]) == ("person", anna.id, anna.email)
    assert (row["action"], row["object_id"], row["user_agent"]) == ("create_customer", made["id"], "Console")


def _refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "") if answer.status_code >= 400 else ""
