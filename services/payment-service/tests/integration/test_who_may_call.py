"""Only invoice-service calls the private routes, and only with this service's own secret."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from contracts.catalogue import Service
from contracts.ids import format_id
from payment_service.app import private_api
from payment_tests import make
from payment_tests.fakes import FakeStripe
from service_kit.clock import SystemClock
from service_kit.identifiers import new_id
from service_kit.service_tokens import sign
from service_kit.testing.databases import ServiceDatabase

PAYMENT_SECRET = "what-callers-of-payment-service-sign-with-01"
NEXT_PAYMENT_SECRET = "what-they-will-sign-with-after-the-rotation-02"
INVOICE_SECRET = "what-notification-service-signs-with-0123456"
ORGANIZATION_ID = new_id()
YESTERDAY = SystemClock().now() - timedelta(days=1)


@pytest.fixture
async def http(service_database: ServiceDatabase) -> AsyncIterator[httpx.AsyncClient]:
    api = private_api(
        database=service_database.open("payment"),
        setup=make.setup(FakeStripe()),
        service_token_secret=f"{PAYMENT_SECRET},{NEXT_PAYMENT_SECRET}",
        clock=SystemClock(),
        head=None,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://private.test") as client:
        yield client


async def ask(http: httpx.AsyncClient, **changes: Any) -> int:
    values: dict[str, Any] = {
        "secret": PAYMENT_SECRET,
        "issuer": Service.INVOICE.value,
        "audience": Service.PAYMENT.value,
        "organization_id": ORGANIZATION_ID,
        "actor": "key:test",
        "now": SystemClock().now(),
        **changes,
    }
    answer = await http.get(
        f"/internal/organizations/{format_id('org', ORGANIZATION_ID)}/stripe",
        headers={"Authorization": f"Bearer {sign(**values)}"},
    )
    return answer.status_code


async def test_invoice_service_is_let_in_with_any_listed_secret(http: httpx.AsyncClient) -> None:
    assert [await ask(http, secret=each) for each in (PAYMENT_SECRET, NEXT_PAYMENT_SECRET)] == [200, 200]


@pytest.mark.parametrize("issuer", list(Service))
async def test_what_notification_service_signs_with_opens_nothing_here(http: httpx.AsyncClient, issuer: str) -> None:
    assert await ask(http, secret=INVOICE_SECRET, issuer=str(issuer)) == 401


@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ("issuer", "notification-service"),
        ("issuer", "payment-service"),
        ("audience", "invoice-service"),
        ("now", YESTERDAY),
        ("now", YESTERDAY + timedelta(days=2)),
    ],
)
async def test_a_token_that_is_not_for_this_door_now_opens_nothing(
    http: httpx.AsyncClient, changed: str, value: Any
) -> None:
    assert await ask(http, **{changed: value}) == 401
