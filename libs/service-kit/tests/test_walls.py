"""Provisioning and topology: making them again changes nothing, and nobody reaches what is not theirs."""

import secrets
from collections.abc import AsyncIterator, Mapping

import asyncpg
import pytest
from aio_pika.exceptions import ChannelPreconditionFailed
from contracts.catalogue import Service
from service_kit.provision import connect, database_url, provision, quoted
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import DatabaseTemplates, ServiceDatabase, ServiceMigration
from service_kit.topology import declare_topology

INSTANCE = "ict_walls"


@pytest.fixture
async def provisioned(postgres_url: str) -> AsyncIterator[str]:
    instance = f"{INSTANCE}_{secrets.token_hex(3)}"
    for _ in range(2):
        await provision(admin_url=postgres_url, instance=instance, passwords={"invoice_app": 'it\'s a "password"'})
    yield instance
    admin = await connect(postgres_url)
    await admin.execute(f"drop database {quoted(instance)} with (force)")
    for row in await admin.fetch("select rolname from pg_roles where starts_with(rolname, $1)", instance):
        await admin.execute(f"drop role {quoted(row['rolname'])}")
    await admin.close()


async def test_provisioning_twice_gives_nine_plain_roles_and_three_schemas(provisioned: str, postgres_url: str) -> None:
    inside = await connect(database_url(admin_url=postgres_url, instance=provisioned, schema="invoice", kind="owner"))
    roles = await inside.fetch("select * from pg_roles where starts_with(rolname, $1)", provisioned)
    schemas = await inside.fetch(
        "select nspname from pg_namespace where nspname in ('invoice','payment','notification')"
    )
    await inside.close()

    assert len(roles) == 9
    assert not any(
        row["rolsuper"] or row["rolbypassrls"] or row["rolcreatedb"] or row["rolcreaterole"] for row in roles
    )
    assert len(schemas) == 3


async def test_a_password_is_stored_as_a_verifier(provisioned: str, postgres_url: str) -> None:
    admin = await connect(postgres_url)
    stored = await admin.fetchval("select rolpassword from pg_authid where rolname = $1", f"{provisioned}_invoice_app")
    await admin.close()

    assert stored.startswith("SCRAM-SHA-256$")


async def test_no_role_reaches_another_schema_or_makes_tables_where_it_should_not(
    provisioned: str, postgres_url: str
) -> None:
    owner = await connect(database_url(admin_url=postgres_url, instance=provisioned, schema="invoice", kind="owner"))
    await owner.execute("create table things (id integer)")
    for schema, kind in (("payment", "app"), ("payment", "worker"), ("payment", "owner"), ("invoice", "app")):
        role = await connect(database_url(admin_url=postgres_url, instance=provisioned, schema=schema, kind=kind))
        for statement in (
            "select * from invoice.things",
            "create table invoice.mine (id integer)",
            "create table public.mine (id integer)",
            "create schema mine",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(statement)
        await role.close()
    await owner.close()


async def test_every_table_with_an_organisation_forces_row_security(service_database: ServiceDatabase) -> None:
    rows = await service_database.fetch(
        "select c.relname, c.relrowsecurity and c.relforcerowsecurity as walled from pg_class c "
        "join pg_attribute a on a.attrelid = c.oid and a.attname = 'organization_id' "
        "where c.relkind = 'r' and c.relnamespace = 'payment'::regnamespace"
    )

    assert {row["relname"] for row in rows} == {"outbox", "inbox", "idempotency_keys", "effects", "entries"}
    assert all(row["walled"] for row in rows)


async def test_a_clone_is_its_own_database(
    database_templates: DatabaseTemplates, migrate_services: list[ServiceMigration], service_database: ServiceDatabase
) -> None:
    other = await database_templates.clone(migrate_services)
    await other.fetch("insert into payment.entries values (gen_random_uuid(), 1)")

    assert await service_database.fetch("select * from payment.entries") == []
    await database_templates.drop(other)


async def test_declaring_the_topology_again_changes_nothing(broker: KitBroker) -> None:
    await broker.send(
        exchange=f"{broker.instance}.invoice", routing_key="invoice.sent.v1", body=b"kept", headers={"ce-id": "x"}
    )

    await declare_topology(broker.connection, instance=broker.instance)

    for service in (Service.PAYMENT, Service.NOTIFICATION):
        assert await broker.depth(broker.inbox_queue(service)) == 1
    assert await broker.depth(broker.inbox_queue(Service.INVOICE)) == 0


async def test_every_queue_is_what_the_design_says_and_nothing_else(broker: KitBroker) -> None:
    inbox: dict[str, str | int] = {
        "x-queue-type": "quorum",
        "x-delivery-limit": 50,
        "x-dead-letter-exchange": f"{broker.instance}.dead",
        "x-dead-letter-routing-key": "invoice",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": 1_000_000,
    }
    stated: dict[str, dict[str, str | int]] = {
        f"{broker.instance}.invoice.inbox.v1": inbox,
        f"{broker.instance}.invoice.dead.v1": {"x-queue-type": "quorum"},
    }

    for queue, arguments in stated.items():
        assert await _refusal(broker, queue, arguments) == ""
        assert "'x-queue-type'" in await _refusal(broker, queue, {**arguments, "x-queue-type": "classic"})
        for name in arguments:
            others = {other: value for other, value in arguments.items() if other != name}
            assert f"'{name}'" in await _refusal(broker, queue, others)


async def _refusal(broker: KitBroker, queue: str, arguments: Mapping[str, str | int]) -> str:
    """Declare ``queue`` so: the words of the broker's 406, or none where the queue is exactly this already."""
    channel = await broker.connection.channel()
    try:
        await channel.declare_queue(queue, durable=True, arguments=dict(arguments), timeout=10)
    except ChannelPreconditionFailed as refusal:
        return str(refusal)
    finally:
        await channel.close()
    return ""
