"""No service's role reaches another's tables, and without an organisation the app's role sees nothing."""

import asyncpg
import pytest
from service_kit.provision import connect

from tests.journeys.conftest import Product
from tests.journeys.organization import Organization

ROLES = [(service, kind) for service in ("invoice", "payment", "notification") for kind in ("app", "worker")]


@pytest.mark.parametrize(("service", "kind"), ROLES)
async def test_a_role_of_one_service_cannot_read_the_tables_of_another(
    product: Product, organization: Organization, service: str, kind: str
) -> None:
    name = "IC_DATABASE_URL" if kind == "app" else "IC_WORKER_DATABASE_URL"
    connection = await connect(product.instance.environment(service)[name])
    others = {"invoice": "payment.inbox", "payment": "invoice.invoices", "notification": "invoice.inbox"}
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch(f"select * from {others[service]}")
    finally:
        await connection.close()


async def test_without_an_organisation_the_app_role_sees_no_row(product: Product, organization: Organization) -> None:
    await organization.draft(method="manual")
    connection = await connect(product.instance.environment("invoice")["IC_DATABASE_URL"])
    try:
        counts = {
            table: await connection.fetchval(f"select count(*) from {table}")
            for table in ("organizations", "customers", "invoices", "templates", "ledger_entries", "outbox", "inbox")
        }
    finally:
        await connection.close()

    assert set(counts.values()) == {0}
