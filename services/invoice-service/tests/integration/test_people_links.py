"""A forgotten password: nobody learns who exists, looking changes nothing, and a link works once and in time."""

import asyncio
import logging
import re
from collections.abc import Iterable

import pytest
from contracts.events.accounts import AccountMailKind
from invoice_service.domain.permissions import Role
from invoice_tests.browser import SESSION, forms_of, text_of
from invoice_tests.make import PUBLIC_URL, Account
from invoice_tests.signing_in import JOHANNA, OTHER_PASSWORD, PASSWORD, House
from service_kit.redaction import redact_text


@pytest.fixture(autouse=True)
async def johanna(house: House, account: Account) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})


async def _mailed(house: House, account: Account) -> str:
    """Ask for a link by page; the path that the newest mail brings."""
    answer = await house.browser().fill("/forgot-password", {"email": JOHANNA})
    assert answer.status_code == 200
    mail = (await house.mails(AccountMailKind.PASSWORD_RESET))[-1]
    return await house.mailed_link(account.organization_id, mail["id"])


async def test_a_forgotten_password_is_chosen_anew_and_every_session_ends(house: House, account: Account) -> None:
    elsewhere, browser = house.browser(), house.browser()
    await elsewhere.sign_in(JOHANNA, PASSWORD)
    link = await _mailed(house, account)

    answer = await browser.fill(link, {"password": OTHER_PASSWORD})

    assert answer.headers["location"] == "/sign-in?done=reset"
    assert browser.session == ""
    assert not await elsewhere.is_signed_in()
    assert (await house.browser().sign_in(JOHANNA, PASSWORD)).status_code == 401
    assert (await house.browser().sign_in(JOHANNA, OTHER_PASSWORD)).status_code == 303
    assert len(await house.mails(AccountMailKind.PASSWORD_CHANGED)) == 1
    audited = await house.audited(account.organization_id)
    assert [action for action in audited if "reset" in action] == ["password_reset_requested", "password_reset"]


