"""What every page for people promises a browser: forms that prove where they were shown, headers, words and fields."""

from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest
from invoice_service.domain.passwords import PASSWORD_MAX
from invoice_service.domain.permissions import Role
from invoice_service.request_quotas import quotas_of
from invoice_tests import signing_in
from invoice_tests.browser import FORM, SESSION, Browser, forms_of, text_of
from invoice_tests.make import PUBLIC_URL, Account
from invoice_tests.signing_in import JOHANNA, PASSWORD, House


@pytest.fixture(autouse=True)
async def johanna(house: House, account: Account) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})


async def _pages(house: House, account: Account) -> dict[str, httpx.Response]:
    """Each page as it is shown first, by what it is called here."""
    signed_in, stranger = house.browser(), house.browser()
    await signed_in.sign_in(JOHANNA, PASSWORD)
    return {
        "sign-in": await stranger.get("/sign-in"),
        "forgot": await stranger.get("/forgot-password"),
        "reset": await stranger.get(await house.reset_link(account.organization_id)),
        "invitation": await stranger.get(await house.invite(account.organization_id, email="new@example.com")),
        "joining again": await stranger.get(await house.invite(account.organization_id, email=JOHANNA)),
        "account": await signed_in.get("/account"),
        "dead": await stranger.get("/invitation/ic_invite_" + "A" * 43),
        "wrong": await stranger.sign_in(JOHANNA, "something else entirely"),
    }


async def _forms_before_a_session(house: House, account: Account) -> dict[str, dict[str, str]]:
    return {
        "/sign-in": {"email": JOHANNA, "password": PASSWORD},
        "/forgot-password": {"email": JOHANNA},
        await house.reset_link(account.organization_id): {"password": "velvet harbour ninety two"},
        await house.invite(account.organization_id, email="n@example.com"): {"name": "N", "password": PASSWORD},
    }


async def test_no_form_works_without_the_token_of_this_browser(
    house: House, account: Account, subtests: pytest.Subtests
) -> None:
    forms = await _forms_before_a_session(house, account)
    for action, typed in forms.items():
        browser, other = house.browser(), house.browser()
        token = forms_of(await browser.get(action))[action].fields["form_token"]
        foreign = forms_of(await other.get(action))[action].fields["form_token"]
        bare = house.browser()
        for what, answer in {
            "no token": await browser.send(action, typed),
            "another's": await browser.send(action, {**typed, "form_token": foreign}),
            "no cookie": await bare.send(action, {**typed, "form_token": token}),
            "another site": await browser.send(action, {**typed, "form_token": token}, Origin="https://evil.example"),
            "no origin": await browser.http.post(
                action,
                content=urlencode({**typed, "form_token": token}),
                headers={"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "cross-site"},
            ),
        }.items():
            with subtests.test(f"{action.split('/ic_')[0]}: {what}"):
                assert answer.status_code == 403
                assert "Nothing was changed" in text_of(answer)
                assert "__Host-ic_session" not in answer.headers.get("set-cookie", "")
    assert await house.mails_asked_for() == 1
    assert len(await house.postgres.fetch("select 1 from invoice.users")) == 1
    assert house.passwords.verified == []


async def test_a_form_cookie_that_was_planted_is_not_used(house: House) -> None:
    browser = house.browser()
    browser.put_cookie(FORM, "planted")

    answer = await browser.get("/sign-in")

    assert answer.headers["set-cookie"].startswith(f"{FORM}=ic_form_")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", '{"email": "a@example.com"}'),
        ("multipart/form-data; boundary=x", '--x\r\nContent-Disposition: form-data; name="email"\r\n\r\na\r\n--x--'),
        ("text/plain", "email=a"),
        ("application/x-www-form-urlencoded", "email=" + "a" * 9_000),
        ("application/x-www-form-urlencoded", "&".join(f"f{number}=1" for number in range(40))),
        ("application/x-www-form-urlencoded", "email=a&email=b"),
        ("application/x-www-form-urlencoded", "email=%00"),
        ("application/x-www-form-urlencoded", "email=%ff%fe"),
        ("application/x-www-form-urlencoded", "email"),
    ],
)
async def test_what_no_browser_of_ours_sends_is_refused_by_a_page(house: House, content_type: str, body: str) -> None:
    browser = house.browser()

    answer = await browser.http.post(
        "/sign-in", content=body, headers={"Content-Type": content_type, "Origin": PUBLIC_URL}
    )

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_every_page_tells_browsers_to_keep_frame_and_run_nothing(
    house: House, account: Account, subtests: pytest.Subtests
) -> None:
    for name, page in (await _pages(house, account)).items():
        with subtests.test(name):
            policy = page.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; style-src 'sha256-")
            assert "form-action 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert page.headers["cache-control"] == "no-store"
            # Under "no-referrer" a browser sends forms with the Origin "null"; with the path it would send secrets.
            assert page.headers["referrer-policy"] == "strict-origin"
            assert '<meta name="referrer" content="strict-origin">' in page.text
            assert "noindex" in page.headers["x-robots-tag"]
            assert "<script" not in page.text
            assert " style=" not in page.text
            assert "http://" not in page.text.replace("http://www.w3.org", "")


