"""The pytest plugin: real servers, a fresh database and own broker names per test, and what was published.

A service's conftest says ``pytest_plugins = ["service_kit.testing.fixtures"]`` and overrides `migrate_services`.
"""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from contracts.catalogue import CATALOGUE, Service
from contracts.envelope import Envelope, event_source, new_envelope

from service_kit.broker import connected
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import (
    PREFIX,
    DatabaseTemplates,
    ServiceDatabase,
    ServiceMigration,
    drop_leftovers,
)
from service_kit.testing.servers import find_or_start_postgres, find_or_start_rabbitmq, run_blocking
from service_kit.topology import declare_topology, delete_topology, short_name


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """An administrator's address; the tests fail when there is none."""
    server = find_or_start_postgres(os.environ)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    server = find_or_start_rabbitmq(os.environ)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def migrate_services() -> list[ServiceMigration]:
    """Which schemas a test's database has. Each service overrides this with its own."""
    return []


@pytest.fixture(scope="session")
def database_templates(postgres_url: str) -> Iterator[DatabaseTemplates]:
    run_blocking(drop_leftovers(postgres_url))
    templates = DatabaseTemplates(admin_url=postgres_url)
    yield templates
    run_blocking(templates.drop_all())


@pytest.fixture
def instance() -> str:
    """A name that no other test uses."""
    return f"{PREFIX}{secrets.token_hex(6)}"


@pytest.fixture
async def service_database(
    database_templates: DatabaseTemplates, migrate_services: list[ServiceMigration]
) -> AsyncIterator[ServiceDatabase]:
    """This test's database with the schemas of `migrate_services`."""
    database = await database_templates.clone(migrate_services)
    yield database
    await database_templates.drop(database)


@pytest.fixture
async def broker(broker_url: str, instance: str) -> AsyncIterator[KitBroker]:
    """The topology of this test's instance on the real broker."""
    async with connected(broker_url, name=instance) as connection:
        await declare_topology(connection, instance=instance)
        yield KitBroker(url=broker_url, instance=instance, connection=connection)
        await delete_topology(connection, instance=instance)


@pytest.fixture
def published(service_database: ServiceDatabase) -> Callable[[Service], Awaitable[list[Envelope]]]:
    """``await published(Service.INVOICE)``: everything that service has put into its outbox, in order."""

    async def read(service: Service) -> list[Envelope]:
        return await outbox_of(service_database, service)

    return read


async def outbox_of(database: ServiceDatabase, service: Service) -> list[Envelope]:
    table = f'"{short_name(service)}".outbox'
    rows = await database.fetch(f"select *, payload::text as body from {table} order by id")  # noqa: S608 - our own name
    return [
        new_envelope(
            event=CATALOGUE[row["type"]].event.model_validate_json(row["body"]),
            event_id=row["event_id"],
            source=event_source(service.value),
            subject=row["subject"],
            time=row["occurred_at"],
            correlation_id=row["correlation_id"],
            causation_id=row["causation_id"],
            traceparent=row["traceparent"],
            sequence=row["id"],
        )
        for row in rows
    ]
