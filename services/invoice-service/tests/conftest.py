"""What the tests of this service share: its schema in a fresh database, its API, and organisations with a key in hand.

Files beside this one are imported as ``invoice_tests.make``: the name is this service's own, since others have such
files as well.
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from invoice_service.app import create_private_app, create_public_app
from invoice_service.dependencies import Dependencies
from invoice_service.migrate import MIGRATIONS
from service_kit.testing.databases import ServiceDatabase, ServiceMigration

_package = ModuleType("invoice_tests")
_package.__path__ = [str(Path(__file__).parent)]
sys.modules.setdefault(_package.__name__, _package)

from invoice_tests import make  # noqa: E402 - the package is made above
from invoice_tests.make import Account  # noqa: E402 - the package is made above


@pytest.fixture(scope="session")
def migrate_services() -> list[ServiceMigration]:
    return [ServiceMigration(schema="invoice", script_location=MIGRATIONS)]


@pytest.fixture
def dependencies(service_database: ServiceDatabase) -> Dependencies:
    return make.dependencies(service_database.open("invoice"))


@pytest.fixture
async def public_http(dependencies: Dependencies) -> AsyncIterator[httpx.AsyncClient]:
    """The public listener, without a key."""
    transport = httpx.ASGITransport(app=create_public_app(dependencies))
    async with httpx.AsyncClient(transport=transport, base_url="http://invoices.test") as client:
        yield client


@pytest.fixture
async def private_http(dependencies: Dependencies) -> AsyncIterator[httpx.AsyncClient]:
    """The private listener, without a token."""
    transport = httpx.ASGITransport(app=create_private_app(dependencies))
    async with httpx.AsyncClient(transport=transport, base_url="http://private.test") as client:
        yield client


@pytest.fixture
async def new_account(dependencies: Dependencies, public_http: httpx.AsyncClient) -> Callable[..., Awaitable[Account]]:
    """Makes one more organisation with a key; keyword arguments as `make.account`."""

    async def build(**overrides: object) -> Account:
        return await make.account(dependencies, public_http, **overrides)  # type: ignore[arg-type]

    return build


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[Account]]) -> Account:
    """An organisation in Berlin with a key that may read and write."""
    return await new_account()
