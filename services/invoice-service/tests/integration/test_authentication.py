"""Keys at the door: who comes in, who does not, and that no route forgot to ask."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from invoice_service.actions.api_keys.revoke_api_key import revoke_api_key
from invoice_service.app import create_public_app
from invoice_service.dependencies import Dependencies
from invoice_tests.make import Account
from service_kit.database import app_now
from service_kit.testing.databases import ServiceDatabase

OPEN_PATHS = re.compile(
    r"/(livez|readyz|i/\{token\}.*|page-fonts/\{name\}|sign-(in|out)|forgot-password|account(/.*)?"
    r"|(reset-password|invitation)/\{secret\})"
)
NewAccount = Callable[..., Awaitable[Account]]


def _routes(dependencies: Dependencies) -> list[tuple[str, str]]:
    """Every method and path of the public listener."""
    found: list[tuple[str, str]] = []

    def walk(routes: Any) -> None:
        for route in routes:
            if isinstance(route, APIRoute):
                found.extend((method, route.path) for method in sorted(route.methods or ()))
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)
            elif hasattr(route, "routes"):
                walk(route.routes)

    walk(create_public_app(dependencies).routes)
    return found


async def test_no_route_but_health_and_the_page_with_its_fonts_answers_without_a_key(
    dependencies: Dependencies, public_http: httpx.AsyncClient
) -> None:
    routes = [(method, path) for method, path in _routes(dependencies) if not OPEN_PATHS.fullmatch(path)]

    answers = {
        (method, path): (await public_http.request(method, re.sub(r"\{[^}]+\}", "x", path))).status_code
        for method, path in routes
    }

    assert len(routes) >= 12
    assert {route: status for route, status in answers.items() if status != 401} == {}


async def test_a_request_without_a_key_says_what_to_send(public_http: httpx.AsyncClient) -> None:
    response = await public_http.get("/v1/invoices")

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["code"] == "unauthenticated"


async def test_a_changed_key_opens_nothing(account: Account, subtests: pytest.Subtests) -> None:
    for spoil in [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key.replace("ic_test", "ic_live"),
        lambda key: key + "x",
        lambda key: key.upper(),
        lambda key: "",
        lambda key: "ic_test_00000000000000000000000000_" + "A" * 43,
    ]:
        with subtests.test(str(spoil)):
            response = await account.http.get("/v1/invoices", headers={"Authorization": f"Bearer {spoil(account.key)}"})

            assert response.status_code == 401


async def test_a_revoked_key_opens_nothing_from_the_next_request_on(account: Account) -> None:
    assert (await account.send("GET", "/v1/invoices")).status_code == 200
    async with account.database.transaction(organization_id=account.organization_id) as session:
        await revoke_api_key(
            session, organization_id=account.organization_id, key_id=account.key_id, now=await app_now(session)
        )

    response = await account.send("GET", "/v1/invoices")

    assert response.status_code == 401


async def test_an_expired_key_opens_nothing(new_account: NewAccount, service_database: ServiceDatabase) -> None:
    account = await new_account(expires_in=timedelta(hours=24))
    assert (await account.send("GET", "/v1/invoices")).status_code == 200

    await service_database.advance_clock("invoice", seconds=25 * 3600)

    assert (await account.send("GET", "/v1/invoices")).status_code == 401


async def test_a_key_that_may_only_read_cannot_write(new_account: NewAccount) -> None:
    account = await new_account(scopes=["read"])

    response = await account.send("POST", "/v1/customers", {"name": "Acme"})

    assert (await account.send("GET", "/v1/customers")).status_code == 200
    assert response.status_code == 403
    assert response.json()["code"] == "not-allowed"


async def test_a_key_that_may_only_write_cannot_read(new_account: NewAccount) -> None:
    account = await new_account(scopes=["write"])

    assert (await account.send("GET", "/v1/customers")).status_code == 403


async def test_the_database_holds_no_key(account: Account, service_database: ServiceDatabase) -> None:
    rows = await service_database.fetch("select to_jsonb(k)::text as row from invoice.api_keys k")

    secret = account.key.split("_", 3)[3]
    assert rows
    assert all(secret not in row["row"] for row in rows)


async def test_the_use_of_a_key_is_noted_once_an_hour(account: Account, service_database: ServiceDatabase) -> None:
    async def last_used() -> object:
        return (await service_database.fetch("select last_used_at from invoice.api_keys"))[0]["last_used_at"]

    await account.get("/v1/invoices")
    first = await last_used()
    await account.get("/v1/invoices")
    second = await last_used()
    await service_database.advance_clock("invoice", seconds=3601)
    await account.get("/v1/invoices")
    third = await last_used()

    assert first is not None
    assert second == first
    assert third != first
