"""Guessing is slowed down by pair, address and account, also in a burst, and strangers lock nobody out."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from invoice_service.domain.permissions import Role
from invoice_service.domain.sign_in_limits import ACCOUNT, ADDRESS, LINK_ADDRESS, PAIR, RESET_ACCOUNT
from invoice_service.request_quotas import quotas_of
from invoice_service.tables.people import SignInFailures
from invoice_tests import signing_in
from invoice_tests.browser import Browser, forms_of, text_of
from invoice_tests.make import Account
from invoice_tests.signing_in import JOHANNA, OTHER_PASSWORD, PASSWORD, House

NewAccount = Callable[..., Awaitable[Account]]


@pytest.fixture(autouse=True)
async def johanna(house: House, account: Account) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})


async def _tries(browser: Browser, count: int, *, email: str = JOHANNA) -> list[int]:
    return [(await browser.sign_in(email, OTHER_PASSWORD)).status_code for _ in range(count)]


async def _suppose(house: House, kind: str, failures: int) -> None:
    """As if all subjects of this kind that were counted so far had failed so often."""
    await house.postgres.fetch("update invoice.sign_in_failures set failures = $1", failures)
    assert kind


async def test_a_pair_has_five_tries_and_then_longer_and_longer_waits(house: House) -> None:
    browser = house.browser()
    waits = []

    first = await _tries(browser, PAIR.free)
    for _ in range(7):
        refused = await browser.sign_in(JOHANNA, PASSWORD)
        waits.append(int(refused.headers["retry-after"]))
        assert refused.status_code == 429
        assert "Too many tries." in text_of(refused)
        await house.postgres.advance_clock("invoice", seconds=waits[-1])
        assert await _tries(browser, 1) == [401]

    assert first == [401] * PAIR.free
    assert waits == [30, 60, 120, 240, 480, 900, 900]


async def test_a_refused_try_costs_no_look_at_a_password_and_no_longer_wait(house: House) -> None:
    browser = house.browser()
    await _tries(browser, PAIR.free)
    looked = len(house.passwords.verified)

    waits = [int((await browser.sign_in(JOHANNA, PASSWORD)).headers["retry-after"]) for _ in range(10)]

    assert len(house.passwords.verified) == looked
    assert max(waits) <= 30


async def test_unknown_accounts_are_throttled_alike(house: House) -> None:
    known, unknown = house.browser(address="203.0.113.1"), house.browser(address="203.0.113.2")

    of_known = [await known.sign_in(JOHANNA, OTHER_PASSWORD) for _ in range(PAIR.free + 1)]
    of_unknown = [await unknown.sign_in("nobody@example.com", OTHER_PASSWORD) for _ in range(PAIR.free + 1)]

    assert [answer.status_code for answer in of_known] == [401] * PAIR.free + [429]
    assert [answer.status_code for answer in of_unknown] == [answer.status_code for answer in of_known]
    assert text_of(of_unknown[-1]) == text_of(of_known[-1])


async def test_the_spelling_of_an_address_buys_no_tries(house: House) -> None:
    browser = house.browser()

    spelled = [JOHANNA, JOHANNA.upper(), f" {JOHANNA}", JOHANNA.title(), f"{JOHANNA} ", JOHANNA]
    answers = [(await browser.sign_in(email, OTHER_PASSWORD)).status_code for email in spelled]

    assert answers == [401] * 5 + [429]


async def test_a_forwarded_address_buys_no_tries(house: House) -> None:
    browser = house.browser()
    form = forms_of(await browser.get("/sign-in"))["/sign-in"].fields | {"email": JOHANNA, "password": OTHER_PASSWORD}

    answers = [
        (await browser.send("/sign-in", form, X_Forwarded_For=f"192.0.2.{number}")).status_code for number in range(6)
    ]

    assert answers == [401] * 5 + [429]


async def test_one_network_of_ipv6_is_one_address(house: House) -> None:
    answers = []
    for number in range(6):
        browser = house.browser(address=f"2001:db8:1:2::{number + 1}")
        answers += await _tries(browser, 1)

    assert answers == [401] * 5 + [429]


async def test_a_locked_pair_locks_nobody_out_elsewhere(house: House) -> None:
    await _tries(house.browser(address="203.0.113.66"), PAIR.free + 1)

    assert (await house.browser(address="198.51.100.7").sign_in(JOHANNA, PASSWORD)).status_code == 303


async def test_success_clears_the_pair(house: House) -> None:
    browser = house.browser()
    await _tries(browser, PAIR.free - 1)
    await browser.sign_in(JOHANNA, PASSWORD)
    other = house.browser()

    assert await _tries(other, PAIR.free) == [401] * PAIR.free


async def test_one_address_cannot_try_many_accounts(house: House) -> None:
    browser = house.browser()
    await _tries(browser, 1, email="someone@example.com")
    await _suppose(house, ADDRESS.kind, ADDRESS.free - 2)
    await house.postgres.fetch("delete from invoice.sign_in_failures where blocked_until is not null")

    answers = await _tries(browser, 1, email="a@example.com")
    answers += await _tries(browser, 2, email="b@example.com")

    assert answers == [401, 401, 429]
    assert await _tries(house.browser(address="203.0.113.5"), 1, email="b@example.com") == [401]


async def test_many_addresses_cannot_try_one_account_but_its_person_still_comes_in(house: House) -> None:
    home = house.browser(address="198.51.100.7")
    assert (await home.sign_in(JOHANNA, PASSWORD)).status_code == 303
    await _tries(house.browser(address="203.0.113.1"), 1)
    await _suppose(house, ACCOUNT.kind, ACCOUNT.free - 1)
    last = await _tries(house.browser(address="203.0.113.2"), 1)

    stranger = await house.browser(address="203.0.113.3").sign_in(JOHANNA, PASSWORD)
    at_home = await house.browser(address="198.51.100.7").sign_in(JOHANNA, PASSWORD)

    assert last == [401]
    assert stranger.status_code == 429
    assert at_home.status_code == 303


@pytest.mark.parametrize("email", [JOHANNA, "nobody@example.com"])
async def test_a_burst_counts_like_a_row(house: House, email: str) -> None:
    browser = house.browser()
    form = forms_of(await browser.get("/sign-in"))["/sign-in"].fields | {"email": email, "password": OTHER_PASSWORD}

    answers = await asyncio.gather(*(browser.send("/sign-in", form) for _ in range(50)))

    assert sorted(answer.status_code for answer in answers) == [401] * PAIR.free + [429] * (50 - PAIR.free)
    assert len(house.passwords.verified) == PAIR.free


async def test_the_table_names_nobody_and_forgets(house: House) -> None:
    await _tries(house.browser(address="203.0.113.77"), 2)
    rows = [str(dict(row)) for row in await house.postgres.fetch("select * from invoice.sign_in_failures")]

    await house.postgres.advance_clock("invoice", seconds=3 * 86_400)
    await _tries(house.browser(address="198.51.100.7"), 1, email="someone@example.com")

    assert all(len(SignInFailures.__table__.columns) == 4 for _ in rows)  # type: ignore[attr-defined]
    assert not any("johanna" in row.lower() or "203.0.113.77" in row for row in rows)
    assert len(await house.postgres.fetch("select 1 from invoice.sign_in_failures")) == 3


async def test_tries_are_forgotten_after_an_hour(house: House) -> None:
    browser = house.browser()
    await _tries(browser, PAIR.free - 1)

    await house.postgres.advance_clock("invoice", seconds=3601)

    assert await _tries(browser, PAIR.free) == [401] * PAIR.free


async def test_links_that_open_nothing_are_throttled_and_good_ones_are_not(house: House, account: Account) -> None:
    browser = house.browser()
    made_up = "/reset-password/ic_reset_" + "A" * 43
    answers: list[httpx.Response] = [await browser.get(made_up) for _ in range(LINK_ADDRESS.free + 1)]

    good = await browser.get(await house.reset_link(account.organization_id))

    assert [answer.status_code for answer in answers] == [404] * LINK_ADDRESS.free + [429]
    assert answers[-1].headers["retry-after"] == "60"
    assert good.status_code == 200


async def test_asking_for_links_is_limited_in_silence(house: House) -> None:
    answers = []
    for number in range(RESET_ACCOUNT.free + 2):
        answers.append(await house.browser(address=f"203.0.113.{number}").fill("/forgot-password", {"email": JOHANNA}))

    assert {answer.status_code for answer in answers} == {200}
    assert len({text_of(answer) for answer in answers}) == 1
    assert await house.mails_asked_for() == RESET_ACCOUNT.free


async def test_a_wait_does_not_stop_a_link_from_helping(house: House, account: Account) -> None:
    browser = house.browser()
    await _tries(browser, PAIR.free + 1)
    link = await house.reset_link(account.organization_id)

    await browser.fill(link, {"password": OTHER_PASSWORD})

    assert (await browser.sign_in(JOHANNA, OTHER_PASSWORD)).status_code == 303


async def test_refused_passwords_are_judged_so_often_a_minute_from_one_network(house: House, account: Account) -> None:
    tight = signing_in.house(replace(house.parts, limits=quotas_of(password=3)), house.postgres)
    reset = await tight.reset_link(account.organization_id)
    invitation = await tight.invite(account.organization_id, email="new@example.com")
    browser, poor = tight.browser(), {"password": "password1234"}
    await browser.sign_in(JOHANNA, PASSWORD)
    form = {"password": PASSWORD, "new_password": "password1234"}

    answers = [
        await browser.fill(reset, poor),
        await browser.fill(invitation, {**poor, "name": "New"}),
        await browser.fill("/account", form, action="/account/password"),
        await browser.fill(reset, {"password": OTHER_PASSWORD}),
        await browser.fill(invitation, {"password": OTHER_PASSWORD, "name": "New"}),
        await browser.fill("/account", {**form, "new_password": OTHER_PASSWORD}, action="/account/password"),
    ]
    elsewhere = await tight.browser(address="203.0.113.9").fill(reset, {"password": OTHER_PASSWORD})

    assert [answer.status_code for answer in answers] == [422, 422, 422, 429, 429, 429]
    assert all(0 < int(answer.headers["retry-after"]) <= 60 for answer in answers[3:])
    assert all("Too many tries" in text_of(answer) for answer in answers[3:])
    assert elsewhere.status_code == 303
    assert tight.passwords.judged == 4


async def test_refused_passwords_are_judged_so_often_a_minute_for_one_person_wherever_they_are(house: House) -> None:
    tight = signing_in.house(replace(house.parts, limits=quotas_of(password=2)), house.postgres)
    answers = []
    for number in range(3):
        browser = tight.browser(address=f"203.0.113.{number}")
        await browser.sign_in(JOHANNA, PASSWORD)
        form = {"password": PASSWORD, "new_password": "password1234"}
        answers.append((await browser.fill("/account", form, action="/account/password")).status_code)

    assert answers == [422, 422, 429]
    assert tight.passwords.judged == 2
