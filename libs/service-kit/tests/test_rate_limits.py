"""Quotas: who asks too often is told how long to wait, nobody else is touched, and the memory has an end."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import Request
from service_kit.clock import SystemClock
from service_kit.errors import TooManyRequests
from service_kit.http import create_api
from service_kit.rate_limits import Allowance, Policy, RateLimiter

THREE = Policy(name="example", quota=3, window_seconds=60)
SECRET = "ic_reset_4eC39HqLyjWDarjtT1zdp7dc"


class Seconds:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.passed = 1000.0

    def __call__(self) -> float:
        return self.passed


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
async def client(seconds: Seconds) -> AsyncIterator[httpx.AsyncClient]:
    api = create_api(title="Example", service="example", clock=SystemClock(), ready_checks=[])
    limiter = RateLimiter(now=seconds)

    @api.get("/limited/{end}")
    async def limited(end: str, request: Request) -> str:
        request.state.rate_limit = await limiter.hit(policy=THREE, key="somebody")
        if end == "broken":
            raise RuntimeError(end)
        return end

    transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://example.test") as http:
        yield http


async def test_what_is_left_counts_down_to_a_refusal_that_says_how_long_to_wait(seconds: Seconds) -> None:
    limiter = RateLimiter(now=seconds)

    allowances = [await limiter.hit(policy=THREE, key="a") for _ in range(3)]
    seconds.passed += 18.5
    with pytest.raises(TooManyRequests) as refused:
        await limiter.hit(policy=THREE, key="a")

    assert [allowance.remaining for allowance in allowances] == [2, 1, 0]
    assert [allowance.reset_seconds for allowance in allowances] == [60, 60, 60]
    assert refused.value.retry_after_seconds == 42


async def test_keys_and_policies_count_apart(seconds: Seconds) -> None:
    limiter = RateLimiter(now=seconds)
    other = Policy(name="other", quota=3, window_seconds=60)
    for _ in range(3):
        await limiter.hit(policy=THREE, key="a")

    assert (await limiter.hit(policy=THREE, key="b")).remaining == 2
    assert (await limiter.hit(policy=other, key="a")).remaining == 2


async def test_asking_while_refused_does_not_prolong_the_wait(seconds: Seconds) -> None:
    limiter = RateLimiter(now=seconds)
    for _ in range(3):
        await limiter.hit(policy=THREE, key="a")
    for _ in range(59):
        seconds.passed += 1
        with pytest.raises(TooManyRequests):
            await limiter.hit(policy=THREE, key="a")

    seconds.passed += 1

    assert (await limiter.hit(policy=THREE, key="a")).remaining == 2


async def test_looking_spends_nothing_and_refuses_only_when_nothing_is_left(seconds: Seconds) -> None:
    limiter = RateLimiter(now=seconds)
    for _ in range(2):
        await limiter.hit(policy=THREE, key="a")

    looks = [(await limiter.require(policy=THREE, key="a")).remaining for _ in range(5)]
    await limiter.hit(policy=THREE, key="a")

    assert looks == [1] * 5
    with pytest.raises(TooManyRequests):
        await limiter.require(policy=THREE, key="a")


async def test_what_was_forgiven_starts_anew(seconds: Seconds) -> None:
    limiter = RateLimiter(now=seconds)
    for _ in range(3):
        await limiter.hit(policy=THREE, key="a")

    await limiter.forgive(policy=THREE, key="a")

    assert (await limiter.hit(policy=THREE, key="a")).remaining == 2


async def test_a_flood_of_fresh_keys_neither_grows_the_memory_nor_frees_who_was_refused(seconds: Seconds) -> None:
    limiter = RateLimiter(keys_max=100, now=seconds)
    for _ in range(3):
        await limiter.hit(policy=THREE, key="guesser")

    for number in range(5_000):
        await limiter.hit(policy=THREE, key=f"fresh {number}")

    [counted] = limiter._counted.values()
    assert len(counted.storage._windows) <= 100  # type: ignore[attr-defined]
    with pytest.raises(TooManyRequests):
        await limiter.hit(policy=THREE, key="guesser")


async def test_a_key_is_not_kept_and_not_said(seconds: Seconds) -> None:
    limiter = RateLimiter(now=seconds)
    for _ in range(3):
        await limiter.hit(policy=THREE, key=SECRET)

    with pytest.raises(TooManyRequests) as refused:
        await limiter.hit(policy=THREE, key=SECRET)

    kept = [key for counted in limiter._counted.values() for key in counted.storage._windows]  # type: ignore[attr-defined]
    assert kept
    assert not any(SECRET in text for text in [*kept, refused.value.detail, str(refused.value), repr(limiter)])


@pytest.mark.parametrize("name", ['x";r=9', "Upper", "", "a" * 41, "line\r\nbreak"])
def test_a_policy_name_that_would_not_fit_into_a_field_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a policy"):
        Policy(name=name, quota=1, window_seconds=1)


def test_an_allowance_is_told_as_the_draft_says() -> None:
    allowance = Allowance(policy=THREE, remaining=2, reset_seconds=30)

    assert allowance.fields() == {"RateLimit-Policy": '"example";q=3;w=60', "RateLimit": '"example";r=2;t=30'}


async def test_every_answer_of_a_limited_route_tells_what_is_left_also_a_failure(client: httpx.AsyncClient) -> None:
    answers = [await client.get(f"/limited/{end}") for end in ("well", "broken", "well", "well")]

    assert [answer.status_code for answer in answers] == [200, 500, 200, 429]
    assert [answer.headers["ratelimit"] for answer in answers] == [
        '"example";r=2;t=60',
        '"example";r=1;t=60',
        '"example";r=0;t=60',
        '"example";r=0;t=60',
    ]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"example";q=3;w=60'}
    assert [answer.headers.get("retry-after") for answer in answers] == [None, None, None, "60"]
    problem = answers[-1].json()
    assert (problem["code"], problem["status"]) == ("too-many-requests", 429)


async def test_an_answer_without_a_limit_says_nothing_of_one(client: httpx.AsyncClient) -> None:
    assert "ratelimit" not in (await client.get("/livez")).headers
