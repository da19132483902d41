"""Each service's roles reach their own schema only, and without an organisation the app role sees no row."""

import asyncpg
import pytest
from service_kit.provision import KINDS, connect
from service_kit.testing.databases import ServiceDatabase

SCHEMAS = ("invoice", "payment", "notification")


async def _tables(database: ServiceDatabase, schema: str) -> list[str]:
    rows = await database.fetch("select tablename from pg_tables where schemaname = $1 order by 1", schema)
    return [str(row["tablename"]) for row in rows]


@pytest.mark.parametrize("own", SCHEMAS)
async def test_no_role_of_a_service_reads_a_table_of_another(service_database: ServiceDatabase, own: str) -> None:
    others = {other: await _tables(service_database, other) for other in SCHEMAS if other != own}

    for kind in KINDS:
        connection = await connect(service_database.url(own, kind))
        try:
            for other, tables in others.items():
                assert len(tables) >= 5
                for table in tables:
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.fetch(f'select 1 from "{other}"."{table}" limit 1')
        finally:
            await connection.close()


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_every_table_of_organisations_forces_row_security(service_database: ServiceDatabase, schema: str) -> None:
    rows = await service_database.fetch(
        """
        select c.relname, c.relrowsecurity and c.relforcerowsecurity as forced,
               (select count(*) from pg_policy p where p.polrelid = c.oid) as policies
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped
        where n.nspname = $1 and c.relkind in ('r', 'p')
        """,
        schema,
    )

    assert len(rows) >= 4
    assert [row["relname"] for row in rows if not row["forced"] or not row["policies"]] == []


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_the_runtime_roles_cannot_pass_row_security_or_change_the_schema(
    service_database: ServiceDatabase, schema: str
) -> None:
    for kind in ("app", "worker"):
        role = service_database.role(schema, kind)
        rows = await service_database.fetch("select rolsuper, rolbypassrls from pg_roles where rolname = $1", role)
        connection = await connect(service_database.url(schema, kind))

        try:
            assert (rows[0]["rolsuper"], rows[0]["rolbypassrls"]) == (False, False)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f'create table "{schema}".planted (id int)')
        finally:
            await connection.close()