async def test_asking_gets_the_same_answer_for_everybody_and_mails_only_those_who_exist(
    house: House, account: Account
) -> None:
    gone = await house.person(memberships={account.organization_id: Role.VIEWER}, email="gone@example.com")
    await house.postgres.fetch("update invoice.users set disabled_at = now() where id = $1", gone)
    await house.person(memberships={}, email="alone@example.com")
    answers = [
        await house.browser().fill("/forgot-password", {"email": email})
        for email in ("nobody@example.com", "gone@example.com", "alone@example.com", "no address", JOHANNA)
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    mails = await house.mails(AccountMailKind.PASSWORD_RESET)
    assert [mail["organization_id"] for mail in mails] == [account.organization_id]


async def test_the_event_of_the_mail_holds_no_secret_and_leads_to_our_own_address(
    house: House, account: Account
) -> None:
    page = forms_of(await (browser := house.browser()).get("/forgot-password"))["/forgot-password"]
    await browser.send("/forgot-password", {**page.fields, "email": JOHANNA}, Host="evil.example")

    (row,) = await house.postgres.fetch("select payload::text as body from invoice.outbox")
    assert f'"sign_in_url": "{PUBLIC_URL}/sign-in"' in row["body"]
    assert "evil.example" not in row["body"]
    assert "ic_reset_" not in row["body"]


async def test_looking_at_a_link_changes_nothing(house: House, account: Account) -> None:
    link, scanner = await _mailed(house, account), house.browser(address="192.0.2.1")
    before = await house.postgres.fetch("select * from invoice.account_secrets")

    seen = [(await scanner.get(link)).status_code for _ in range(10)]
    seen.append((await scanner.http.head(link)).status_code)

    assert seen == [200] * 11
    assert await house.postgres.fetch("select * from invoice.account_secrets") == before
    assert (await house.browser().fill(link, {"password": OTHER_PASSWORD})).status_code == 303


async def test_every_link_that_does_not_work_gets_the_same_page(house: House, account: Account) -> None:
    used, late, overtaken = [await house.reset_link(account.organization_id) for _ in range(3)]
    invitation = await house.invite(account.organization_id, email="new@example.com")
    await house.browser().fill(used, {"password": OTHER_PASSWORD})
    fresh = await house.reset_link(account.organization_id)
    await house.postgres.advance_clock("invoice", seconds=73 * 3600)
    paths = [
        used,
        late,
        overtaken,
        fresh,
        "/reset-password/ic_reset_" + "A" * 43,
        "/reset-password/hello",
        invitation.replace("/invitation/", "/reset-password/"),
        fresh.replace("/reset-password/", "/invitation/"),
        fresh.replace("/reset-password/ic_reset", "/invitation/ic_invite"),
        invitation,
    ]

    answers = [await house.browser(address=f"192.0.2.{index}").get(path) for index, path in enumerate(paths)]

    assert [answer.status_code for answer in answers] == [404] * len(paths)
    assert len({answer.text for answer in answers}) == 1
    assert "This link no longer works" in text_of(answers[0])


async def test_a_link_works_once(house: House, account: Account) -> None:
    link = await _mailed(house, account)
    first, second = house.browser(), house.browser()
    forms = [forms_of(await browser.get(link))[link].fields for browser in (first, second)]

    one = await first.send(link, {**forms[0], "password": OTHER_PASSWORD})
    two = await second.send(link, {**forms[1], "password": PASSWORD})

    assert (one.status_code, two.status_code) == (303, 404)
    assert (await house.browser().sign_in(JOHANNA, OTHER_PASSWORD)).status_code == 303


async def test_of_two_uses_at_once_one_gets_through(house: House, account: Account) -> None:
    link = await _mailed(house, account)
    browsers = [house.browser() for _ in range(4)]
    forms = [forms_of(await browser.get(link))[link].fields for browser in browsers]

    answers = await asyncio.gather(
        *(
            browser.send(link, {**form, "password": f"{OTHER_PASSWORD} {index}"})
            for index, (browser, form) in enumerate(zip(browsers, forms, strict=True))
        )
    )

    assert sorted(answer.status_code for answer in answers) == [303, 404, 404, 404]
    assert len(await house.mails(AccountMailKind.PASSWORD_CHANGED)) == 1


async def test_a_link_by_mail_is_good_for_an_hour(house: House, account: Account) -> None:
    link = await _mailed(house, account)

    browser = house.browser()

    await house.postgres.advance_clock("invoice", seconds=3590)
    in_time = await browser.get(link)
    await house.postgres.advance_clock("invoice", seconds=11)
    late = await browser.get(link)
    sent = await browser.send(link, {**forms_of(in_time)[link].fields, "password": OTHER_PASSWORD})

    assert (in_time.status_code, late.status_code, sent.status_code) == (200, 404, 404)
    assert (await house.browser().sign_in(JOHANNA, PASSWORD)).status_code == 303


async def test_a_refused_password_leaves_the_link_good(house: House, account: Account) -> None:
    link = await _mailed(house, account)
    browser = house.browser()

    refused = await browser.fill(link, {"password": "password1234"})
    taken = await browser.fill(link, {"password": OTHER_PASSWORD})

    assert (refused.status_code, taken.status_code) == (422, 303)
    assert "Too easy to guess" in text_of(refused)


async def test_a_link_that_dies_while_its_password_is_refused_gets_the_page_of_dead_links(
    house: House, account: Account
) -> None:
    link, browser, judge = await _mailed(house, account), house.browser(), house.passwords.check_new

    async def used_meanwhile(password: str, *, words: Iterable[str], pointer: str = "/password") -> None:
        await house.postgres.fetch("update invoice.account_secrets set used_at = now()")
        await judge(password, words=words, pointer=pointer)

    house.passwords.check_new = used_meanwhile  # type: ignore[method-assign]
    answer = await browser.fill(link, {"password": "password1234"})

    assert answer.status_code == 404
    assert "This link no longer works" in text_of(answer)


async def test_a_new_password_ends_every_other_link(house: House, account: Account) -> None:
    links = [await _mailed(house, account) for _ in range(2)]
    await house.browser().fill(links[0], {"password": OTHER_PASSWORD})

    assert (await house.browser().get(links[1])).status_code == 404


async def test_no_link_and_no_answer_of_a_form_signs_in_by_being_opened(house: House, account: Account) -> None:
    link = await house.reset_link(account.organization_id)

    answer = await house.browser().get(link)

    assert not any(line.startswith(SESSION) for line in answer.headers.get_list("set-cookie"))


async def test_secrets_reach_no_log_and_no_other_site(
    house: House, account: Account, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    link = await _mailed(house, account)
    browser = house.browser()

    shown = await browser.get(link)
    await browser.fill(link, {"password": OTHER_PASSWORD})
    await browser.get(link)

    secret = link.split("/")[-1]
    said = capfd.readouterr()
    ours = " ".join(record.getMessage() for record in caplog.records if record.name != "httpx")
    assert shown.headers["referrer-policy"] == "strict-origin"
    assert secret not in ours + said.out + said.err
    assert secret not in redact_text(f"request took too long path={link}")
    assert not re.search(r'(href|src)="[^"]*' + secret, shown.text)
