"""Every route against every role and scope: refused exactly when the table in `domain/permissions.py` says so.

The routes and what they ask for are read from the application, so a new one is walked without being named here.
"""

import re
from collections.abc import Awaitable, Callable

import httpx
import pytest
from fastapi.routing import APIRoute
from invoice_service.api.route_needs import is_for_the_person_alone, permissions_of
from invoice_service.app import describe_public_api
from invoice_service.dependencies import Dependencies
from invoice_service.domain.permissions import OF_ROLE, OF_SCOPE, Permission, Role, Scope
from invoice_tests.make import Account
from invoice_tests.people import SignedInPerson
from invoice_tests.routes import api_routes, path_to_nothing

NewAccount = Callable[..., Awaitable[Account]]
NewPerson = Callable[..., Awaitable[SignedInPerson]]
BEHIND_THE_DOOR = {("DELETE", "/v1/members/{user_id}"): Permission.MEMBERS_WRITE}
"""Everybody may leave, so the door asks for less than removing somebody else does."""
READING = {
    Permission.ORGANIZATION_READ,
    Permission.CUSTOMERS_READ,
    Permission.TEMPLATES_READ,
    Permission.INVOICES_READ,
    Permission.MEMBERS_READ,
}
EXPECTED = {
    Role.VIEWER: READING,
    Role.ACCOUNTANT: READING
    | {
        Permission.CUSTOMERS_WRITE,
        Permission.TEMPLATES_WRITE,
        Permission.INVOICES_WRITE,
        Permission.PAYMENTS_WRITE,
    },
    Role.OWNER: set(Permission),
}


def test_the_table_of_roles_is_the_one_that_was_agreed() -> None:
    assert {role: set(permissions) for role, permissions in OF_ROLE.items()} == EXPECTED


def test_every_permission_is_in_exactly_one_scope() -> None:
    assert sorted(permission for scope in Scope for permission in OF_SCOPE[scope]) == sorted(Permission)


def test_every_route_asks_for_one_permission_or_is_the_persons_own(dependencies: Dependencies) -> None:
    routes = api_routes(dependencies)

    odd = [
        (method, route.path)
        for method, route in routes
        if len(permissions_of(route)) != 1 and not is_for_the_person_alone(route)
    ]
    writing = [
        (method, route.path)
        for method, route in routes
        if method not in ("GET", "HEAD")
        and any(permission.endswith(":read") for permission in permissions_of(route))
        and (method, route.path) not in BEHIND_THE_DOOR
    ]

    assert len(routes) >= 30
    assert odd == []
    assert writing == []


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_is_refused_exactly_what_the_table_does_not_give_it(
    role: Role, account: Account, new_person: NewPerson, dependencies: Dependencies
) -> None:
    person = await new_person(memberships={account.organization_id: role})

    refused, expected = set(), set()
    for method, route in api_routes(dependencies):
        answer = await person.send(method, path_to_nothing(route), {}, if_match='"1"')
        refused |= {(method, route.path)} if _is_refused(answer) else set()
        expected |= set() if _asked_for(method, route) <= EXPECTED[role] else {(method, route.path)}
        assert answer.status_code not in (401, 500), answer.text
        if route.name in ("end_session", "end_all_sessions"):
            person = await new_person(memberships={account.organization_id: role})

    assert refused == expected


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_scope_is_refused_exactly_what_the_table_does_not_give_it(
    scope: Scope, new_account: NewAccount, dependencies: Dependencies
) -> None:
    account = await new_account(scopes=[scope.value])

    refused, expected = set(), set()
    for method, route in api_routes(dependencies):
        if is_for_the_person_alone(route):
            continue
        answer = await account.send(method, path_to_nothing(route), {}, if_match='"1"')
        refused |= {(method, route.path)} if _is_refused(answer) else set()
        expected |= set() if _asked_for(method, route) <= OF_SCOPE[scope] else {(method, route.path)}
        assert answer.status_code not in (401, 500), answer.text

    assert refused == expected


async def test_a_refusal_says_who_may(account: Account, new_person: NewPerson) -> None:
    viewer = await new_person(memberships={account.organization_id: Role.VIEWER})

    answer = await viewer.send("POST", "/v1/customers", {"name": "Acme"})

    assert answer.json()["facts"] == {"permission": "customers:write"}
    assert "owners or accountants" in answer.json()["detail"]


def test_no_answer_has_a_field_for_a_secret_but_those_that_are_meant_to_be_shown() -> None:
    document = describe_public_api()

    named = {
        (schema, name)
        for schema, content in document["components"]["schemas"].items()
        for name in content.get("properties", {})
        if re.search("hash|hmac|proof|secret|token|password|pepper|cookie", name)
    }

    assert named == {
        ("OwnSessionView", "csrf_token"),
        ("NewApiKeyView", "secret"),  # once, when the key is made
        ("SecretKeyBody", "secret_key"),  # a request, never answered
    }


def _asked_for(method: str, route: APIRoute) -> set[Permission]:
    behind = BEHIND_THE_DOOR.get((method, route.path))
    return {behind} if behind else permissions_of(route)


def _is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.json()["code"] == "not-allowed"
