"""The account page: passwords changed, sessions seen and ended, every form bound to the session it was shown in."""

import pytest
from contracts.events.accounts import AccountMailKind
from invoice_service.domain.permissions import Role
from invoice_tests.browser import SESSION, Browser, forms_of, text_of
from invoice_tests.make import Account
from invoice_tests.signing_in import JOHANNA, OTHER_PASSWORD, PASSWORD, House

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
CHANGE = {"password": PASSWORD, "new_password": OTHER_PASSWORD}
EVERY_FORM = {
    "/sign-out": {},
    "/account/password": CHANGE,
    "/account/sessions/end": {"session_id": "ses_00000000000000000000000000"},
    "/account/sessions/end-all": {},
}


@pytest.fixture(autouse=True)
async def johanna(house: House, account: Account) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})


async def _signed_in(house: House, *, address: str = "198.51.100.7", user_agent: str = FIREFOX) -> Browser:
    browser = house.browser(address=address, user_agent=user_agent)
    assert (await browser.sign_in(JOHANNA, PASSWORD)).status_code == 303
    return browser


async def _csrf(browser: Browser) -> str:
    return forms_of(await browser.get("/account"))["/sign-out"].fields["csrf_token"]


async def test_a_new_password_ends_all_other_sessions_rotates_this_one_and_tells_the_person(
    house: House, account: Account
) -> None:
    here, elsewhere = await _signed_in(house), await _signed_in(house)
    before = here.session

    answer = await here.fill("/account", CHANGE, action="/account/password")

    thief = house.browser()
    thief.put_cookie(SESSION, before)
    assert answer.headers["location"] == "/account?done=password"
    assert "Password changed." in await here.reads(answer.headers["location"])
    assert (await elsewhere.is_signed_in(), await thief.is_signed_in()) == (False, False)
    assert here.session != before
    assert (await house.browser().sign_in(JOHANNA, PASSWORD)).status_code == 401
    assert (await house.browser().sign_in(JOHANNA, OTHER_PASSWORD)).status_code == 303
    assert len(await house.mails(AccountMailKind.PASSWORD_CHANGED)) == 1
    assert "password_changed" in await house.audited(account.organization_id)


async def test_the_password_one_has_is_needed_for_another(house: House) -> None:
    here, elsewhere = await _signed_in(house), await _signed_in(house)

    answer = await here.fill("/account", {**CHANGE, "password": "not what it is"}, action="/account/password")

    assert answer.status_code == 422
    assert "Nothing was changed." in text_of(answer)
    assert await elsewhere.is_signed_in()
    assert (await house.browser().sign_in(JOHANNA, PASSWORD)).status_code == 303


async def test_a_new_password_is_judged_for_those_alone_who_know_the_one_they_have(house: House) -> None:
    here = await _signed_in(house)

    answer = await here.fill("/account", {"password": "wrong", "new_password": "short"}, action="/account/password")

    assert "This is not the password you have now." in text_of(answer)
    assert house.passwords.judged == 0


async def test_new_passwords_that_are_refused_are_no_wrong_sign_ins(house: House) -> None:
    here = await _signed_in(house)

    poor = {**CHANGE, "new_password": "password1234"}
    answers = [(await here.fill("/account", poor, action="/account/password")).status_code for _ in range(8)]

    assert answers == [422] * 8
    assert (await house.browser().sign_in(JOHANNA, PASSWORD)).status_code == 303


async def test_guessing_the_password_one_has_is_throttled_like_signing_in(house: House) -> None:
    here = await _signed_in(house)
    wrong = {**CHANGE, "password": OTHER_PASSWORD + "!"}

    answers = [(await here.fill("/account", wrong, action="/account/password")).status_code for _ in range(6)]

    assert answers == [422] * 5 + [429]
    assert (await house.browser().sign_in(JOHANNA, PASSWORD)).status_code == 429


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("short words", "Too short"),
        ("x" * 129, "Too long"),
        ("password1234", "Too easy to guess"),
        ("qwertyqwerty", "lists that attackers use"),
        ("Johanna.Hellström.2026", "Too easy to guess"),
        ("nordlichtstudio2026", "Too easy to guess"),
        ("aaaaaaaaaaaaaaaa", "Too easy to guess"),
        (PASSWORD, "the password you have"),
    ],
)
async def test_a_poor_password_is_refused_with_the_remedy_at_its_field(house: House, wanted: str, said: str) -> None:
    here = await _signed_in(house)

    answer = await here.fill("/account", {**CHANGE, "new_password": wanted}, action="/account/password")

    (field,) = [one for one in forms_of(answer)["/account/password"].inputs if one.get("name") == "new_password"]
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert field["aria-invalid"] == "true"
    assert field["aria-describedby"] == "new_password-said"
    assert wanted not in answer.text
    assert (await house.browser().sign_in(JOHANNA, PASSWORD)).status_code == 303


async def test_the_page_shows_each_session_with_browser_and_address(house: House) -> None:
    await _signed_in(house, address="203.0.113.9", user_agent=IPHONE)
    here = await _signed_in(house)

    seen = await here.reads()

    assert "Firefox on Linux this browser 198.51.100.7 · used now" in seen
    assert "Safari on iPhone 203.0.113.9 · last used a few minutes ago" in seen


