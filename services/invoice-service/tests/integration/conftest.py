"""The worker's part, for tests that go beyond the API."""

from collections.abc import AsyncIterator

import pytest
from invoice_tests.driver import Driver
from service_kit.testing.databases import ServiceDatabase


@pytest.fixture
async def driver(service_database: ServiceDatabase) -> AsyncIterator[Driver]:
    made = Driver(service_database)
    yield made
    await made.close()
