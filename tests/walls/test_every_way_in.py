"""Every route of every listener is in exactly one of the ways in that docs/security.md tells of; there is no other."""

import base64
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from invoice_service.api.route_needs import is_for_the_person_alone, permissions_of, routes_within
from invoice_service.app import build
from invoice_service.settings import Settings as InvoiceSettings
from notification_service import app as notification
from payment_service import app as payment
from payment_service.build_setup import open_gateway, stripe_setup
from payment_service.settings import Settings as PaymentSettings
from service_kit.clock import SystemClock
from service_kit.database import create_database
from service_kit.http_door import HttpDoor

NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/none"
SECRETS = {
    name: f"{name} of these tests that is long enough"
    for name in (
        *("page_token_secret", "api_key_pepper", "account_secret"),
        *("service_token_secret", "payment_token_secret"),
    )
}
IDS = {
    "organization_id": "org_" + "0" * 26,
    "document_id": "doc_" + "0" * 26,
    "mail_id": "mail_" + "0" * 26,
}
MASTER_KEY = "k1:" + base64.b64encode(bytes(32)).decode()
HEALTH = {"GET /livez", "GET /readyz"}
OPEN_BY_DESIGN = {
    "invoice public": {
        *("GET /i/{token}", "HEAD /i/{token}", "GET /i/{token}/pay", "POST /i/{token}/pay"),
        *("GET /i/{token}/invoice.pdf", "HEAD /i/{token}/invoice.pdf", "GET /page-fonts/{name}"),
    },
    "payment public": {"POST /webhooks/stripe/{endpoint}"},
}
"""Who has the address may come in: a page token, or a body that Stripe signed."""
PAGES_BEFORE_A_SESSION = {"/sign-in", "/forgot-password", "/reset-password/{secret}", "/invitation/{secret}"}
PAGES_OF_A_SESSION = {
    *("/sign-out", "/account", "/account/password", "/account/sessions/end", "/account/sessions/end-all"),
}


def listeners() -> dict[str, FastAPI]:
    """To be called in a running loop."""
    database, clock = create_database(url=NOWHERE, application_name="walls"), SystemClock()
    invoice = build(InvoiceSettings.model_validate({"environment": "test", "database_url": NOWHERE, **SECRETS}))
    settings = PaymentSettings.model_validate({"environment": "test", "master_keys": MASTER_KEY})
    setup = stripe_setup(settings, open_gateway(settings))
    return {
        "invoice public": invoice.public,
        "invoice private": invoice.private,
        "payment public": payment.public_api(database=database, keyring=setup.keyring, clock=clock, head=None),
        "payment private": payment.private_api(
            database=database,
            setup=setup,
            service_token_secret=SECRETS["payment_token_secret"],
            clock=clock,
            head=None,
        ),
        "notification private": notification.private_api(database=database, clock=clock, head=None, door=HttpDoor()),
    }


def routes_of(api: FastAPI) -> Iterator[tuple[str, APIRoute]]:
    for route in routes_within(api.routes):
        yield from ((f"{method} {route.path}", route) for method in sorted(route.methods or ()))


def way_in(listener: str, name: str, route: APIRoute) -> str:
    """In the words of the document; empty for a route that is in none of them."""
    if name in HEALTH:
        return "health"
    if name in OPEN_BY_DESIGN.get(listener, ()):
        return "open by design"
    if listener == "invoice public" and route.path in PAGES_BEFORE_A_SESSION:
        return "page before a session"
    if listener == "invoice public" and route.path in PAGES_OF_A_SESSION:
        return "page of a session"
    if permissions_of(route):
        return "key or session"
    if is_for_the_person_alone(route):
        return "session"
    return "service token" if route.path.startswith("/internal/") and "private" in listener else ""


async def test_every_route_is_in_one_of_the_ways_in() -> None:
    ways = {
        (listener, name): way_in(listener, name, route)
        for listener, api in listeners().items()
        for name, route in routes_of(api)
    }

    assert [route for route, way in ways.items() if not way] == []
    assert set(ways.values()) == {
        *("health", "open by design", "page before a session", "page of a session"),
        *("key or session", "session", "service token"),
    }
    assert len(ways) > 60
    listed = {(listener, name) for listener, names in OPEN_BY_DESIGN.items() for name in names}
    assert listed <= set(ways), "a door that is listed as open is not there any more"


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Bearer ic_test_" + "0" * 26 + "_" + "A" * 43, "Basic eDp4"])
async def test_nobody_passes_a_private_door_without_a_service_token(authorization: str) -> None:
    """The database is nowhere: whoever got past the door would see a failure and not a refusal."""
    headers = {"Authorization": authorization, "Cookie": "__Host-ic_session=x"} if authorization else {}
    refused = {}
    for listener, api in listeners().items():
        if "private" not in listener:
            continue
        transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://private.test") as http:
            for name, route in routes_of(api):
                if name not in HEALTH:
                    body = {"secret_key": f"sk_test_{'a' * 24}"}
                    answer = await http.request(name.split()[0], route.path.format(**IDS), headers=headers, json=body)
                    refused[listener, name] = answer.status_code

    assert set(refused.values()) == {401}
    assert len(refused) >= 4


async def test_notification_service_has_no_door_but_its_health() -> None:
    names = {name for name, _ in routes_of(listeners()["notification private"])}

    assert names == HEALTH
