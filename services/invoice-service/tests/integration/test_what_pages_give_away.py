"""Pages for people, seen from outside: no name becomes markup, no look signs anybody in, nothing asks for a hint, and
nobody's e-mail address can be changed by a form or a request."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from contracts.ids import format_id
from invoice_service.api.route_needs import routes_within
from invoice_service.app import create_public_app, describe_public_api
from invoice_service.dependencies import Dependencies
from invoice_service.domain.permissions import Role
from invoice_tests.browser import SESSION, forms_of
from invoice_tests.make import Account
from invoice_tests.signing_in import JOHANNA, PASSWORD, House

NASTY = "<img src=x onerror=alert(1)>\"'&{{7*7}}{% x %}"
HINTS = re.compile(r"hint|question|answer|maiden|birth|pet", re.IGNORECASE)
FIELDS_OF_FORMS = {
    *("email", "password", "new_password", "session_password", "name", "next"),
    *("form_token", "csrf_token", "session_id", "username"),
}


async def _every_page(house: House, account: Account) -> dict[str, httpx.Response]:
    """With somebody signed in, an invitation to somebody new and to somebody known, and a reset."""
    signed_in, stranger = house.browser(), house.browser(address="203.0.113.5")
    assert (await signed_in.sign_in(JOHANNA, PASSWORD)).status_code == 303
    return {
        "account": await signed_in.get("/account"),
        "sign-in": await stranger.get("/sign-in"),
        "refused": await stranger.sign_in(NASTY, NASTY),
        "forgot": await stranger.get("/forgot-password"),
        "reset": await stranger.get(await house.reset_link(account.organization_id)),
        "invitation": await stranger.get(await house.invite(account.organization_id, email="new@example.com")),
        "known": await stranger.get(await house.invite(account.organization_id, email=JOHANNA)),
        "dead": await stranger.get("/invitation/ic_invite_" + "A" * 43),
    }


async def test_stored_names_are_text_on_every_page(house: House, account: Account, subtests: pytest.Subtests) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER}, name=NASTY)
    await house.postgres.fetch("update invoice.organizations set name = $1", NASTY)
    pages = await _every_page(house, account)
    link = await house.invite(account.organization_id, email="other@example.com")
    await house.postgres.fetch("update invoice.invitations set inviter_name = $1", NASTY)
    pages["from somebody nasty"] = await house.browser().get(link)

    shown = 0
    for name, page in pages.items():
        with subtests.test(name):
            assert "<img" not in page.text
            assert "onerror=alert(1)>" not in page.text
            shown += page.text.count("&lt;img src=x onerror=alert(1)&gt;&#34;&#39;&amp;{{7*7}}{% x %}")
    assert shown >= 5


async def test_no_get_signs_anybody_in(house: House, account: Account, dependencies: Dependencies) -> None:
    """Whatever is opened, with good links in the addresses and with a person's own session."""
    await house.person(memberships={account.organization_id: Role.OWNER})
    reset = await house.reset_link(account.organization_id)
    invitation = await house.invite(account.organization_id, email=JOHANNA)
    good = {"/reset-password/{secret}": reset, "/invitation/{secret}": invitation}
    looking = [
        route
        for route in routes_within(create_public_app(dependencies).routes)
        if {"GET", "HEAD"} & (route.methods or set())
    ]

    signed_in, setting = house.browser(), []
    await signed_in.sign_in(JOHANNA, PASSWORD)
    for route in looking:
        path = good.get(route.path) or re.sub(r"\{[^}]+\}", "x", route.path)
        for browser in (house.browser(), signed_in):
            for method in sorted({"GET", "HEAD"} & (route.methods or set())):
                answer = await browser.http.request(method, path)
                setting += [route.path for line in answer.headers.get_list("set-cookie") if line.startswith(SESSION)]

    assert {"/sign-in", "/account", *good, "/v1/session"} <= {route.path for route in looking}
    assert setting == []


async def test_only_two_forms_make_a_session_and_a_change_of_password_renews_it(
    house: House, account: Account, dependencies: Dependencies
) -> None:
    sources = {
        route.path
        for route in routes_within(create_public_app(dependencies).routes)
        if "set_cookie" in route.endpoint.__code__.co_names and route.endpoint.__name__ != "show_sign_in"
    }

    assert sources == {"/sign-in", "/invitation/{secret}", "/account/password"}


async def test_no_page_and_no_body_asks_for_a_hint(house: House, account: Account) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})

    fields = {
        one["name"]
        for page in (await _every_page(house, account)).values()
        for form in forms_of(page).values()
        for one in form.inputs
        if "name" in one
    }

    assert fields <= FIELDS_OF_FORMS
    assert {"email", "password", "new_password"} <= fields
    assert [name for _, name in _fields_of_bodies() if HINTS.search(name)] == []


async def test_nobodys_address_is_changed_by_a_form_or_a_request(house: House, account: Account) -> None:
    """Changing it would change what a reset goes to, so there is no such thing; see *Ways in* of docs/security.md."""
    user_id = await house.person(memberships={account.organization_id: Role.OWNER})
    browser = house.browser()
    await browser.sign_in(JOHANNA, PASSWORD)
    forms = forms_of(await browser.get("/account"))
    typed = {"email": "evil@example.com", "username": "evil@example.com", "name": "Evil"}

    for form in forms.values():
        if form.action != "/sign-out":
            await browser.send(form.action, {**form.fields, **typed})
    key = {"Authorization": f"Bearer {account.key}", "If-Match": '"1"'}
    member = f"/v1/members/{format_id('usr', user_id)}"
    patched = await browser.http.patch(member, json={"email": "evil@example.com"}, headers=key)

    rows = await house.postgres.fetch("select email, name from invoice.users")
    assert [row["email"] for row in rows] == [JOHANNA]
    assert patched.status_code == 422
    with_an_email = {name for name, field in _fields_of_bodies() if field == "email"}
    # Those of customers, of organisations' letterheads, and of who is invited.
    assert with_an_email == {"NewCustomer", "CustomerChange", "OrganizationChange", "NewInvitation"}


def _fields_of_bodies() -> Iterator[tuple[str, str]]:
    """Each model that a request of the API brings, with each of its fields."""
    document = describe_public_api()
    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for methods in document["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    ]
    names = {found for body in bodies for found in _models_in(body, document["components"]["schemas"])}
    for name in names:
        yield from ((name, field) for field in document["components"]["schemas"][name].get("properties", {}))


def _models_in(schema: Any, models: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for name in re.findall(r"#/components/schemas/(\w+)", str(schema)):
        found |= {name} | _models_in(models[name], models)
    return found
