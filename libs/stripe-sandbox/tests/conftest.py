"""A real sandbox on a loopback port, the real `stripe` client pointed at it, and a receiver for its webhooks."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx
import pytest
import stripe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import AccountSpec, KeySpec, Settings
from stripe_sandbox.testing import free_port, running_sandbox, serving


@dataclass
class Bench:
    """A sandbox, the library's client, and a plain HTTP client for pages and control routes."""

    key: ClassVar[str] = "sk_test_nordlicht4Kd2"
    other_key: ClassVar[str] = "sk_test_otherOwner9fQ2"
    read_only_key: ClassVar[str] = "rk_test_linksReadOnly77aa"
    expired_key: ClassVar[str] = "rk_test_longExpired12bb"
    account: ClassVar[str] = "acct_1Nordlicht"
    other_account: ClassVar[str] = "acct_1Other"

    url: str
    sandbox: Sandbox
    http: httpx.AsyncClient
    library_http: stripe.HTTPXClient

    @property
    def client(self) -> stripe.StripeClient:
        return self.client_for(self.key)

    def client_for(self, key: str) -> stripe.StripeClient:
        base = {"api": self.url}
        return stripe.StripeClient(key, base_addresses=base, http_client=self.library_http, max_network_retries=0)  # type: ignore[arg-type]

    async def control(self, path: str, /, **body: Any) -> Any:
        answer = await self.http.post(f"/_sandbox/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def look(self, path: str) -> Any:
        return (await self.http.get(f"/_sandbox/{path}")).json()

    async def new_link(self, **changed: Any) -> stripe.PaymentLink:
        return await self.client.v1.payment_links.create_async(self.link_params(**changed))

    async def opened(self, link: stripe.PaymentLink) -> str:
        """Visit the link and give the id of the session that the visit opened."""
        assert (await self.http.get(link.url)).status_code == 200
        sessions = await self.client.v1.checkout.sessions.list_async({"payment_link": link.id, "limit": 1})
        return sessions.data[0].id

    def link_params(self, **changed: Any) -> Any:
        """A payment link of EUR 123.45 for one completed session, as an invoice would ask for it."""
        metadata = {"link_id": "lnk_1"}
        params: dict[str, Any] = {
            "line_items": self.items("eur", 12345),
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata, "description": "Invoice 1"},
            "restrictions": {"completed_sessions": {"limit": 1}},
            "inactive_message": "This invoice can no longer be paid here.",
            "after_completion": {"type": "hosted_confirmation"},
        }
        return {**params, **changed}

    def items(self, currency: str, unit_amount: int) -> Any:
        price = {"currency": currency, "unit_amount": unit_amount, "product_data": {"name": "Invoice 1"}}
        return [{"quantity": 1, "price_data": price}]


Start = Callable[..., AbstractAsyncContextManager[Bench]]


@asynccontextmanager
async def _start(**changed: Any) -> AsyncIterator[Bench]:
    stripe.enable_telemetry = False
    keys = (
        KeySpec(key=Bench.key, account=Bench.account),
        KeySpec(key=Bench.other_key, account=Bench.other_account),
        KeySpec(key=Bench.read_only_key, account=Bench.account, permissions=frozenset({"rak_payment_link_read"})),
        KeySpec(key=Bench.expired_key, account=Bench.account, expired=True),
    )
    named = (AccountSpec(id=Bench.account, name="Nordlicht Studio"),)
    values: dict[str, Any] = {"keys": keys, "accounts": named, "retry_delays_seconds": (0.05, 0.05), **changed}
    library_http = stripe.HTTPXClient(timeout=10)
    async with running_sandbox(Settings(**values)) as running:
        async with httpx.AsyncClient(base_url=running.url, trust_env=False) as http:
            yield Bench(running.url, running.sandbox, http, library_http)
            await library_http.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture
def start() -> Start:
    return _start


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with _start() as started:
        yield started


@dataclass
class Receiver:
    """A webhook endpoint that keeps what it got; `answers` are given in turn, then 200."""

    url: str
    got: list[tuple[bytes, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    port = free_port()
    kept = Receiver(f"http://127.0.0.1:{port}/hook")

    async def hook(request: Request) -> Response:
        kept.got.append((await request.body(), request.headers["stripe-signature"]))
        return Response(status_code=kept.answers.pop(0) if kept.answers else 200)

    async with serving(Starlette(routes=[Route("/hook", hook, methods=["POST"])]), port=port):
        yield kept
