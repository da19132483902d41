"""Signing in and out by page: who comes in, that nobody learns who exists, and what a session is worth afterwards."""

import pytest
from argon2 import PasswordHasher
from invoice_service.domain.permissions import Role
from invoice_tests.browser import FORM, SESSION, text_of
from invoice_tests.make import Account
from invoice_tests.signing_in import JOHANNA, OTHER_PASSWORD, PASSWORD, House


@pytest.fixture
async def johanna(house: House, account: Account) -> str:
    """An owner with `PASSWORD`; her id."""
    return str(await house.person(memberships={account.organization_id: Role.OWNER}))


async def test_a_person_signs_in_sees_where_they_belong_and_signs_out(
    house: House, account: Account, johanna: str
) -> None:
    browser = house.browser()

    answer = await browser.sign_in("  Johanna@Nordlicht.example.com ", PASSWORD)
    seen = await browser.reads()
    out = await browser.fill("/account", {}, action="/sign-out")

    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "Johanna Hellström" in seen
    assert "Nordlicht Studio" in seen
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in?done=signed-out")
    assert out.headers["clear-site-data"] == '"cache", "storage"'
    assert not await browser.is_signed_in()
    assert await house.audited(account.organization_id) == ["sign_in", "sign_out"]


async def test_the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts(house: House, johanna: str) -> None:
    browser = house.browser()

    answer = await browser.sign_in(JOHANNA, PASSWORD)

    (cookie,) = [line for line in answer.headers.get_list("set-cookie") if line.startswith(SESSION)]
    value, *attributes = [part.strip() for part in cookie.split(";")]
    assert value.startswith(f"{SESSION}=ic_session_")
    assert len(value) == len(f"{SESSION}=ic_session_") + 43
    assert {part.lower() for part in attributes} == {"httponly", "secure", "samesite=lax", "path=/"}
    assert await house.rows_with(browser.session, ["user_sessions", "audit_log", "outbox"]) == []


async def test_the_form_cookie_is_out_of_reach_of_scripts(house: House) -> None:
    answer = await house.browser().get("/sign-in")

    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith(f"{FORM}=ic_form_")
    assert {"httponly", "secure", "samesite=lax", "path=/"} == {part.strip().lower() for part in cookie.split(";")[1:]}


async def test_a_cookie_that_was_there_before_is_not_the_one_after(house: House, johanna: str) -> None:
    browser, planted = house.browser(), "ic_session_" + "A" * 43
    browser.put_cookie(SESSION, planted)

    await browser.sign_in(JOHANNA, PASSWORD)
    thief = house.browser()
    thief.put_cookie(SESSION, planted)

    assert browser.session not in ("", planted)
    assert await browser.is_signed_in()
    assert not await thief.is_signed_in()


async def test_signing_in_again_ends_the_session_that_came_along(house: House, johanna: str) -> None:
    browser, thief = house.browser(), house.browser()
    page = await browser.get("/sign-in")
    await browser.sign_in(JOHANNA, PASSWORD)
    first = browser.session
    thief.put_cookie(SESSION, first)

    form = {"email": JOHANNA, "password": PASSWORD, "form_token": page.text.split('name="form_token" value="')[1][:64]}
    await browser.send("/sign-in", form)

    assert browser.session != first
    assert await browser.is_signed_in()
    assert not await thief.is_signed_in()


async def test_every_refusal_is_the_same_and_costs_the_same(house: House, account: Account, johanna: str) -> None:
    disabled = await house.person(memberships={account.organization_id: Role.VIEWER}, email="gone@example.com")
    await house.postgres.fetch("update invoice.users set disabled_at = now() where id = $1", disabled)
    await house.person(memberships={}, email="fresh@example.com", password_hash=None)
    answers, costs = [], []
    for email, password in [
        (JOHANNA, OTHER_PASSWORD),
        ("nobody@example.com", OTHER_PASSWORD),
        ("gone@example.com", PASSWORD),
        ("fresh@example.com", PASSWORD),
        ("not an address", PASSWORD),
    ]:
        house.passwords.verified.clear()
        browser = house.browser()
        answer = await browser.sign_in(email, password)
        answers.append((answer.status_code, text_of(answer), answer.headers.get("set-cookie")))
        costs.append(len(house.passwords.verified))

    assert {status for status, _, _ in answers} == {401}
    assert len({text for _, text, _ in answers}) == 1
    assert {cookie for _, _, cookie in answers} == {None}
    assert costs == [1, 1, 1, 1, 1]
    assert "E-mail or password is wrong." in answers[0][1]


async def test_passwords_are_taken_exactly_as_they_were_typed(
    house: House, account: Account, subtests: pytest.Subtests
) -> None:
    typed = "  Pass phrase  é 🔑 " + "long" * 20
    stored = await house.passwords.hash(typed)
    await house.person(memberships={account.organization_id: Role.VIEWER}, password_hash=stored)
    changed = [
        typed.strip(),
        typed.casefold(),
        typed.replace("é", "e\u0301"),
        typed[:72],
        typed + " ",
        " ".join(typed.split()),
    ]

    for password in changed:
        with subtests.test(password):
            assert (await house.browser().sign_in(JOHANNA, password)).status_code == 401
            await house.forget_waits()
    assert (await house.browser().sign_in(JOHANNA, typed)).status_code == 303


