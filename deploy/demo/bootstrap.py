"""The first organisation with its API key and its owner, made the way an operator makes them: by the command line."""

import json
import secrets
from dataclasses import dataclass

from deploy.demo.instance import ACCOUNT_NAME, Instance
from deploy.demo.owner import Owner
from deploy.demo.processes import Processes, python

OWNER_EMAIL = "johanna@nordlicht.example"
OWNER_NAME = "Johanna Hellström"


@dataclass(frozen=True)
class FirstOrganization:
    api_key: str
    owner: Owner


async def first_organization(
    instance: Instance, processes: Processes, *, owner_email: str = OWNER_EMAIL
) -> FirstOrganization:
    """Each call makes an organisation of its own."""
    command = python("-m", "invoice_service.cli", *bootstrap_arguments(owner_email=owner_email))
    return organization_in(await processes.run("bootstrap", command, environment=instance.environment("invoice")))


def bootstrap_arguments(*, owner_email: str) -> tuple[str, ...]:
    organization = ("--name", ACCOUNT_NAME, "--email", "rechnung@nordlicht.example")
    return ("bootstrap", *organization, "--owner-email", owner_email, "--owner-name", OWNER_NAME)


def fresh_owner_email() -> str:
    """Whoever has an account keeps their password and gets no link; this address is nobody's yet."""
    return f"johanna+{secrets.token_hex(4)}@nordlicht.example"


def organization_in(answer: str) -> FirstOrganization:
    """The command prints one JSON object; key and link are shown there and never again."""
    made = json.loads(answer)
    return FirstOrganization(made["api_key"], Owner(email=made["owner"]["email"], link=made["owner"]["link"]))
