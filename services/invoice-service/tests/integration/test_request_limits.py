"""How often one may ask: counted for each caller and told in every answer; strangers are counted by their mistakes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from invoice_service.app import build, create_public_app
from invoice_service.dependencies import Dependencies
from invoice_service.domain.permissions import Role
from invoice_service.request_quotas import KnownCredentials, RequestQuotas, quotas_of
from invoice_service.settings import Settings
from invoice_tests.driver import Driver
from invoice_tests.make import ACCOUNT_SECRET, PAGE_SECRET, PAYMENT_SECRET, PEPPER, PUBLIC_URL, SERVICE_SECRET, Account
from invoice_tests.people import person
from invoice_tests.scenes import sent_by_hand
from pydantic import ValidationError
from service_kit.rate_limits import RateLimiter

WRONG = "Bearer ic_test_00000000000000000000000000_" + "A" * 43


@asynccontextmanager
async def _at(
    parts: Dependencies, limits: RequestQuotas, *, address: str = "203.0.113.7"
) -> AsyncIterator[httpx.AsyncClient]:
    """The API as it is reached from one address."""
    app = create_public_app(replace(parts, limits=limits))
    transport = httpx.ASGITransport(app=app, client=(address, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://invoices.test") as client:
        yield client


def _limits(now: Callable[[], float] = lambda: 0.0, **numbers: int) -> RequestQuotas:
    return replace(quotas_of(**numbers), limiter=RateLimiter(now=now))


async def _get(http: httpx.AsyncClient, authorization: str, path: str = "/v1/customers") -> httpx.Response:
    return await http.get(path, headers={"Authorization": authorization})


async def test_a_caller_who_asks_too_often_waits_and_then_goes_on(account: Account, dependencies: Dependencies) -> None:
    seconds = [0.0]
    async with _at(dependencies, _limits(lambda: seconds[0], caller=3)) as http:
        answers = [await _get(http, f"Bearer {account.key}") for _ in range(4)]
        seconds[0] = 60.0
        later = await _get(http, f"Bearer {account.key}")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit"] for answer in answers] == [
        '"caller";r=2;t=60',
        '"caller";r=1;t=60',
        '"caller";r=0;t=60',
        '"caller";r=0;t=60',
    ]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"caller";q=3;w=60'}
    assert answers[3].headers["retry-after"] == "60"
    assert answers[3].json()["code"] == "too-many-requests"
    assert later.status_code == 200


async def test_refused_requests_of_a_caller_count_as_well(account: Account, dependencies: Dependencies) -> None:
    async with _at(dependencies, _limits(caller=2)) as http:
        answers = [await _get(http, f"Bearer {account.key}", "/v1/customers/cus_0") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [422, 422, 429]


async def test_each_key_and_each_person_has_a_quota_of_their_own(account: Account, dependencies: Dependencies) -> None:
    other = await account.post("/v1/api-keys", {"name": "Shop", "scopes": ["read"]})
    async with _at(dependencies, _limits(caller=1)) as http:
        owner = await person(dependencies, http, memberships={account.organization_id: Role.OWNER})
        statuses = [
            (await _get(http, f"Bearer {account.key}")).status_code,
            (await _get(http, f"Bearer {account.key}")).status_code,
            (await _get(http, f"Bearer {other['secret']}")).status_code,
            (await owner.send("GET", "/v1/customers")).status_code,
            (await owner.send("GET", "/v1/customers")).status_code,
        ]

    assert statuses == [200, 429, 200, 200, 429]


async def test_an_address_that_is_wrong_too_often_is_turned_away_before_anything_is_looked_up(
    account: Account, dependencies: Dependencies, driver: Driver
) -> None:
    async with _at(dependencies, _limits(stranger=3)) as http:
        answers = [await _get(http, WRONG) for _ in range(3)]
        await driver.query("revoke execute on function invoice.find_api_key (uuid) from public")
        await driver.query("alter function invoice.find_api_key (uuid) rename to find_no_api_key")
        turned_away = await _get(http, WRONG)
        unknown_but_right = await _get(http, f"Bearer {account.key}")

    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert turned_away.status_code == 429
    assert int(turned_away.headers["retry-after"]) == 60
    assert unknown_but_right.status_code == 429


async def test_what_opened_the_door_before_still_opens_it_behind_a_busy_address(
    account: Account, dependencies: Dependencies
) -> None:
    limits = _limits(stranger=3)
    async with _at(dependencies, limits) as http:
        before = await _get(http, f"Bearer {account.key}")
        wrong = [(await _get(http, WRONG)).status_code for _ in range(4)]
        colleague = await _get(http, f"Bearer {account.key}")

    assert before.status_code == 200
    assert wrong == [401, 401, 401, 429]
    assert colleague.status_code == 200


async def test_a_key_that_was_revoked_is_no_longer_known(account: Account, dependencies: Dependencies) -> None:
    made = await account.post("/v1/api-keys", {"name": "Shop", "scopes": ["read"]})
    async with _at(dependencies, _limits(stranger=1)) as http:
        known = await _get(http, f"Bearer {made['secret']}")
        await account.send("DELETE", f"/v1/api-keys/{made['id']}")
        statuses = [(await _get(http, f"Bearer {made['secret']}")).status_code for _ in range(2)]

    assert known.status_code == 200
    assert statuses == [401, 429]


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/session"])
async def test_wrong_sessions_count_like_wrong_keys(dependencies: Dependencies, path: str) -> None:
    cookie = {"Cookie": "__Host-ic_session=ic_session_" + "A" * 43}
    async with _at(dependencies, _limits(stranger=2)) as http:
        statuses = [(await http.get(path, headers=cookie)).status_code for _ in range(3)]

    assert statuses == [401, 401, 429]


async def test_without_any_credential_nothing_is_counted(account: Account, dependencies: Dependencies) -> None:
    async with _at(dependencies, _limits(stranger=1)) as http:
        statuses = [(await http.get("/v1/customers")).status_code for _ in range(3)]
        right = await _get(http, f"Bearer {account.key}")

    assert statuses == [401, 401, 401]
    assert right.status_code == 200


async def test_wrong_keys_of_one_address_do_not_hinder_another(account: Account, dependencies: Dependencies) -> None:
    limits = _limits(stranger=1)
    async with _at(dependencies, limits) as here, _at(dependencies, limits, address="203.0.113.8") as there:
        wrong = [(await _get(here, WRONG)).status_code for _ in range(2)]
        right = await _get(there, f"Bearer {account.key}")

    assert (wrong, right.status_code) == ([401, 429], 200)


async def test_a_client_cannot_choose_its_address(dependencies: Dependencies) -> None:
    async with _at(dependencies, _limits(stranger=2)) as http:
        statuses = [
            (
                await http.get(
                    "/v1/customers", headers={"Authorization": WRONG, "X-Forwarded-For": f"198.51.100.{number}"}
                )
            ).status_code
            for number in range(3)
        ]

    assert statuses == [401, 401, 429]


async def test_all_addresses_of_one_network_count_together(dependencies: Dependencies) -> None:
    limits = _limits(stranger=2)
    statuses = []
    for address in ("2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::3", "2001:db8:0:2::1"):
        async with _at(dependencies, limits, address=address) as http:
            statuses.append((await _get(http, WRONG)).status_code)

    assert statuses == [401, 401, 429, 401]


async def test_a_customers_page_is_limited_by_address_and_its_fonts_are_not(
    account: Account, dependencies: Dependencies, driver: Driver
) -> None:
    invoice = await sent_by_hand(account, driver)
    path = httpx.URL((await invoice.read())["page_url"]).path
    async with _at(dependencies, _limits(page=2)) as http:
        statuses = [(await http.get(path)).status_code for _ in range(3)]
        font = await http.get("/page-fonts/none.woff2")
        api = await _get(http, f"Bearer {account.key}")

    assert statuses == [200, 200, 429]
    assert (font.status_code, api.status_code) == (404, 200)


async def test_who_guesses_page_addresses_is_turned_away_and_readers_elsewhere_read_on(
    account: Account, dependencies: Dependencies, driver: Driver
) -> None:
    invoice = await sent_by_hand(account, driver)
    path = httpx.URL((await invoice.read())["page_url"]).path
    limits = _limits(page=2)
    async with _at(dependencies, limits) as guesser, _at(dependencies, limits, address="203.0.113.8") as reader:
        guesses = [(await guesser.get(f"/i/{'A' * 70}{number}")).status_code for number in range(3)]
        right = await guesser.get(path)
        elsewhere = await reader.get(path)

    assert guesses == [404, 404, 429]
    assert (right.status_code, elsewhere.status_code) == (429, 200)


def test_what_is_known_is_bounded_and_holds_no_credential() -> None:
    known = KnownCredentials(count_max=2)

    for number in range(3):
        known.add(f"canary {number}")

    assert [f"canary {number}" in known for number in range(3)] == [False, True, True]
    assert "canary" not in str(vars(known))


async def test_the_quotas_come_from_the_settings() -> None:
    values = {
        "environment": "test",
        "public_url": PUBLIC_URL,
        "database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/none",
        "page_token_secret": PAGE_SECRET,
        "api_key_pepper": PEPPER,
        "account_secret": ACCOUNT_SECRET,
        "service_token_secret": SERVICE_SECRET,
        "payment_token_secret": PAYMENT_SECRET,
    }
    few = {"rate_limit_per_minute": 7, "rate_limit_wrong_per_minute": 8, "rate_limit_page_per_minute": 9}

    usual = build(Settings.model_validate(values)).dependencies.limits
    set_so = build(Settings.model_validate({**values, **few})).dependencies.limits

    assert (usual.of_caller.quota, usual.of_stranger.quota, usual.of_page.quota) == (600, 30, 300)
    assert (set_so.of_caller.quota, set_so.of_stranger.quota, set_so.of_page.quota) == (7, 8, 9)
    with pytest.raises(ValidationError):
        Settings.model_validate({"rate_limit_per_minute": 0})
