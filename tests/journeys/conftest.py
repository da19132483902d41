"""One running product for all journeys, started as `make demo` starts it, and an organisation of its own for each."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from deploy.demo.api import InvoiceApi, invoice_api
from deploy.demo.bootstrap import first_organization, fresh_owner_email
from deploy.demo.instance import Instance
from deploy.demo.journey import Addresses
from deploy.demo.processes import Processes
from deploy.demo.product import running_product
from deploy.demo.progress import Progress
from tests.journeys.organization import Organization
from tests.journeys.places import listen, stop_listening


@dataclass(frozen=True)
class Product:
    instance: Instance
    processes: Processes


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def product() -> AsyncIterator[Product]:
    """Its logs say the most that they can, and every message is overheard from the first on."""
    async with running_product(progress=Progress(), settings={"IC_LOG_LEVEL": "debug"}) as (instance, processes):
        await listen(instance)
        yield Product(instance=instance, processes=processes)
        await stop_listening(instance)


async def new_organization(product: Product) -> Addresses:
    """With an account of its own in the sandbox that it is not connected to yet."""
    instance = product.instance
    key, account = f"sk_test_{secrets.token_hex(12)}", f"acct_1{secrets.token_hex(6)}"
    async with httpx.AsyncClient(base_url=instance.sandbox_url, timeout=10, trust_env=False) as client:
        (await client.post("/_sandbox/keys", json={"key": key, "account": account})).raise_for_status()
    made = await first_organization(instance, product.processes, owner_email=fresh_owner_email())
    return Addresses(
        api=instance.api_url,
        inbox=instance.inbox_url,
        sandbox=instance.sandbox_url,
        api_key=made.api_key,
        stripe_key=key,
        owner=made.owner,
    )


@pytest.fixture
async def addresses(product: Product) -> Addresses:
    """A new organisation that nobody else has used."""
    return await new_organization(product)


@pytest.fixture
async def api(addresses: Addresses) -> AsyncIterator[InvoiceApi]:
    async with invoice_api(addresses.api, api_key=addresses.api_key) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def connected(product: Product) -> Addresses:
    """One organisation that is connected to the sandbox, for all stories that do not mind the others' invoices."""
    addresses = await new_organization(product)
    async with invoice_api(addresses.api, api_key=addresses.api_key) as api:
        await Organization(api=api, addresses=addresses).connect_stripe()
    return addresses


@pytest.fixture
async def organization(connected: Addresses) -> AsyncIterator[Organization]:
    async with invoice_api(connected.api, api_key=connected.api_key) as api:
        yield Organization(api=api, addresses=connected)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """All journeys go to one process when tests run in several: the product is started once."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        if "product" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("journeys"))
