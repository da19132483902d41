"""What the tests of this service share. Files beside this one are imported as ``payment_tests.make``: the name is this
service's own, since others have such files as well.
"""

import io
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest
from payment_service.migrate import MIGRATIONS
from service_kit.log_setup import configure_logging
from service_kit.testing.databases import ServiceDatabase, ServiceMigration

_package = ModuleType("payment_tests")
_package.__path__ = [str(Path(__file__).parent)]
sys.modules.setdefault(_package.__name__, _package)

from payment_tests.fakes import FakeStripe  # noqa: E402 - the package is made above
from payment_tests.make import Desk, desk_with  # noqa: E402 - the package is made above


@pytest.fixture(scope="session", autouse=True)
def log() -> io.StringIO:
    """Everything that is logged, in production's form."""
    stream = io.StringIO()
    configure_logging(service="payment-service", log_format="json", level="DEBUG", stream=stream)
    return stream


@pytest.fixture(scope="session")
def migrate_services() -> list[ServiceMigration]:
    return [ServiceMigration(schema="payment", script_location=MIGRATIONS)]


@pytest.fixture
def stripe() -> FakeStripe:
    return FakeStripe()


@pytest.fixture
async def desk(service_database: ServiceDatabase, stripe: FakeStripe) -> AsyncIterator[Desk]:
    """One organisation, its database, a worker that runs, and Stripe in memory. Nothing is connected yet."""
    async with desk_with(service_database, stripe) as made:
        yield made
