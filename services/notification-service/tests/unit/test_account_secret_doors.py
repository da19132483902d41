"""One contract for both doors to the secrets of account mails: the one in memory and the real one over HTTP."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from secrets import token_urlsafe

import httpx
import pytest
from contracts.catalogue import Service
from contracts.ids import format_id
from notification_service.account_secrets_gateway import (
    ANSWER_BYTES_MAX,
    AccountMailMoot,
    AccountMailUnknown,
    AccountSecretDoor,
    AccountSecretsGateway,
    UnusableSecret,
)
from notification_service.invoice_access import InvoiceAccess
from notification_tests import make
from notification_tests.post_room import FakeAccountSecrets
from service_kit import service_tokens
from service_kit.clock import SystemClock
from service_kit.errors import Unavailable
from service_kit.identifiers import new_id

SECRET = "a secret that two services share: 32+"
PAGE = "https://invoices.nordlicht.example/reset-password/ic_reset_"
EXPIRES_AT = "2026-11-28T12:00:00Z"
CANARY = "CANARY-in-an-answer"

Answer = Callable[[httpx.Request], httpx.Response]
Open = Callable[[str], AccountSecretDoor]


def gateway(stack: AsyncExitStack, answer: Answer) -> AccountSecretsGateway:
    client = httpx.AsyncClient(base_url="http://invoices.test", transport=httpx.MockTransport(answer))
    stack.push_async_callback(client.aclose)
    return AccountSecretsGateway(InvoiceAccess(client=client, secret=SECRET, clock=SystemClock()))


def invoice_service(behaviour: str) -> Answer:
    """Its private listener as it is agreed upon."""

    def answer(request: httpx.Request) -> httpx.Response:
        if behaviour == "away":
            raise httpx.ConnectError("refused")
        if behaviour == "moot":
            return httpx.Response(409, json={"code": "account-mail-moot", "status": 409})
        if request.url.path != f"/internal/account-mails/{format_id('mail', make.ACCOUNT_MAIL_ID)}/secret":
            return httpx.Response(404, json={"code": "account-mail-not-found"})
        return httpx.Response(200, json={"url": f"{PAGE}{token_urlsafe(32)}", "expires_at": EXPIRES_AT})

    return answer


def in_memory(behaviour: str) -> FakeAccountSecrets:
    door = FakeAccountSecrets(page=PAGE)
    if behaviour == "away":
        door.failures.append(Unavailable("invoice-service does not answer"))
    if behaviour == "moot":
        door.failures.append(AccountMailMoot("no purpose"))
    return door


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture(params=["in memory", "over HTTP"])
def open_door(request: pytest.FixtureRequest, stack: AsyncExitStack) -> Open:
    if request.param == "in memory":
        return in_memory
    return lambda behaviour: gateway(stack, invoice_service(behaviour))


async def test_each_call_brings_another_address_with_its_end(open_door: Open) -> None:
    door = open_door("well")

    first = await door.mint(make.ACCOUNT_MAIL_ID, organization_id=make.ORGANIZATION_ID)
    second = await door.mint(make.ACCOUNT_MAIL_ID, organization_id=make.ORGANIZATION_ID)

    assert first.url.startswith(PAGE)
    assert first.url != second.url
    assert first.expires_at.isoformat() == "2026-11-28T12:00:00+00:00"
    assert first.url not in repr(first)


async def test_an_unknown_mail_is_told_apart(open_door: Open) -> None:
    with pytest.raises(AccountMailUnknown):
        await open_door("well").mint(new_id(), organization_id=make.ORGANIZATION_ID)


async def test_a_mail_without_a_purpose_is_told_apart(open_door: Open) -> None:
    with pytest.raises(AccountMailMoot):
        await open_door("moot").mint(make.ACCOUNT_MAIL_ID, organization_id=make.ORGANIZATION_ID)


async def test_a_service_that_is_away_may_come_back(open_door: Open) -> None:
    with pytest.raises(Unavailable):
        await open_door("away").mint(make.ACCOUNT_MAIL_ID, organization_id=make.ORGANIZATION_ID)


async def test_the_secret_is_asked_for_with_a_token_for_the_organisation_of_the_mail(stack: AsyncExitStack) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return invoice_service("well")(request)

    await gateway(stack, answer).mint(make.ACCOUNT_MAIL_ID, organization_id=make.ORGANIZATION_ID)

    [request] = asked
    caller = service_tokens.verify(
        request.headers["Authorization"].removeprefix("Bearer "),
        secret=SECRET,
        audience=Service.INVOICE,
        issuers=frozenset({Service.NOTIFICATION.value}),
        now=SystemClock().now(),
    )
    assert request.method == "POST"
    assert (caller.issuer, caller.organization_id) == (Service.NOTIFICATION, make.ORGANIZATION_ID)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 409, 429, 500, 503])
async def test_any_other_answer_may_pass_and_is_not_repeated(stack: AsyncExitStack, status: int) -> None:
    answer = httpx.Response(status, json={"code": "other", "detail": CANARY}, headers={"Location": "http://x.test/"})

    with pytest.raises(Unavailable, match=str(status)) as raised:
        await gateway(stack, lambda _: answer).mint(make.ACCOUNT_MAIL_ID, organization_id=make.ORGANIZATION_ID)

    assert CANARY not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        CANARY,
        f"javascript:{CANARY}",
        f"//invoices.nordlicht.example/{CANARY}",
        f"https://invoices.nordlicht.example/{CANARY}\r\nBcc: v@x.example",
        f"https://invoices.nordlicht.example/{CANARY} x",
        f"https://nordlicht.example@evil.example/{CANARY}",
        f"https://invoices.nordlicht.example\\@evil.example/{CANARY}",
        f'https://invoices.nordlicht.example/{CANARY}"><b>',
        f"https://invoices.nordlicht.example/{CANARY}{'x' * 2000}",
        f"https:///{CANARY}",
        f"ftp://invoices.nordlicht.example/{CANARY}",
    ],
)
async def test_an_address_that_no_mail_may_lead_to_stays_outside_and_unsaid(stack: AsyncExitStack, url: str) -> None:
    answer = httpx.Response(200, json={"url": url, "expires_at": EXPIRES_AT})

    with pytest.raises(UnusableSecret) as raised:
        await gateway(stack, lambda _: answer).mint(make.ACCOUNT_MAIL_ID, organization_id=make.ORGANIZATION_ID)

    assert CANARY not in f"{raised.value!r} {raised.value}"
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        json.dumps({"url": f"{PAGE}{CANARY}"}).encode(),
        json.dumps({"url": f"{PAGE}{CANARY}", "expires_at": "soon"}).encode(),
        json.dumps({"url": f"{PAGE}{CANARY}", "expires_at": "2026-11-28T12:00:00"}).encode(),
        json.dumps({"url": f"{PAGE}{CANARY}", "expires_at": EXPIRES_AT, "x": "x" * ANSWER_BYTES_MAX}).encode(),
    ],
    ids=["empty", "not JSON", "a list", "no end", "a word as end", "an end without its zone", "too long"],
)
async def test_a_broken_answer_is_no_secret_and_is_not_repeated(stack: AsyncExitStack, body: bytes) -> None:
    with pytest.raises(UnusableSecret) as raised:
        await gateway(stack, lambda _: httpx.Response(200, content=body)).mint(
            make.ACCOUNT_MAIL_ID, organization_id=make.ORGANIZATION_ID
        )

    assert CANARY not in str(raised.value)
