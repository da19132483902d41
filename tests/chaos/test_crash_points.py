"""SIGKILL at every boundary of the journey: whatever dies where, the next life brings every invoice to the same end.

The boundaries are those the code itself announces. The first life records which are reached and how often; then each
is killed at, a new life starts, and the same promises are checked.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase

from tests.chaos.client import Client
from tests.chaos.invariants import at_rest, check_all
from tests.chaos.organizations import connect_stripe, new_organization
from tests.chaos.stories import ALL_STORIES, BUSY_STORIES, Story, Told, connected_anew, tell
from tests.chaos.world import World, free_ports, mailbox_running, pause, sandbox_running

ROOT = Path(__file__).resolve().parents[2]
ONLY_WHEN_SOMETHING_FAILS = {"worker.after_failure_recorded", "worker.before_failure_recorded"}
"""The kit's own tests kill here."""
OF_A_KEY_ROTATION = {
    "payment.before_keyring_replace",
    "payment.after_keyring_replace",
    "payment.before_rewrap_commit",
    "payment.after_rewrap_commit",
}
"""A command's, on no invoice's way; payment-service's own tests kill here."""
OF_THE_KEY = {
    "invoice.before_payment_service_call",
    "invoice.after_payment_service_call",
    "payment.before_key_record",
    "payment.before_webhook_call",
    "payment.after_webhook_call",
}
OF_A_FRESH_LIFE = {"mail.before_connect", "mail.after_connect"}
"""A life keeps its connection to the mail server, so these are reached once in each."""
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
    made = await new_organization(world)
    await connect_stripe(made)
    return made


async def test_a_kill_between_an_effect_and_its_record_changes_nothing_about_the_end(
    world: World, client: Client, record_property: Callable[[str, object], None]
) -> None:
    for boundary in RISKIEST:
        await _survive(world, client, boundary)

    record_property("evidence", f"{len(RISKIEST)} boundaries, killed at each of them, {world.lives} lives")


@pytest.mark.slow
async def test_a_kill_at_any_boundary_changes_nothing_about_the_end(
    world: World, client: Client, record_property: Callable[[str, object], None]
) -> None:
    world.order("arm", "", 0)
    told = await tell(client, ALL_STORIES)
    await at_rest(world)
    counts = world.order("counts")
    await check_all(world, told)
    assert announced_boundaries() - counts.keys() <= ONLY_WHEN_SOMETHING_FAILS | OF_A_KEY_ROTATION

    for boundary in sorted(counts):
        await _survive(world, client, boundary)

    record_property("evidence", f"{len(counts)} boundaries, killed at each of them, {world.lives} lives")


def announced_boundaries() -> set[str]:
    """Every name that the code announces, read from the source, so that a new one cannot be forgotten."""
    sources = [path for folder in ("libs", "services") for path in (ROOT / folder).glob("*/src/**/*.py")]
    return {name for path in sources for name in re.findall(r'crash_points\.reached\("([a-z_.]+)"\)', path.read_text())}


async def _survive(world: World, client: Client, boundary: str) -> None:
    stories = (*BUSY_STORIES, connected_anew) if boundary in OF_THE_KEY else BUSY_STORIES
    told = await _tell_with_a_kill(world, client, boundary, stories)
    try:
        await at_rest(world)
        await check_all(world, told)
    except AssertionError as problem:
        problem.add_note(f"killed at {boundary}")
        raise


async def _tell_with_a_kill(world: World, client: Client, boundary: str, stories: Sequence[Story]) -> list[Told]:
    if boundary in OF_A_FRESH_LIFE:
        world.kill_life()
        await world.revive()
    world.order("arm", boundary, 1)
    before = world.lives
    watching = asyncio.create_task(_supervise(world))
    try:
        told = await tell(client, stories)
    except BaseException as problem:
        problem.add_note(f"killed at {boundary}")
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
