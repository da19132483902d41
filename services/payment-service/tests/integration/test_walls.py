"""What the roles of this schema may see: their own organisation, and nobody else's tables."""

import asyncpg
import pytest
from contracts.events.payment import PaymentLinkCreated
from payment_service.tables import REGISTRY
from payment_tests.fakes import OTHER_KEY, FakeStripe
from payment_tests.make import Desk, desk_with
from service_kit.database import run_sql
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase
from sqlalchemy.exc import DBAPIError

OWN_BY_NAME = {"app_clock", "alembic_version"}


async def _tables(rows: ServiceDatabase) -> list[str]:
    found = await rows.fetch("select tablename from pg_tables where schemaname = 'payment' order by 1")
    return [row["tablename"] for row in found if row["tablename"] not in OWN_BY_NAME]


async def test_every_table_has_forced_row_security_with_a_policy(service_database: ServiceDatabase) -> None:
    rows = await service_database.fetch(
        """
        select c.relname, c.relrowsecurity and c.relforcerowsecurity as forced,
               exists (select 1 from pg_policy p where p.polrelid = c.oid and p.polwithcheck is not null) as checked
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'payment' and c.relkind = 'r'
        """
    )

    assert {row["relname"] for row in rows if not (row["forced"] and row["checked"])} == OWN_BY_NAME


async def test_without_an_organisation_the_app_sees_no_row_and_with_another_none_of_ours(
    desk: Desk, service_database: ServiceDatabase, stripe: FakeStripe
) -> None:
    await desk.connect()
    await desk.say(desk.invoice().sent())
    await desk.hear(PaymentLinkCreated)
    async with desk_with(service_database, stripe) as other:
        await other.connect(OTHER_KEY)
    database = service_database.open("payment")

    seen: dict[str, list[int]] = {}
    for table in await _tables(service_database):
        for organization_id in (None, new_id(), desk.organization_id):
            async with database.transaction(organization_id=organization_id) as session:
                count = (await run_sql(session, f"select count(*) from payment.{table}")).scalar_one()
                seen.setdefault(table, []).append(count)

    assert {table: counts[:2] for table, counts in seen.items()} == {table: [0, 0] for table in seen}
    assert seen["payment_links"][2] == 1
    assert seen["connections"][2] == 1


async def test_the_app_cannot_write_for_another_organisation(desk: Desk, service_database: ServiceDatabase) -> None:
    database = service_database.open("payment")

    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.transaction(organization_id=desk.organization_id) as session:
            await run_sql(
                session,
                "insert into collections (organization_id, invoice_id) values (:other, :invoice)",
                {"other": new_id(), "invoice": new_id()},
            )


async def test_the_worker_role_reaches_nothing_but_inbox_and_outbox(service_database: ServiceDatabase) -> None:
    rows = await service_database.fetch(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'payment' and c.relkind = 'r' and has_table_privilege($1, c.oid, 'select')",
        service_database.role("payment", "worker"),
    )

    assert {row["relname"] for row in rows} == {"inbox", "outbox"} | OWN_BY_NAME


@pytest.mark.parametrize("table", ["provider_entries", "fetched_objects"])
async def test_what_stripe_said_is_never_changed_not_even_by_the_owner(
    service_database: ServiceDatabase, table: str
) -> None:
    database = service_database.open("payment", "owner")

    with pytest.raises(DBAPIError, match="never change"):
        async with database.transaction(organization_id=None) as session:
            await run_sql(session, f"truncate payment.{table}")


async def test_two_active_links_of_one_invoice_cannot_be(desk: Desk) -> None:
    await desk.connect()
    await desk.say(desk.invoice().sent())
    await desk.hear(PaymentLinkCreated)

    with pytest.raises(asyncpg.UniqueViolationError, match="one_active"):
        await desk.rows.fetch(
            "insert into payment.payment_links (organization_id, id, invoice_id, attempt, connection_id, status,"
            " request, amount_minor, currency, stripe_link_id, url, made_at)"
            " select organization_id, gen_random_uuid(), invoice_id, 2, connection_id, status, request, amount_minor,"
            " currency, 'plink_second', url, made_at from payment.payment_links"
        )


async def test_the_migrations_are_what_the_tables_say(service_database: ServiceDatabase) -> None:
    from_code = {(table.name, column.name) for table in REGISTRY.metadata.sorted_tables for column in table.columns}
    rows = await service_database.fetch(
        "select table_name, column_name from information_schema.columns where table_schema = 'payment'"
    )
    in_database = {(row["table_name"], row["column_name"]) for row in rows if row["table_name"] not in OWN_BY_NAME}

    assert from_code == in_database
