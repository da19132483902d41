"""The first organisation and its API key, made the way an operator makes them: by the service's command line."""

import json

from deploy.demo.instance import ACCOUNT_NAME, Instance
from deploy.demo.processes import Processes, python

ARGUMENTS = ("bootstrap", "--name", ACCOUNT_NAME, "--email", "rechnung@nordlicht.example")


async def first_api_key(instance: Instance, processes: Processes) -> str:
    """Each call makes an organisation of its own."""
    command = python("-m", "invoice_service.cli", *ARGUMENTS)
    answer = await processes.run("bootstrap", command, environment=instance.environment("invoice"))
    return api_key_in(answer)


def api_key_in(answer: str) -> str:
    """The command prints one JSON object; the key is shown there and never again."""
    key = json.loads(answer)["api_key"]
    return str(key)
