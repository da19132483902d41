"""Secrets that only the installation knows: its settings, and what payment-service keeps sealed, opened to be known."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from payment_service.actions.open_access import open_signing_secrets
from payment_service.key_vault import MasterKeys, read_keyring_text, unwrap_data_key
from payment_service.keyring import FixedKeyring
from payment_service.tables import DataKeyRow, WebhookEndpoint
from service_kit.database import create_database
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from deploy.demo.instance import Instance
from tests.journeys.canaries import ROW, Canary, canary

_OF_SETTINGS = re.compile(r"IC_\w*(SECRET|PEPPER|PASSWORD|KEYS?)\w*|IC_\w*(DATABASE|BROKER)_URL")
SERVICES = ("invoice", "payment", "notification")


def of_settings(instance: Instance) -> Iterator[Canary]:
    """Every secret that a process finds in its environment, by the name of the variable."""
    for service in SERVICES:
        for name, value in instance.environment(service).items():
            if _OF_SETTINGS.fullmatch(name):
                yield from _of_setting(name, value)


def _of_setting(name: str, value: str) -> Iterator[Canary]:
    if name.endswith("_FILE"):
        for key in read_keyring_text(Path(value).read_text()).keys.values():
            yield Canary("master key", key)
    elif name.endswith("_URL"):
        user_and_password = urlsplit(value).netloc.rpartition("@")[0]
        password = user_and_password.partition(":")[2]
        # A short password, such as the guest's of a broker of this machine, is known by the user before it.
        yield canary(name, password if len(password) >= ROW else f"{user_and_password}@")
    else:
        yield canary(name, value)


async def of_payment_service(instance: Instance, *, organization_id: UUID) -> list[Canary]:
    """The organisation's own encryption keys, and what Stripe signs its webhooks with."""
    keyring = FixedKeyring(_master_keys(instance))
    async with _rows_of(instance, organization_id) as session:
        keys = [
            unwrap_data_key(row.wrapped, organization_id=organization_id, key_id=row.id, master_keys=keyring.newest())
            for row in (await session.exec(select(DataKeyRow))).all()
        ]
        signing = [
            secret
            for endpoint in (await session.exec(select(WebhookEndpoint))).all()
            for secret in await open_signing_secrets(session, endpoint=endpoint, keyring=keyring)
        ]
    return [*(Canary("data key", key.key) for key in keys), *(canary("webhook secret", secret) for secret in signing)]


async def webhook_addresses(instance: Instance, *, organization_id: UUID) -> list[str]:
    """Where Stripe calls for this organisation."""
    async with _rows_of(instance, organization_id) as session:
        return [endpoint.url for endpoint in (await session.exec(select(WebhookEndpoint))).all()]


@asynccontextmanager
async def _rows_of(instance: Instance, organization_id: UUID) -> AsyncIterator[AsyncSession]:
    """What payment-service sees when it works for this organisation."""
    url = instance.environment("payment")["IC_DATABASE_URL"]
    database = create_database(url=url, application_name="journeys", pool_size=1)
    try:
        async with database.transaction(organization_id=organization_id) as session:
            yield session
    finally:
        await database.dispose()


def _master_keys(instance: Instance) -> MasterKeys:
    return read_keyring_text(Path(instance.environment("payment")["IC_MASTER_KEYS_FILE"]).read_text())
