"""People at the whole running product, from the operator's command to a forgotten password, by pages, API and mails."""

import secrets
import time
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from deploy.demo.inbox import received
from deploy.demo.journey import Addresses
from deploy.demo.waiting import until
from tests.journeys.account_mails import mail_about, text_of
from tests.journeys.conftest import Product
from tests.journeys.people import House, house_of, new_password, new_person, roles_in, send_invoice

Evidence = Callable[[str, object], None]


@pytest.fixture
async def nordlicht(product: Product, addresses: Addresses) -> AsyncIterator[House]:
    async with house_of(product.instance, product.processes, addresses) as found:
        yield found


async def test_the_first_owner_comes_in_by_the_link_of_the_command_which_works_once(nordlicht: House) -> None:
    johanna, visitor = new_person("Johanna Hellström"), await nordlicht.visitor()
    link = await nordlicht.owner_link(johanna)
    looked_at = [await visitor.http.get(link) for _ in range(3)]

    saved = await visitor.press("Save password", on=link, password=johanna.password)

    assert [page.status_code for page in looked_at] == [200] * 3
    assert (saved.status_code, saved.headers["location"]) == (303, "/sign-in?done=reset")
    assert not await visitor.is_signed_in()
    assert (await visitor.http.get(link)).status_code == 404
    await nordlicht.signed_in(visitor, johanna)
    session = (await visitor.call("GET", "/v1/session")).json()
    assert (session["user"]["email"], roles_in(session)) == (johanna.email, ["owner"])
    assert [one["id"] for one in session["organizations"]] == [nordlicht.id]


async def test_an_invited_accountant_sends_invoices_and_does_not_touch_stripe(nordlicht: House) -> None:
    owner, ben = await nordlicht.first_owner(), new_person("Ben Okafor")
    link = await nordlicht.invite(owner, ben, role="accountant")
    visitor, customer = await nordlicht.visitor(), f"{secrets.token_hex(5)}@customer.example"

    joined = await visitor.press("Join", on=link, name=ben.name, password=ben.password)
    sent = await send_invoice(visitor, email=customer)
    refused = await visitor.call("PUT", "/v1/settings/stripe/secret-key", {"secret_key": "sk_test_1234567890abcdef"})

    assert (joined.status_code, joined.headers["location"]) == (303, "/account?done=joined")
    assert roles_in((await visitor.call("GET", "/v1/session")).json()) == ["accountant"]
    mail = await mail_about(nordlicht.addresses.inbox, to=customer, subject=sent["number"])
    assert sent["number"] in text_of(mail)
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    assert "owners have it" in refused.json()["detail"]
    assert (await owner.call("GET", "/v1/settings/stripe")).json()["status"] == "not_connected"
    assert (await visitor.http.get(link)).status_code == 404
    assert (await owner.call("GET", "/v1/invitations")).json()["data"] == []


async def test_the_owner_sees_that_the_mail_of_an_invitation_went_out(nordlicht: House) -> None:
    owner, vera = await nordlicht.first_owner(), new_person("Vera Lindqvist")

    await nordlicht.invite(owner, vera, role="viewer")

    async def outcomes() -> list[str]:
        return [row["mail_outcome"] for row in (await owner.call("GET", "/v1/invitations")).json()["data"]]

    assert await until(outcomes, lambda seen: seen != ["queued"], what="news of the mail") == ["sent"]


async def test_signing_out_everywhere_ends_every_browser(nordlicht: House) -> None:
    first, second = await nordlicht.first_owner(), await nordlicht.visitor()
    await nordlicht.signed_in(second, nordlicht.owner)
    kept = {"Cookie": f"ic_session={second.session}"}

    ended = await first.press("Sign out everywhere", on="/account")

    assert (ended.status_code, ended.headers["location"]) == (303, "/sign-in?done=ended")
    assert [await one.is_signed_in() for one in (first, second)] == [False, False]
    assert (await (await nordlicht.visitor()).http.get("/v1/session", headers=kept)).status_code == 401


async def test_a_forgotten_password_is_chosen_anew_and_ends_what_was_before(
    nordlicht: House, record_property: Evidence
) -> None:
    johanna, chosen = nordlicht.owner, new_password()
    before, forgetful = await nordlicht.first_owner(), await nordlicht.visitor()
    asked = await forgetful.press("Send link", on="/forgot-password", email=johanna.email)
    unknown = await forgetful.press("Send link", on="/forgot-password", email="nobody@people.example")
    begun = time.monotonic()
    link = await nordlicht.reset_link(johanna)
    mailed_after = time.monotonic() - begun

    saved = await forgetful.press("Save password", on=link, password=chosen)

    assert (asked.status_code, asked.text) == (unknown.status_code, unknown.text)
    assert (saved.status_code, saved.headers["location"]) == (303, "/sign-in?done=reset")
    assert not await before.is_signed_in()
    assert (await forgetful.sign_in(johanna.email, johanna.password)).status_code == httpx.codes.UNAUTHORIZED
    assert (await forgetful.sign_in(johanna.email, chosen)).headers["location"] == "/account"
    assert (await forgetful.http.get(link)).status_code == httpx.codes.NOT_FOUND
    # The first was about the password that the owner chose by the command's link.
    told = await mail_about(nordlicht.addresses.inbox, to=johanna.email, subject="was changed", count=2)
    assert "/reset-password/ic_" not in text_of(told)
    mails = [mail for mail in await received(nordlicht.addresses.inbox) if "nobody@people.example" in str(mail["to"])]
    assert mails == []
    record_property("evidence", f"the reset mail was there after {mailed_after:.1f} s")
