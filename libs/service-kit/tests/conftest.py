"""The kit is tested as payment-service: the schema ``payment`` with the kit's tables and two of its own."""

from pathlib import Path

import pytest
from service_kit.testing.databases import ServiceMigration


@pytest.fixture(scope="session")
def migrate_services() -> list[ServiceMigration]:
    return [ServiceMigration(schema="payment", script_location=Path(__file__).parent / "payment_migrations")]
