"""The worker's part, for tests that go beyond the API; and people, for those that need more than a key."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from invoice_service.dependencies import Dependencies
from invoice_tests import people, signing_in
from invoice_tests.driver import Driver
from invoice_tests.people import SignedInPerson
from invoice_tests.signing_in import House
from service_kit.testing.databases import ServiceDatabase


@pytest.fixture
async def driver(service_database: ServiceDatabase) -> AsyncIterator[Driver]:
    made = Driver(service_database)
    yield made
    await made.close()


@pytest.fixture
def new_person(dependencies: Dependencies, public_http: httpx.AsyncClient) -> Callable[..., Awaitable[SignedInPerson]]:
    """Makes one more person with a live session; keyword arguments as `people.person`."""

    async def build(**wanted: Any) -> SignedInPerson:
        return await people.person(dependencies, public_http, **wanted)

    return build


@pytest.fixture
def house(dependencies: Dependencies, service_database: ServiceDatabase) -> House:
    """Our pages, met by browsers, with passwords that are counted."""
    return signing_in.house(dependencies, service_database)
