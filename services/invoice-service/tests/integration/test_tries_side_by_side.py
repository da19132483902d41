"""Many people who sign in at the same moment wait for each other in one order, also where old tries are forgotten."""

import asyncio

from invoice_service.actions.people.count_tries import count_tries
from invoice_service.actions.people.prove_password import tries_of
from invoice_tests.signing_in import House
from service_kit.database import app_now

PEOPLE = 120
AT_ONCE = 8


async def _count(house: House, person: int) -> None:
    secrets = house.parts.accounts.secrets
    async with house.parts.database.transaction(organization_id=None) as session:
        tries = tries_of(secrets, email=f"p{person}@example.com", address=f"198.51.100.{person}")
        await count_tries(session, tries=tries, now=await app_now(session))


async def test_a_morning_after_days_without_a_sign_in_refuses_nobody(house: House) -> None:
    for person in range(PEOPLE):
        await _count(house, person)
    await house.postgres.advance_clock("invoice", seconds=3 * 86_400)

    # Far apart in the table, so that each forgets what another one is about to count.
    await asyncio.gather(*(_count(house, person) for person in range(PEOPLE - 1, 0, -PEOPLE // AT_ONCE)))

    counted = await house.postgres.fetch("select failures from invoice.sign_in_failures where failures = 1")
    assert len(counted) == 3 * AT_ONCE
