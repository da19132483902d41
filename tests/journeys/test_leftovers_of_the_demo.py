"""Demos that start side by side may find the same dead one, and both take it away."""

import asyncio

from service_kit.provision import connect, provision

from deploy.demo.leftovers import claim_name, remove_instance, remove_leftovers


async def test_the_same_instance_removed_by_four_at_once_is_gone(postgres_url: str, broker_url: str) -> None:
    async with claim_name(postgres_url) as name:
        await provision(admin_url=postgres_url, instance=name)

        await asyncio.gather(
            *(remove_instance(name, postgres_url=postgres_url, broker_url=broker_url) for _ in range(4))
        )

    admin = await connect(postgres_url)
    assert await admin.fetchval("select count(*) from pg_roles where starts_with(rolname, $1)", name) == 0
    await admin.close()
    assert await _databases(postgres_url, name) == 0


async def test_a_demo_that_runs_is_no_leftover_and_one_that_ended_is(postgres_url: str, broker_url: str) -> None:
    async with claim_name(postgres_url) as name:
        await provision(admin_url=postgres_url, instance=name)

        await remove_leftovers(postgres_url=postgres_url, broker_url=broker_url)

        assert await _databases(postgres_url, name) == 1

    await remove_leftovers(postgres_url=postgres_url, broker_url=broker_url)

    assert await _databases(postgres_url, name) == 0


async def _databases(postgres_url: str, name: str) -> int:
    admin = await connect(postgres_url)
    try:
        return int(await admin.fetchval("select count(*) from pg_database where datname = $1", name))
    finally:
        await admin.close()
