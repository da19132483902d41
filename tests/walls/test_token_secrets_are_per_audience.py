"""What a service is told to sign with opens the one service that it calls, and no other."""

import re
from pathlib import Path

from deploy.demo.instance import Instance, Ports, new_secrets

ROOT = Path(__file__).resolve().parents[2]
VERIFIES = "IC_SERVICE_TOKEN_SECRET"


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


def test_in_containers_notification_service_knows_no_secret_that_payment_service_accepts() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"(?ms)^x-(all|invoice|payment|notification): &\w+\n(.*?)^(?=\S)", text))
    named = {
        name: set(re.findall(r"\{(IC_(?:INVOICE|PAYMENT)_TOKEN_SECRET)\b", block)) for name, block in blocks.items()
    }

    assert named == {
        "all": set(),
        "invoice": {"IC_INVOICE_TOKEN_SECRET", "IC_PAYMENT_TOKEN_SECRET"},
        "payment": {"IC_PAYMENT_TOKEN_SECRET"},
        "notification": {"IC_INVOICE_TOKEN_SECRET"},
    }
