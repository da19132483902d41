"""Payment links are made and paid while the master key is rotated and retired again and again: nobody notices."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from payment_service.actions.connect_account import connect_account
from payment_service.app import public_api
from payment_tests.benches import SandboxBench, sandbox_bench
from payment_tests.key_bench import KeyBench
from payment_tests.make import Desk, Invoice, desk_with
from service_kit import crash_points
from service_kit.clock import SystemClock
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from stripe_sandbox.settings import KeySpec
from stripe_sandbox.testing import free_port, serving

Rotate = Callable[[KeyBench], Awaitable[None]]

ORGANIZATIONS = 10
PAID_OF_EACH_WAVE = 2


@dataclass
class House:
    """The worker, the listener for webhooks and the sandbox, with ten organisations that each have an account."""

    desk: Desk
    keys: KeyBench
    stripe: SandboxBench
    organizations: list[UUID] = field(default_factory=list)
    rotations: int = 0

    async def connect_all(self, secret_keys: list[str]) -> None:
        for key in secret_keys:
            connected = await connect_account(
                database=self.desk.rows.open("payment"),
                setup=self.desk.setup,
                organization_id=self.keys.new_organization(),
                secret_key=key,
            )
            self.organizations.append(connected.organization_id)
        await self._reached("webhook_endpoints where status = 'active'", ORGANIZATIONS)

    async def make_links(self, *, waves: int) -> None:
        """One link for each organisation a wave; some of each wave are paid, which calls the webhooks.

        The second and third wave wait for a whole rotation each, so that links are made before, during and after.
        """
        for wave in range(1, waves + 1):
            await self._rotated(min(wave - 1, 2))
            await self.desk.say(*(Invoice(organization_id).sent() for organization_id in self.organizations))
            await self._reached("payment_links where status = 'active'", wave * ORGANIZATIONS)
            newest = await self.desk.rows.fetch(
                "select stripe_link_id from payment.payment_links order by made_at desc limit $1", PAID_OF_EACH_WAVE
            )
            for link in newest:
                await self.stripe.pay(link["stripe_link_id"])

    async def settle(self, *, paid: int) -> None:
        await self._reached("provider_entries", paid)
        await self.desk.quiet()

    async def count(self, what: str) -> int:
        (row,) = await self.desk.rows.fetch(f"select count(*) from payment.{what}")
        return int(row["count"])

    async def _rotated(self, times: int) -> None:
        await run_until(lambda: self.rotations >= times, timeout_seconds=60)

    async def _reached(self, what: str, wanted: int) -> None:
        async def enough() -> bool:
            return await self.count(what) >= wanted

        await run_until(enough, timeout_seconds=30)


@dataclass
class Failures:
    """Every delivery that a worker had to note as failed, whatever for."""

    seen: int = 0

    def hear(self, boundary: str) -> None:
        self.seen += boundary == "worker.before_failure_recorded"


@pytest.fixture
def failures() -> Iterator[Failures]:
    counted = Failures()
    crash_points.install(counted.hear)
    yield counted
    crash_points.install(None)


@asynccontextmanager
async def _house(rows: ServiceDatabase, folder: Path) -> AsyncIterator[House]:
    secret_keys = [f"sk_test_rotationCanary{number:04}" for number in range(ORGANIZATIONS)]
    specs = tuple(KeySpec(key=key, account=f"acct_1Rotation{number}") for number, key in enumerate(secret_keys))
    keys, port = KeyBench(rows=rows, path=folder / "master.keys"), free_port()
    async with sandbox_bench(keys=specs, accounts=()) as stripe:
        address = f"http://127.0.0.1:{port}"
        async with desk_with(rows, stripe.door, keyring=keys.running, webhook_base_url=address) as desk:
            # The app is another process than the worker, so it has a keyring of its own.
            api = public_api(database=rows.open("payment"), keyring=keys.keyring(), clock=SystemClock(), head=None)
            async with serving(api, port=port):
                house = House(desk=desk, keys=keys, stripe=stripe)
                await house.connect_all(secret_keys)
                yield house


async def _by_command(keys: KeyBench) -> None:
    """As an operator does it, each command a process of its own."""
    old = keys.kids()[0]
    rotated = await keys.process("payment_service.cli", "keys", "rotate")
    assert rotated.status == 0, rotated.errors
    assert json.loads(rotated.output)["rewrapped"] == ORGANIZATIONS
    retired = await keys.process("payment_service.cli", "keys", "retire", old)
    assert retired.status == 0, retired.errors


async def _at_once(keys: KeyBench) -> None:
    """The same without the time that two processes take to start, so that even few links meet several rotations."""
    old = keys.kids()[0]
    assert (await keys.rotate()).rewrapped == ORGANIZATIONS
    await keys.retire(old)


async def _make_links_while_rotating(house: House, *, waves: int, rotate: Rotate) -> None:
    made = asyncio.Event()

    async def go_on() -> None:
        while not made.is_set():
            await rotate(house.keys)
            house.rotations += not made.is_set()

    rotating = asyncio.create_task(go_on())
    try:
        await house.make_links(waves=waves)
    finally:
        made.set()
        await rotating


async def test_twenty_links_are_made_during_rotations_without_one_failed_call(
    service_database: ServiceDatabase,
    tmp_path: Path,
    failures: Failures,
    record_property: Callable[[str, object], None],
) -> None:
    async with _house(service_database, tmp_path) as house:
        await _check(house, failures, waves=2, rotate=_at_once, record_property=record_property)


@pytest.mark.slow
async def test_two_hundred_links_are_made_during_rotations_without_one_failed_call(
    service_database: ServiceDatabase,
    tmp_path: Path,
    failures: Failures,
    record_property: Callable[[str, object], None],
) -> None:
    async with _house(service_database, tmp_path) as house:
        await _check(house, failures, waves=20, rotate=_by_command, record_property=record_property)


async def _check(
    house: House, failures: Failures, *, waves: int, rotate: Rotate, record_property: Callable[[str, object], None]
) -> None:
    links, paid = waves * ORGANIZATIONS, waves * PAID_OF_EACH_WAVE

    await _make_links_while_rotating(house, waves=waves, rotate=rotate)
    await house.settle(paid=paid)

    calls, deliveries = await house.stripe.look("log"), await house.stripe.look("deliveries")
    assert await house.count("payment_links") == links
    assert sum(call["method"] == "POST" and call["path"] == "/v1/payment_links" for call in calls) == links
    assert [call for call in calls if call["status"] >= 400] == []
    assert [row for row in deliveries if (row["state"], row["tries"]) != ("delivered", 1)] == []
    assert failures.seen == 0
    assert await house.desk.parked() == []
    assert house.rotations >= min(waves - 1, 2)
    assert await house.keys.wrapped_by() == house.keys.kids() * ORGANIZATIONS
    record_property(
        "evidence",
        f"{links} links made and {paid} paid for {ORGANIZATIONS} organisations during {house.rotations} rotations, "
        f"each followed by a retirement: {len(calls)} calls to Stripe and {len(deliveries)} webhooks, 0 failed",
    )
