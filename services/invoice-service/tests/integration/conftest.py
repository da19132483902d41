"""The worker's part, for tests that go beyond the API."""

import pytest
from invoice_tests.driver import Driver
from service_kit.testing.databases import ServiceDatabase


@pytest.fixture
def driver(service_database: ServiceDatabase) -> Driver:
    return Driver(service_database)