async def test_an_old_hash_signs_in_and_is_replaced(house: House, account: Account) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    await house.person(memberships={account.organization_id: Role.VIEWER}, password_hash=weak)

    first = await house.browser().sign_in(JOHANNA, PASSWORD)
    stored = (await house.postgres.fetch("select password_hash from invoice.users"))[0]["password_hash"]
    second = await house.browser().sign_in(JOHANNA, PASSWORD)

    assert (first.status_code, second.status_code) == (303, 303)
    assert stored.startswith("$argon2id$v=19$m=47104,t=1,p=1$")


async def test_a_password_works_as_long_as_it_is_not_changed(house: House, johanna: str) -> None:
    await house.postgres.advance_clock("invoice", seconds=2 * 365 * 86_400)

    assert (await house.browser().sign_in(JOHANNA, PASSWORD)).status_code == 303


async def test_an_idle_session_ends_and_use_keeps_it_alive(house: House, johanna: str) -> None:
    browser = house.browser()
    await browser.sign_in(JOHANNA, PASSWORD)
    idle = house.parts.accounts.idle_seconds

    await house.postgres.advance_clock("invoice", seconds=idle - 60)
    used = await browser.is_signed_in()
    await house.postgres.advance_clock("invoice", seconds=idle - 60)
    kept = await browser.is_signed_in()
    await house.postgres.advance_clock("invoice", seconds=idle + 1)
    over = await browser.is_signed_in()

    assert (used, kept, over) == (True, True, False)


async def test_no_use_keeps_a_session_beyond_its_lifetime(house: House, johanna: str) -> None:
    browser = house.browser()
    await browser.sign_in(JOHANNA, PASSWORD)
    accounts = house.parts.accounts
    steps = accounts.lifetime_seconds // (accounts.idle_seconds - 60)

    for _ in range(steps):
        await house.postgres.advance_clock("invoice", seconds=accounts.idle_seconds - 60)
        assert await browser.is_signed_in()
    await house.postgres.advance_clock("invoice", seconds=accounts.idle_seconds - 60)

    assert not await browser.is_signed_in()


async def test_a_disabled_person_is_out_with_the_next_request(house: House, johanna: str) -> None:
    browser = house.browser()
    await browser.sign_in(JOHANNA, PASSWORD)

    await house.postgres.fetch("update invoice.users set disabled_at = now()")

    assert not await browser.is_signed_in()


async def test_the_twenty_first_session_ends_the_one_used_longest_ago(house: House, johanna: str) -> None:
    browsers = [house.browser(address=f"198.51.100.{number}") for number in range(21)]

    for browser in browsers:
        await browser.sign_in(JOHANNA, PASSWORD)
        await house.postgres.advance_clock("invoice", seconds=1)

    assert [await browser.is_signed_in() for browser in browsers] == [False] + [True] * 20


async def test_next_leads_only_to_paths_of_our_own(house: House, johanna: str, subtests: pytest.Subtests) -> None:
    for wanted, expected in {
        "/account?done=joined": "/account?done=joined",
        "/v1/session": "/v1/session",
        "//evil.example": "/account",
        "/\\evil.example": "/account",
        "/\t/evil.example": "/account",
        "https://evil.example/": "/account",
        "javascript:alert(1)": "/account",
        "account": "/account",
        "": "/account",
        "/" + "a" * 600: "/account",
    }.items():
        with subtests.test(wanted):
            browser = house.browser()
            typed = {"email": JOHANNA, "password": PASSWORD, "next": wanted}
            answer = await browser.fill("/sign-in", typed)

            assert answer.headers["location"] == expected
            shown = await browser.http.get("/sign-in", params={"next": wanted})
            assert shown.headers["location"] == expected


async def test_failed_tries_are_told_to_the_organisation_and_name_no_stranger(
    house: House, account: Account, johanna: str
) -> None:
    await house.browser(address="203.0.113.9").sign_in(JOHANNA, OTHER_PASSWORD)
    await house.browser().sign_in("nobody@example.com", OTHER_PASSWORD)

    rows = await house.postgres.fetch("select actor_kind, actor, actor_name, action, address from invoice.audit_log")
    assert [tuple(row) for row in rows] == [("nobody", "nobody", JOHANNA, "sign_in_failed", "203.0.113.9")]


async def test_a_password_that_changes_while_it_is_checked_signs_nobody_in(
    house: House, account: Account, johanna: str
) -> None:
    new_hash = await house.passwords.hash(OTHER_PASSWORD)
    check = house.passwords.verify

    async def changed_meanwhile(*, password: str, stored: str | None) -> bool:
        matched = await check(password=password, stored=stored)
        await house.postgres.fetch("update invoice.users set password_hash = $1", new_hash)
        return matched

    house.passwords.verify = changed_meanwhile  # type: ignore[method-assign]

    assert (await house.browser().sign_in(JOHANNA, PASSWORD)).status_code == 401