async def test_one_session_ends_and_the_others_stay(house: House, account: Account) -> None:
    phone, here = await _signed_in(house, user_agent=IPHONE), await _signed_in(house)
    page = (await here.get("/account")).text
    other = page.split('name="session_id" value="')[1].split('"')[0]

    answer = await here.fill("/account", {"session_id": other}, action="/account/sessions/end")

    assert page.count('name="session_id"') == 1
    assert answer.headers["location"] == "/account?done=ended"
    assert (await phone.is_signed_in(), await here.is_signed_in()) == (False, True)
    assert "end_one_session" in await house.audited(account.organization_id)


async def test_the_session_of_another_person_cannot_be_ended(house: House, account: Account) -> None:
    await house.person(memberships={account.organization_id: Role.VIEWER}, email="anna@example.com")
    anna, here = house.browser(), await _signed_in(house)
    await anna.sign_in("anna@example.com", PASSWORD)
    rows = await house.postgres.fetch("select id, user_id from invoice.user_sessions order by created_at desc limit 1")

    await here.fill("/account", {"session_id": f"ses_{rows[0]['id'].hex[:26]}"}, action="/account/sessions/end")

    assert await anna.is_signed_in()


async def test_signing_out_everywhere_ends_this_one_too(house: House) -> None:
    phone, here = await _signed_in(house), await _signed_in(house)

    answer = await here.send("/account/sessions/end-all", {"csrf_token": await _csrf(here)})

    assert answer.headers["location"] == "/sign-in?done=ended"
    assert (await phone.is_signed_in(), await here.is_signed_in()) == (False, False)
    assert "Signed out everywhere." in await here.reads("/sign-in?done=ended")


async def test_ending_sessions_long_after_signing_in_needs_the_password(house: House) -> None:
    phone, here = await _signed_in(house), await _signed_in(house)
    await house.postgres.advance_clock("invoice", seconds=601)
    token = await _csrf(here)

    without = await here.send("/account/sessions/end-all", {"csrf_token": token})
    wrong = await here.send("/account/sessions/end-all", {"csrf_token": token, "session_password": OTHER_PASSWORD})
    kept = await phone.is_signed_in()
    right = await here.send("/account/sessions/end-all", {"csrf_token": token, "session_password": PASSWORD})

    assert without.headers["location"] == wrong.headers["location"] == "/account?problem=session-password"
    assert kept
    assert right.headers["location"] == "/sign-in?done=ended"
    assert not await phone.is_signed_in()


async def test_a_password_that_changes_while_it_is_checked_ends_no_session(house: House) -> None:
    phone, here = await _signed_in(house), await _signed_in(house)
    await house.postgres.advance_clock("invoice", seconds=601)
    token, new_hash, check = await _csrf(here), await house.passwords.hash(OTHER_PASSWORD), house.passwords.verify

    async def changed_meanwhile(*, password: str, stored: str | None) -> bool:
        matched = await check(password=password, stored=stored)
        await house.postgres.fetch("update invoice.users set password_hash = $1", new_hash)
        return matched

    house.passwords.verify = changed_meanwhile  # type: ignore[method-assign]
    answer = await here.send("/account/sessions/end-all", {"csrf_token": token, "session_password": PASSWORD})

    assert (answer.status_code, answer.headers.get("location")) == (303, "/account?problem=session-password")
    assert await phone.is_signed_in()


@pytest.mark.parametrize("action", list(EVERY_FORM))
async def test_no_form_works_without_the_token_of_its_own_session(house: House, action: str) -> None:
    here, other = await _signed_in(house), await _signed_in(house)
    token, foreign = await _csrf(here), await _csrf(other)

    answers = [
        await here.send(action, EVERY_FORM[action]),
        await here.send(action, {**EVERY_FORM[action], "csrf_token": foreign}),
        await here.send(action, {**EVERY_FORM[action], "csrf_token": token[:-1] + ("0" if token[-1] != "0" else "1")}),
        await here.send(action, {**EVERY_FORM[action], "csrf_token": token}, Origin="https://evil.example"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert "Nothing was changed" in text_of(answers[0])
    assert (await here.is_signed_in(), await other.is_signed_in()) == (True, True)
    assert (await house.browser().sign_in(JOHANNA, PASSWORD)).status_code == 303


@pytest.mark.parametrize("action", list(EVERY_FORM))
async def test_without_a_session_every_form_leads_to_the_sign_in(house: House, action: str) -> None:
    answer = await house.browser().send(action, EVERY_FORM[action])

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


async def test_the_page_is_for_those_who_signed_in_and_is_kept_nowhere(house: House) -> None:
    stranger = await house.browser().get("/account")
    page = await (await _signed_in(house)).get("/account")

    assert (stranger.status_code, stranger.headers["location"]) == (303, "/sign-in?next=/account")
    assert page.headers["cache-control"] == "no-store"


async def test_another_site_signs_nobody_out_by_a_form_that_brings_no_cookie(house: House) -> None:
    """Browsers hold back a Lax cookie from such a form and still obey the answer, which would take the cookie away."""
    answer = await house.browser().send("/sign-out", {}, Origin="https://evil.example")

    assert answer.status_code == 403
    assert not {"set-cookie", "clear-site-data"} & set(answer.headers)
