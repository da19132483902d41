"""The tests of the whole product share the kit's servers and have the schemas of all three services."""

import invoice_service.migrate
import notification_service.migrate
import payment_service.migrate
import pytest
from service_kit.testing.databases import ServiceMigration


@pytest.fixture(scope="session")
def migrate_services() -> list[ServiceMigration]:
    return [
        ServiceMigration(schema="invoice", script_location=invoice_service.migrate.MIGRATIONS),
        ServiceMigration(schema="payment", script_location=payment_service.migrate.MIGRATIONS),
        ServiceMigration(schema="notification", script_location=notification_service.migrate.MIGRATIONS),
    ]
