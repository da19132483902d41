"""What the install step leaves on a broker: a user for each service that speaks in its own name only."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from contracts.catalogue import Service
from service_kit.broker import BrokerUnavailable, connected
from service_kit.broker_users import user_url
from service_kit.provision import KINDS, SCHEMAS
from service_kit.testing.brokers import KitBroker
from service_kit.testing.own_rabbitmq import OwnRabbit, free_port
from service_kit.testing.servers import port_open
from service_kit.testing.waiting import run_until
from service_kit.topology import short_name

from deploy.demo.instance import outer_environment
from deploy.demo.leftovers import claim_name, remove_instance

PASSWORDS = {schema: f"broker-password-of-{schema}-0123" for schema in SCHEMAS}
EVENTS = {
    "invoice": "invoice.sent.v1",
    "payment": "payment.received.v1",
    "notification": "notification.email_sent.v1",
}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[OwnRabbit]:
    own = OwnRabbit(directory=tmp_path / "rabbit", management_port=free_port())
    own.start()
    yield own
    own.kill()


@pytest.fixture
async def installed(node: OwnRabbit, postgres_url: str) -> AsyncIterator[str]:
    """The instance's name."""
    await run_until(lambda: management_answers(node))
    async with claim_name(postgres_url) as instance:
        environment = {
            **outer_environment(),
            "IC_INSTANCE": instance,
            "IC_ENVIRONMENT": "test",
            "IC_ADMIN_DATABASE_URL": postgres_url,
            "IC_ADMIN_BROKER_URL": node.url,
            "IC_ADMIN_BROKER_API": node.management_url,
            **{f"IC_{s.upper()}_{k.upper()}_PASSWORD": f"{s}-{k}-0123456789" for s in SCHEMAS for k in KINDS},
            **{f"IC_{schema.upper()}_BROKER_PASSWORD": password for schema, password in PASSWORDS.items()},
        }
        try:
            process = await asyncio.create_subprocess_exec(sys.executable, "-m", "deploy.install", env=environment)
            assert await process.wait() == 0
            yield instance
        finally:
            await remove_instance(instance, postgres_url=postgres_url, broker_url=node.url)


async def management_answers(node: OwnRabbit) -> bool:
    return port_open("127.0.0.1", node.management_port)


async def test_after_the_install_step_each_service_speaks_in_its_own_name_only(node: OwnRabbit, installed: str) -> None:
    for service in Service:
        url = user_url(node.url, instance=installed, service=service, password=PASSWORDS[short_name(service)])
        async with connected(url, name="service") as connection:
            voice = KitBroker(url=url, instance=installed, connection=connection)
            said = {
                name: voice.send(exchange=f"{installed}.{name}", routing_key=event_type, body=b"{}")
                for name, event_type in EVENTS.items()
            }

            await said.pop(short_name(service))
            for another in said.values():
                with pytest.raises(BrokerUnavailable, match="ChannelAccessRefused"):
                    await another
