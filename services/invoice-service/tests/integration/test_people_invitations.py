"""Invitations accepted: by somebody new, by somebody known, once, and never as anybody else than was invited."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from contracts.ids import format_id
from invoice_service.domain.permissions import Role
from invoice_tests.browser import forms_of, text_of
from invoice_tests.make import Account
from invoice_tests.signing_in import OTHER_PASSWORD, PASSWORD, House

NewAccount = Callable[..., Awaitable[Account]]
MARTA = "marta@filhos.example.com"
NEW = {"name": " Marta Oliveira ", "password": PASSWORD}


async def _members(house: House) -> list[tuple[str, str]]:
    rows = await house.postgres.fetch(
        "select u.email, m.role from invoice.memberships m join invoice.users u on u.id = m.user_id order by 1, 2"
    )
    return [(row["email"], row["role"]) for row in rows]


async def test_somebody_new_chooses_name_and_password_and_is_in(house: House, account: Account) -> None:
    link, browser = await house.invite(account.organization_id, email=MARTA), house.browser()

    shown = await browser.get(link)
    answer = await browser.fill(link, NEW)

    assert "Join Nordlicht Studio Johanna Hellström invites you as accountant ." in text_of(shown)
    assert answer.headers["location"] == "/account?done=joined"
    assert "Marta Oliveira marta@filhos.example.com" in await browser.reads()
    assert await _members(house) == [(MARTA, "accountant")]
    assert await house.audited(account.organization_id) == ["invitation_accepted"]
    assert (await house.browser().sign_in(MARTA, PASSWORD)).status_code == 303


async def test_somebody_known_proves_to_be_that_person(house: House, account: Account, new_account: NewAccount) -> None:
    other = await new_account(name="Oliveira & Filhos")
    await house.person(memberships={other.organization_id: Role.OWNER}, email=MARTA, name="Marta")
    link, browser = await house.invite(account.organization_id, email=MARTA.upper()), house.browser()

    shown = await browser.get(link)
    wrong = await browser.fill(link, {"password": OTHER_PASSWORD})
    right = await browser.fill(link, {"password": PASSWORD})

    seen = await browser.reads()
    assert "You have an account with this e-mail." in text_of(shown)
    assert 'name="name"' not in shown.text
    assert wrong.status_code == 401
    assert "not the password of your account" in text_of(wrong)
    assert right.status_code == 303
    assert "Nordlicht Studio Accountants" in seen
    assert "Oliveira &amp; Filhos Owners" in seen
    assert await _members(house) == [(MARTA, "accountant"), (MARTA, "owner")]


async def test_neither_role_nor_address_nor_organisation_can_be_typed(
    house: House, account: Account, new_account: NewAccount
) -> None:
    other = await new_account(name="Other Ltd")
    link = await house.invite(account.organization_id, email=MARTA, role=Role.VIEWER)
    typed = {"role": "owner", "email": "evil@example.com", "organization_id": str(other.organization_id)}

    await house.browser().fill(link, {**NEW, **typed})

    rows = await house.postgres.fetch("select organization_id, role from invoice.memberships")
    assert [(row["organization_id"], row["role"]) for row in rows] == [(account.organization_id, "viewer")]
    assert await _members(house) == [(MARTA, "viewer")]


async def test_signed_in_as_somebody_else_the_invited_person_is_who_joins(house: House, account: Account) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})
    browser = house.browser()
    await browser.sign_in("johanna@nordlicht.example.com", PASSWORD)
    before, thief = browser.session, house.browser()
    thief.put_cookie("__Host-ic_session", before)
    link = await house.invite(account.organization_id, email=MARTA)

    await browser.fill(link, NEW)

    assert "Marta Oliveira" in await browser.reads()
    assert not await thief.is_signed_in()
    assert await _members(house) == [("johanna@nordlicht.example.com", "owner"), (MARTA, "accountant")]


async def test_of_two_acceptances_at_once_one_gets_through(house: House, account: Account) -> None:
    link = await house.invite(account.organization_id, email=MARTA)
    browsers = [house.browser() for _ in range(4)]
    forms = [forms_of(await browser.get(link))[link].fields for browser in browsers]

    answers = await asyncio.gather(
        *(browser.send(link, {**form, **NEW}) for browser, form in zip(browsers, forms, strict=True))
    )

    assert sorted(answer.status_code for answer in answers) == [303, 404, 404, 404]
    assert await _members(house) == [(MARTA, "accountant")]
    assert len(await house.postgres.fetch("select 1 from invoice.user_sessions")) == 1


async def test_two_organisations_that_invite_at_once_get_one_person(
    house: House, account: Account, new_account: NewAccount
) -> None:
    other = await new_account(name="Other Ltd")
    links = [await house.invite(one.organization_id, email=MARTA) for one in (account, other)]
    browsers = [house.browser() for _ in links]
    forms = [forms_of(await one.get(link))[link].fields for one, link in zip(browsers, links, strict=True)]

    answers = await asyncio.gather(
        *(one.send(link, {**form, **NEW}) for one, link, form in zip(browsers, links, forms, strict=True))
    )
    late = [link for link, answer in zip(links, answers, strict=True) if answer.status_code != 303]
    for link in late:
        await house.browser().fill(link, {"password": PASSWORD})

    assert len(await house.postgres.fetch("select 1 from invoice.users")) == 1
    assert len(await _members(house)) == 2


async def test_a_member_who_accepts_stays_what_they_are(house: House, account: Account) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER}, email=MARTA)
    link, browser = await house.invite(account.organization_id, email=MARTA, role=Role.VIEWER), house.browser()

    answer = await browser.fill(link, {"password": PASSWORD})

    assert answer.status_code == 303
    assert await _members(house) == [(MARTA, "owner")]


async def test_an_invitation_of_a_removed_member_does_not_bring_them_back(house: House, account: Account) -> None:
    marta = await house.person(memberships={account.organization_id: Role.OWNER}, email=MARTA.title())
    await house.person(memberships={account.organization_id: Role.OWNER})
    own = await house.invite(account.organization_id, email=MARTA)
    of_another = await house.invite(account.organization_id, email="anna@example.com")

    removed = await account.send("DELETE", f"/v1/members/{format_id('usr', marta)}")

    browser = house.browser()
    assert removed.status_code == 204
    assert ((await browser.get(own)).status_code, (await browser.get(of_another)).status_code) == (404, 200)


async def test_a_session_that_an_invitation_opens_is_told_to_all_organisations_of_the_person(
    house: House, account: Account, new_account: NewAccount
) -> None:
    other = await new_account(name="Oliveira & Filhos")
    await house.person(memberships={other.organization_id: Role.OWNER}, email=MARTA)
    link = await house.invite(account.organization_id, email=MARTA)

    await house.browser().fill(link, {"password": PASSWORD})

    assert await house.audited(account.organization_id) == ["invitation_accepted", "sign_in"]
    assert await house.audited(other.organization_id) == ["sign_in"]


async def test_an_invitation_that_is_over_opens_nothing(house: House, account: Account) -> None:
    revoked = await house.invite(account.organization_id, email="a@example.com")
    accepted = await house.invite(account.organization_id, email="b@example.com")
    expired = await house.invite(account.organization_id, email="c@example.com")
    await house.postgres.fetch("update invoice.invitations set revoked_at = now() where email = 'a@example.com'")
    await house.browser().fill(accepted, NEW)
    in_time = await house.browser().get(expired)
    await house.postgres.advance_clock("invoice", seconds=72 * 3600 + 1)

    answers = [await house.browser().get(link) for link in (revoked, accepted, expired)]

    assert in_time.status_code == 200
    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"name": "", "password": PASSWORD}, "name", "Enter your name"),
        ({"name": "Marta\u202eevil", "password": PASSWORD}, "name", "cannot be shown"),
        ({"name": "M" * 201, "password": PASSWORD}, "name", "at most 200"),
        ({"name": "Marta", "password": "short"}, "password", "Too short"),
        ({"name": "Marta Oliveira", "password": "MartaOliveira1985"}, "password", "Too easy to guess"),
        ({"name": "Marta", "password": "nordlicht.studio"}, "password", "Too easy to guess"),
    ],
)
async def test_what_cannot_be_taken_is_said_at_its_field_and_the_rest_is_kept(
    house: House, account: Account, typed: dict[str, str], field: str, said: str
) -> None:
    link, browser = await house.invite(account.organization_id, email=MARTA), house.browser()

    answer = await browser.fill(link, typed)

    inputs = {one["name"]: one for one in forms_of(answer)[link].inputs if "name" in one}
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert inputs[field]["aria-invalid"] == "true"
    assert inputs["name"].get("value", "") == typed["name"]
    assert "value" not in inputs["password"]
    assert (await browser.fill(link, NEW)).status_code == 303


async def test_a_disabled_person_cannot_join(house: House, account: Account) -> None:
    await house.person(memberships={}, email=MARTA)
    await house.postgres.fetch("update invoice.users set disabled_at = now()")
    link = await house.invite(account.organization_id, email=MARTA)

    answer = await house.browser().fill(link, {"password": PASSWORD})

    assert answer.status_code == 401
    assert await _members(house) == []
