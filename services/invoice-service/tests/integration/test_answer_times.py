"""How long an answer takes tells nobody whether an account exists."""

import time
from dataclasses import replace

import httpx
import pytest
from invoice_service.domain.permissions import Role
from invoice_tests import signing_in
from invoice_tests.browser import Browser
from invoice_tests.make import Account
from invoice_tests.signing_in import JOHANNA, OTHER_PASSWORD, PASSWORD, House

LEAST_SECONDS = 0.3
EMAILS = {"known": JOHANNA, "unknown": "nobody@example.com"}


@pytest.fixture
async def slow(house: House, account: Account) -> House:
    """The pages as they run outside tests, with a person."""
    await house.person(memberships={account.organization_id: Role.OWNER})
    accounts = replace(house.parts.accounts, least_answer_seconds=LEAST_SECONDS)
    return signing_in.house(replace(house.parts, accounts=accounts), house.postgres)


async def _timed(browser: Browser, page: str, fields: dict[str, str]) -> tuple[httpx.Response, float]:
    token = (await browser.get(page)).text.split('name="form_token" value="')[1].split('"')[0]
    began = time.monotonic()
    answer = await browser.send(page, {"form_token": token, **fields})
    return answer, time.monotonic() - began


@pytest.mark.parametrize("who", list(EMAILS))
async def test_asking_for_a_reset_takes_its_least_time_and_is_done_when_it_is_answered(slow: House, who: str) -> None:
    answer, seconds = await _timed(slow.browser(), "/forgot-password", {"email": EMAILS[who]})

    assert answer.status_code == 200
    assert seconds >= LEAST_SECONDS
    assert await slow.mails_asked_for() == (1 if who == "known" else 0)


@pytest.mark.parametrize("who", list(EMAILS))
async def test_a_refused_sign_in_takes_its_least_time_and_is_noted_when_it_is_answered(
    slow: House, account: Account, who: str
) -> None:
    fields = {"email": EMAILS[who], "password": OTHER_PASSWORD}

    answer, seconds = await _timed(slow.browser(), "/sign-in", fields)

    assert answer.status_code == 401
    assert seconds >= LEAST_SECONDS
    assert await slow.audited(account.organization_id) == (["sign_in_failed"] if who == "known" else [])


@pytest.mark.parametrize("who", list(EMAILS))
async def test_a_sign_in_that_has_to_wait_takes_its_least_time(slow: House, who: str) -> None:
    browser, fields = slow.browser(), {"email": EMAILS[who], "password": OTHER_PASSWORD}
    answers = [await _timed(browser, "/sign-in", fields) for _ in range(6)]

    assert answers[-1][0].status_code == 429
    assert min(seconds for _, seconds in answers) >= LEAST_SECONDS


async def test_the_right_password_waits_for_nothing(slow: House) -> None:
    accounts = replace(slow.parts.accounts, least_answer_seconds=3600.0)
    patient = signing_in.house(replace(slow.parts, accounts=accounts), slow.postgres)

    answer, _ = await _timed(patient.browser(), "/sign-in", {"email": JOHANNA, "password": PASSWORD})

    assert answer.status_code == 303
