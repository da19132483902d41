"""Every route that takes an id, tried with another organisation's and with nobody's: there is no such thing.

A new route without a row in the table below fails the first test.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi.routing import APIRoute
from invoice_service.app import create_public_app
from invoice_service.dependencies import Dependencies
from invoice_tests.make import Account

NOTHING: dict[str, Any] = {}
BODIES: dict[tuple[str, str], dict[str, Any] | None] = {
    ("GET", "/v1/customers/{customer_id}"): None,
    ("PATCH", "/v1/customers/{customer_id}"): {"notes": "mine"},
    ("DELETE", "/v1/customers/{customer_id}"): None,
    ("GET", "/v1/templates/{template_id}"): None,
    ("GET", "/v1/invoices/{invoice_id}"): None,
    ("PATCH", "/v1/invoices/{invoice_id}"): {"title": "mine"},
    ("DELETE", "/v1/invoices/{invoice_id}"): None,
    ("GET", "/v1/invoices/{invoice_id}/pdf"): None,
    ("POST", "/v1/invoices/{invoice_id}/send"): NOTHING,
    ("POST", "/v1/invoices/{invoice_id}/resend"): NOTHING,
    ("POST", "/v1/invoices/{invoice_id}/retry-link"): NOTHING,
    ("POST", "/v1/invoices/{invoice_id}/send-manually"): NOTHING,
    ("POST", "/v1/invoices/{invoice_id}/void"): {"reason": "mine"},
    ("POST", "/v1/invoices/{invoice_id}/payments"): {"amount_minor": 1, "paid_on": "2026-11-01"},
    ("POST", "/v1/invoices/{invoice_id}/payments/{payment_id}/reverse"): NOTHING,
}
NOBODYS = {
    "customer_id": "cus_00000000000000000000000000",
    "template_id": "tpl_00000000000000000000000000",
    "invoice_id": "inv_00000000000000000000000000",
    "payment_id": "pay_00000000000000000000000000",
}


def _id_routes(dependencies: Dependencies) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()

    def walk(routes: Any) -> None:
        for route in routes:
            if isinstance(route, APIRoute):
                found.update((method, route.path) for method in route.methods)
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)

    walk(create_public_app(dependencies).routes)
    return {(method, path) for method, path in found if path.startswith("/v1/") and "{" in path}


def test_every_route_with_an_id_is_in_the_table(dependencies: Dependencies) -> None:
    assert _id_routes(dependencies) == set(BODIES)


async def test_an_id_of_another_organisation_is_an_id_of_nobody(
    account: Account, new_account: Callable[..., Awaitable[Account]], subtests: pytest.Subtests
) -> None:
    draft = await account.draft()
    theirs = {
        "customer_id": draft["customer"]["id"],
        "template_id": (await account.get("/v1/templates"))["data"][0]["id"],
        "invoice_id": draft["id"],
        "payment_id": NOBODYS["payment_id"],
    }
    other = await new_account(name="Other Ltd")

    for (method, path), body in BODIES.items():
        with subtests.test(f"{method} {path}"):
            foreign = await other.send(method, path.format(**theirs), body, if_match='"1"')
            absent = await other.send(method, path.format(**NOBODYS), body, if_match='"1"')

            assert (foreign.status_code, absent.status_code) == (404, 404), foreign.text
            assert foreign.json()["code"] == absent.json()["code"]
    assert await account.get(f"/v1/invoices/{draft['id']}") == draft
