"""The two Stripes that the contract suite runs on: the one in memory, and the sandbox behind the real gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from payment_service.stripe_door import StripeAccess, StripeDoor
from payment_service.stripe_gateway import StripeGateway
from payment_tests import fakes
from stripe_sandbox.settings import AccountSpec, KeySpec, Settings
from stripe_sandbox.testing import RunningSandbox, running_sandbox

SANDBOX_ACCOUNT = "acct_1Nordlicht"
SANDBOX_OTHER_ACCOUNT = "acct_1Other"
SANDBOX_KEY = "sk_test_nordlichtCanary4Kd2"
SANDBOX_OTHER_KEY = "sk_test_otherOwnerCanary9fQ2"
SANDBOX_READ_ONLY_KEY = "rk_test_linksReadOnlyCanary77aa"
SANDBOX_EXPIRED_KEY = "rk_test_longExpiredCanary12bb"


class Bench(Protocol):
    """A door to Stripe and the hands of a payer."""

    @property
    def door(self) -> StripeDoor: ...

    @property
    def owner(self) -> StripeAccess: ...

    @property
    def other(self) -> StripeAccess: ...

    @property
    def read_only(self) -> StripeAccess: ...

    async def open(self, link_id: str) -> str: ...

    async def pay(self, link_or_session: str) -> str: ...


@dataclass
class FakeBench:
    door: fakes.FakeStripe
    owner: StripeAccess
    other: StripeAccess
    read_only: StripeAccess

    async def open(self, link_id: str) -> str:
        return self.door.open(link_id)

    async def pay(self, link_or_session: str) -> str:
        return self.door.pay(link_or_session)


@dataclass
class SandboxBench:
    door: StripeGateway
    owner: StripeAccess
    other: StripeAccess
    read_only: StripeAccess
    running: RunningSandbox
    http: httpx.AsyncClient

    async def open(self, link_id: str) -> str:
        """A payer opens the page in a browser."""
        answer = await self.http.get(f"/pay/{link_id}")
        assert answer.status_code == 200, answer.text
        (found,) = await self.door.sessions_of_link(self.owner, link_id=link_id, status="open")
        return found.id

    async def pay(self, link_or_session: str, **payment: Any) -> str:
        answer = await self.http.post(f"/_sandbox/pay/{link_or_session}", json=payment)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def control(self, route: str, **body: Any) -> Any:
        answer = await self.http.post(f"/_sandbox/{route}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def look(self, route: str) -> Any:
        return (await self.http.get(f"/_sandbox/{route}")).json()


def access(key: str, label: str) -> StripeAccess:
    return StripeAccess(secret_key=key, account_label=label)


@asynccontextmanager
async def fake_bench() -> AsyncIterator[FakeBench]:
    yield FakeBench(
        door=fakes.FakeStripe(),
        owner=access(fakes.KEY, "owner"),
        other=access(fakes.OTHER_KEY, "other"),
        read_only=access(fakes.READ_ONLY_KEY, "read-only"),
    )


@asynccontextmanager
async def sandbox_bench(**changed: Any) -> AsyncIterator[SandboxBench]:
    keys = (
        KeySpec(key=SANDBOX_KEY, account=SANDBOX_ACCOUNT),
        KeySpec(key=SANDBOX_OTHER_KEY, account=SANDBOX_OTHER_ACCOUNT),
        KeySpec(key=SANDBOX_READ_ONLY_KEY, account=SANDBOX_ACCOUNT, permissions=frozenset({"rak_payment_link_read"})),
        KeySpec(key=SANDBOX_EXPIRED_KEY, account=SANDBOX_ACCOUNT, expired=True),
    )
    named = (AccountSpec(id=SANDBOX_ACCOUNT, name="Nordlicht Studio"),)
    values: dict[str, Any] = {"keys": keys, "accounts": named, "retry_delays_seconds": (0.05, 0.1, 0.2, 0.5), **changed}
    async with running_sandbox(Settings(**values)) as running:
        gateway = StripeGateway(api_base=running.url, requests_per_second=100)
        async with httpx.AsyncClient(base_url=running.url, trust_env=False) as http:
            yield SandboxBench(
                door=gateway,
                owner=access(SANDBOX_KEY, "owner"),
                other=access(SANDBOX_OTHER_KEY, "other"),
                read_only=access(SANDBOX_READ_ONLY_KEY, "read-only"),
                running=running,
                http=http,
            )
        await gateway.close()