async def test_fields_welcome_password_managers_readers_and_long_passwords(
    house: House, account: Account, subtests: pytest.Subtests
) -> None:
    for name, page in (await _pages(house, account)).items():
        with subtests.test(name):
            inputs = [one for form in forms_of(page).values() for one in form.inputs]
            for one in inputs:
                assert "onpaste" not in one
                if "password" in one.get("name", ""):
                    assert one["type"] == "password"
                    assert one["autocomplete"] in ("current-password", "new-password")
                    assert int(one.get("maxlength", PASSWORD_MAX)) >= PASSWORD_MAX
                    assert "value" not in one
                if one.get("type") not in ("hidden",) and "aria-hidden" not in one:
                    assert f'<label for="{one["id"]}">' in page.text
            if any("password" in one.get("name", "") for one in inputs):
                assert any(one.get("autocomplete") == "username" for one in inputs)
            assert page.text.count("<h1") == 1
            assert '<html lang="en">' in page.text


async def test_every_signed_in_page_has_a_way_out(house: House) -> None:
    browser = house.browser()
    await browser.sign_in(JOHANNA, PASSWORD)

    assert "/sign-out" in forms_of(await browser.get("/account"))


async def test_what_was_typed_is_text_and_never_markup(house: House, account: Account) -> None:
    nasty = '"><img src=x onerror=alert(1)>@example.com'
    link = await house.invite(account.organization_id, email="n@example.com")

    answers = [
        await house.browser().sign_in(nasty, PASSWORD),
        await house.browser().fill(link, {"name": nasty, "password": "short"}),
        await house.browser().http.get("/sign-in", params={"next": '/"><img src=x>'}),
    ]

    for answer in answers:
        assert "<img" not in answer.text


async def test_somebody_signed_in_is_led_past_the_sign_in(house: House) -> None:
    browser = house.browser()
    await browser.sign_in(JOHANNA, PASSWORD)

    answer = await browser.get("/sign-in")

    assert (answer.status_code, answer.headers["location"]) == (303, "/account")


async def test_looking_at_pages_changes_nothing(house: House, account: Account) -> None:
    pages = await _pages(house, account)
    browser = Browser(house.app)
    before = [await house.postgres.fetch(f"select * from invoice.{table}") for table in _TABLES]

    for path in ("/sign-in", "/forgot-password", "/account"):
        await browser.get(path)
        await browser.http.head(path)

    assert pages
    assert [await house.postgres.fetch(f"select * from invoice.{table}") for table in _TABLES] == before


_TABLES = ("users", "user_sessions", "audit_log", "outbox", "account_secrets", "invitations", "sign_in_failures")


async def test_too_many_requests_of_one_person_are_refused_by_a_page(house: House) -> None:
    tight = signing_in.house(replace(house.parts, limits=quotas_of(caller=3)), house.postgres)
    browser = tight.browser()
    await browser.sign_in(JOHANNA, PASSWORD)

    answers = [await browser.get("/account") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["content-type"] == "text/html; charset=utf-8"
    assert int(answers[-1].headers["retry-after"]) > 0


@pytest.mark.parametrize(("path", "status"), [("/account", 303), ("/sign-in", 200)])
async def test_made_up_sessions_are_counted_and_soon_not_looked_up(house: House, path: str, status: int) -> None:
    tight = signing_in.house(replace(house.parts, limits=quotas_of(stranger=3)), house.postgres)
    known, guesser = tight.browser(), tight.browser()
    await known.sign_in(JOHANNA, PASSWORD)
    assert await known.is_signed_in()
    answers = []
    for letter in "ABC":
        guesser.put_cookie(SESSION, "ic_session_" + letter * 43)
        answers.append((await guesser.get(path)).status_code)

    still_open = await known.is_signed_in()
    await house.postgres.fetch("alter function invoice.find_session (bytea) rename to find_no_session")
    turned_away = await guesser.get(path)

    assert answers == [status] * 3
    assert still_open
    assert turned_away.status_code == 429
    assert "Too many tries" in text_of(turned_away)
    assert int(turned_away.headers["retry-after"]) > 0


async def test_looking_at_a_page_without_a_session_counts_for_nothing(house: House) -> None:
    tight = signing_in.house(replace(house.parts, limits=quotas_of(stranger=1)), house.postgres)

    answers = [(await tight.browser().get("/account")).status_code for _ in range(3)]

    assert answers == [303] * 3
