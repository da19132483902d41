"""What must hold when everything has come to rest, asked of the databases, the mailbox and Stripe's own books.

Each check names itself in what it raises, so that a failed run says which promise was broken.
"""

import asyncio
from collections.abc import Sequence

from contracts.catalogue import CATALOGUE
from service_kit.testing.databases import ServiceDatabase
from service_kit.topology import short_name

from tests.chaos.stories import Told
from tests.chaos.world import SCHEMAS, World, pause

REST_SECONDS = 30.0


async def at_rest(world: World) -> None:
    """Wait until nothing is unpublished, and nothing but recurring tasks waits in any inbox. What is parked stays."""
    loop = asyncio.get_running_loop()
    limit = loop.time() + REST_SECONDS
    while waiting := [row for row in await world.not_done() if row["state"] != "parked"]:
        assert loop.time() < limit, f"not at rest after {REST_SECONDS:g} s: {waiting}"
        await pause(0.05)


async def check_all(world: World, told: Sequence[Told]) -> None:
    """Raises AssertionError with the name of the promise that does not hold."""
    await nothing_parked(world.database)
    await every_event_reached_its_subscribers(world.database)
    await numbers_are_dense(world.database)
    await money_balances(world.database)
    await one_capture_per_intent(world.database)
    for story in told:
        await ended_as_told(world, story)
    await no_link_takes_money(world)
    await stripes_books_equal_ours(world)


async def nothing_parked(database: ServiceDatabase) -> None:
    for schema in SCHEMAS:
        rows = await database.fetch(f"select type, park_reason from {schema}.inbox where state = 'parked'")
        assert not rows, f"parked in {schema}: {[dict(row) for row in rows]}"


async def every_event_reached_its_subscribers(database: ServiceDatabase) -> None:
    arrived = {
        schema: {row["event_id"] for row in await database.fetch(f"select event_id from {schema}.inbox")}
        for schema in SCHEMAS
    }
    for schema in SCHEMAS:
        for row in await database.fetch(f"select event_id, type from {schema}.outbox"):
            for service in CATALOGUE[row["type"]].subscribers:
                assert row["event_id"] in arrived[short_name(service)], f"{row['type']} never reached {service}"


async def numbers_are_dense(database: ServiceDatabase) -> None:
    rows = await database.fetch(
        "select series, count(*) as issued, count(distinct sequence_number) as numbers, min(sequence_number) as first, "
        "max(sequence_number) as last from invoice.invoices where number is not null group by organization_id, series"
    )
    for row in rows:
        assert row["first"] == 1, f"the series starts at {row['first']}"
        assert row["issued"] == row["numbers"] == row["last"], f"gaps or doubles in the numbers: {dict(row)}"


async def money_balances(database: ServiceDatabase) -> None:
    rows = await database.fetch(
        "select organization_id, currency, sum(received_minor) as received, sum(applied_minor) as applied, "
        "sum(credit_minor) as credit, sum(suspense_minor) as suspense from invoice.ledger_entries group by 1, 2"
    )
    for row in rows:
        assert row["received"] == row["applied"] + row["credit"] + row["suspense"], f"unbalanced: {dict(row)}"
    wrong = await database.fetch(
        "select b.invoice_id from invoice.invoice_balances b left join "
        "(select invoice_id, sum(received_minor) as received, sum(applied_minor) as applied "
        "from invoice.ledger_entries group by 1) l using (invoice_id) "
        "where b.received_minor <> coalesce(l.received, 0) or b.applied_minor <> coalesce(l.applied, 0)"
    )
    assert not wrong, f"balances that are not the sum of their entries: {len(wrong)}"


async def one_capture_per_intent(database: ServiceDatabase) -> None:
    rows = await database.fetch(
        "select (select count(*) from payment.provider_entries) as provider, "
        "(select count(*) from invoice.ledger_entries where kind = 'capture') as ledger"
    )
    assert rows[0]["provider"] == rows[0]["ledger"], f"captures here and there differ: {dict(rows[0])}"


async def ended_as_told(world: World, story: Told) -> None:
    seen = story.seen
    assert seen["headline"] == story.headline
    received = seen["balance"]["received_minor"]
    assert received == story.by_stripe_minor + story.by_hand_minor, f"{seen['number']} received {received}"
    mails = world.mailbox.to(story.address)
    if story.headline == "void" and not mails:
        return  # The void was known before the mail had gone out, so it was rightly dropped.
    assert mails, f"no mail for {seen['number']}"
    identities = {str(mail["Message-ID"]) for mail in mails}
    assert len(identities) == 1, f"{seen['number']} went out under {len(identities)} identities"
    if len(mails) > 1:
        rows = await world.database.fetch(
            "select bool_or(duplicate_possible) as admitted from invoice.deliveries where recipient = $1", story.address
        )
        assert rows[0]["admitted"], f"{len(mails)} copies for {seen['number']}, and nothing admits it"


async def no_link_takes_money(world: World) -> None:
    for books in (await world.sandbox("GET", "/_sandbox/ledger"))["accounts"].values():
        assert books["links_active"] == [], "a link is still active for an invoice that is paid or void"


async def stripes_books_equal_ours(world: World) -> None:
    accounts = (await world.sandbox("GET", "/_sandbox/ledger"))["accounts"]
    theirs = sum(books["totals"].get("eur", {}).get("received", 0) for books in accounts.values())
    row = (
        await world.database.fetch(
            "select coalesce(sum(received_minor), 0)::bigint as ours from invoice.ledger_entries where kind = 'capture'"
        )
    )[0]
    assert row["ours"] == theirs, f"Stripe received {theirs}, we booked {row['ours']}"
