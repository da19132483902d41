"""SIGKILL at every boundary of the journey: whatever dies where, the next life brings every invoice to the same end.

The boundaries are those the code itself announces. The first life records which are reached and how often; then each
is killed at, a new life starts, and the same promises are checked.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from invoice_service.actions.api_keys.create_api_key import create_api_key
from invoice_service.actions.organizations.create_organization import create_organization
from invoice_service.domain.api_keys import SCOPES
from service_kit.database import app_now
from service_kit.identifiers import new_id
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase

from tests.chaos.invariants import at_rest, check_all
from tests.chaos.stories import ALL_STORIES, BUSY_STORIES, Client, Told, tell
from tests.chaos.world import STRIPE_KEY, World, free_ports, mailbox_running, pause, sandbox_running

BOUNDARIES_MIN = 30
RISKIEST = (
    "intake.after_insert",
    "invoice.after_render",
    "mail.after_data",
    "payment.after_deactivate_call",
    "payment.after_link_call",
    "payment.after_webhook_store",
    "payment.before_capture_record",
    "relay.after_confirm",
)
"""Where something has happened that the database does not know yet; every boundary has its turn in the slow test."""


@pytest.fixture
def sandbox_url() -> Iterator[str]:
    with sandbox_running() as url:
        yield url


@pytest.fixture
async def world(
    service_database: ServiceDatabase, broker: KitBroker, sandbox_url: str, tmp_path: Path
) -> AsyncIterator[World]:
    with mailbox_running() as (mailbox, smtp_port):
        made = World(
            database=service_database,
            broker_url=broker.url,
            instance=broker.instance,
            folder=tmp_path,
            sandbox_url=sandbox_url,
            mailbox=mailbox,
            smtp_port=smtp_port,
            ports=free_ports(),
        )
        made.start_life()
        try:
            await made.ready()
            yield made
        finally:
            made.kill_life()


@pytest.fixture
async def client(world: World) -> Client:
    database = world.database.open("invoice")
    organization_id = new_id()
    async with database.transaction(organization_id=organization_id) as session:
        now = await app_now(session)
        await create_organization(
            session, organization_id=organization_id, name="Chaos Ltd", email="owner@chaos.example", now=now
        )
        made = await create_api_key(
            session,
            organization_id=organization_id,
            name="chaos",
            scopes=SCOPES,
            live=False,
            pepper="k" * 40,
            now=now,
        )
    client = Client(world=world, api_key=made.text)
    await client.write("PUT", "/v1/settings/stripe/secret-key", {"secret_key": STRIPE_KEY})
    await client.until("/v1/settings/stripe", lambda seen: seen["status"] == "ready", "the Stripe connection")
    return client


async def test_a_kill_between_an_effect_and_its_record_changes_nothing_about_the_end(
    world: World, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    for boundary in RISKIEST:
        await _survive(world, client, boundary)

    with capsys.disabled():
        print(f"\n{len(RISKIEST)} boundaries, killed at each of them, {world.lives} lives")  # noqa: T201 - the evidence


@pytest.mark.slow
async def test_a_kill_at_any_boundary_changes_nothing_about_the_end(
    world: World, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    world.order("arm", "", 0)
    told = await tell(client, ALL_STORIES)
    await at_rest(world)
    counts = world.order("counts")
    await check_all(world, told)
    assert len(counts) >= BOUNDARIES_MIN, sorted(counts)
    assert counts.keys() >= set(RISKIEST)

    for boundary in sorted(counts):
        await _survive(world, client, boundary)

    with capsys.disabled():
        print(f"\n{len(counts)} boundaries, killed at each of them, {world.lives} lives")  # noqa: T201 - the evidence


async def _survive(world: World, client: Client, boundary: str) -> None:
    told = await _tell_with_a_kill(world, client, boundary, 1)
    try:
        await at_rest(world)
        await check_all(world, told)
    except AssertionError as problem:
        problem.add_note(f"killed at {boundary}")
        raise


async def _tell_with_a_kill(world: World, client: Client, boundary: str, occurrence: int) -> list[Told]:
    world.order("arm", boundary, occurrence)
    before = world.lives
    watching = asyncio.create_task(_supervise(world))
    try:
        told = await tell(client, BUSY_STORIES)
    except BaseException as problem:
        problem.add_note(f"killed at {boundary}, occurrence {occurrence}")
        raise
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    assert world.lives > before, f"nothing died at {boundary}"
    return told


async def _supervise(world: World) -> None:
    while True:
        await world.revive()
        await pause(0.02)
