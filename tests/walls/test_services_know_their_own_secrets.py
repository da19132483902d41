"""A service is told the secrets of its own doors and of those it calls, and no others."""

import re
from pathlib import Path

import pytest
from contracts.catalogue import Service
from service_kit.broker_users import user_name
from service_kit.topology import short_name

from deploy.demo.instance import Instance, Ports, new_secrets

ROOT = Path(__file__).resolve().parents[2]
VERIFIES = "IC_SERVICE_TOKEN_SECRET"
OPENS = re.compile(r"\{(\w+_TOKEN_SECRET|\w+_BROKER_PASSWORD|RABBITMQ_PASSWORD|POSTGRES_PASSWORD)\b")


def environments() -> dict[str, dict[str, str]]:
    instance = Instance(
        name="icdemo_walls",
        folder=ROOT,
        admin_url="postgresql+asyncpg://admin@127.0.0.1:5432/postgres",
        broker_url="amqp://guest:guest@127.0.0.1:5672/",
        ports=Ports(*range(11)),
        secrets=new_secrets(),
    )
    return {service: instance.environment(service) for service in ("invoice", "payment", "notification")}


def test_in_the_demo_notification_service_knows_no_secret_that_payment_service_accepts() -> None:
    told = environments()

    assert told["payment"][VERIFIES] not in told["notification"].values()
    assert told["payment"][VERIFIES] == told["invoice"]["IC_PAYMENT_TOKEN_SECRET"]
    assert told["invoice"][VERIFIES] == told["notification"]["IC_INVOICE_TOKEN_SECRET"]
    assert told["invoice"][VERIFIES] not in told["payment"].values()


def secrets_in_containers() -> dict[str, set[str]]:
    """Which secrets that open another process's door each service is told, by their names in .env."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"(?ms)^x-(all|invoice|payment|notification): &\w+\n(.*?)^(?=\S)", text))
    return {name: set(OPENS.findall(block)) - {"IC_PAGE_TOKEN_SECRET"} for name, block in blocks.items()}


def test_in_containers_a_service_knows_its_own_broker_user_and_whom_it_may_call() -> None:
    assert secrets_in_containers() == {
        "all": set(),
        "invoice": {"IC_INVOICE_TOKEN_SECRET", "IC_PAYMENT_TOKEN_SECRET", "IC_INVOICE_BROKER_PASSWORD"},
        "payment": {"IC_PAYMENT_TOKEN_SECRET", "IC_PAYMENT_BROKER_PASSWORD"},
        "notification": {"IC_INVOICE_TOKEN_SECRET", "IC_NOTIFICATION_BROKER_PASSWORD"},
    }


@pytest.mark.parametrize("service", list(Service))
def test_in_containers_a_service_connects_as_the_user_that_install_makes(service: Service) -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8").replace("${IC_INSTANCE:-icentral}", "icentral")
    password = f"${{IC_{short_name(service).upper()}_BROKER_PASSWORD:?}}"

    assert f"IC_BROKER_URL: amqp://{user_name('icentral', service)}:{password}@rabbitmq:5672/\n" in text
