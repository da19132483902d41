"""The whole product on this machine: servers found, an instance installed, every process up and ready.

Leaving `running_product` ends every process it started and takes the instance's database and queues away.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from deploy.demo.failures import CannotRun
from deploy.demo.inbox import inbox_arguments, install_inbox
from deploy.demo.instance import (
    ACCOUNT,
    ACCOUNT_NAME,
    SMTP_USERNAME,
    Instance,
    free_ports,
    new_secrets,
    outer_environment,
)
from deploy.demo.leftovers import claim_name, remove_instance, remove_leftovers
from deploy.demo.ports import PortClaims
from deploy.demo.processes import Processes, Running, python
from deploy.demo.progress import Progress
from deploy.demo.servers import Servers, servers
from deploy.install import install, run_migrations

SERVICES = ("invoice", "payment", "notification")
LOGS = Path(".demo")


@asynccontextmanager
async def running_product(
    *, progress: Progress, keep: bool = False, settings: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Instance, Processes]]:
    """Everything up, nothing in it yet. ``keep`` leaves database and queues for a look afterwards."""
    data, claims = _data_folder(), PortClaims()
    try:
        with servers(data=data, progress=progress) as found:
            async with claim_name(found.postgres_url) as name:
                instance = replace(_instance(name, found, data, claims), settings=settings or {})
                processes = Processes(logs=(LOGS / name).absolute())
                try:
                    await _bring_up(instance, processes, progress)
                    yield instance, processes
                finally:
                    processes.stop()
                    if not keep:
                        await remove_instance(name, postgres_url=found.postgres_url, broker_url=found.broker_url)
    finally:
        claims.release()
        shutil.rmtree(data, ignore_errors=True)


def _data_folder() -> Path:
    """Our own Postgres runs as another user when we are root, and has to walk to its data."""
    data = Path(tempfile.mkdtemp(prefix="invoice-demo-"))
    data.chmod(0o755)
    return data


def _instance(name: str, found: Servers, data: Path, claims: PortClaims) -> Instance:
    return Instance(
        name=name,
        folder=data,
        admin_url=found.postgres_url,
        broker_url=found.broker_url,
        ports=free_ports(claims),
        secrets=new_secrets(),
    )


async def _bring_up(instance: Instance, processes: Processes, progress: Progress) -> None:
    await remove_leftovers(postgres_url=instance.admin_url, broker_url=instance.broker_url)
    await asyncio.gather(
        _start_sandbox(instance, processes),
        _start_inbox(instance, processes, progress),
        _start_services(instance, processes, progress),
    )


async def _start_services(instance: Instance, processes: Processes, progress: Progress) -> None:
    await _install(instance, progress)
    make_keys = python("-m", "payment_service.cli", "keys", "create")
    await processes.run("keys create", make_keys, environment=instance.environment("payment"))
    started = [_start(instance, processes, service, way) for service in SERVICES for way in ("app", "worker")]
    doors = zip(started, _doors(instance), strict=True)
    await asyncio.gather(*(processes.ready(process, door) for process, door in doors))
    progress.step("three services and their workers are ready")


async def _install(instance: Instance, progress: Progress) -> None:
    async def migrate(service: str) -> None:
        await run_migrations(service, environment=instance.environment(service))

    try:
        await install(
            admin_url=instance.admin_url,
            broker_url=instance.broker_url,
            instance=instance.name,
            passwords=instance.secrets.passwords,
            migrate=migrate,
        )
    except RuntimeError as problem:
        raise CannotRun(str(problem)) from problem
    progress.step(f"installed instance {instance.name}: database, roles, schemas, queues")


def _start(instance: Instance, processes: Processes, service: str, way: str) -> Running:
    command = python("-m", f"{service}_service.{way}")
    return processes.start(f"{service}-{way}", command, environment=instance.environment(service))


def _doors(instance: Instance) -> list[str]:
    """Where each started process says that it is ready, in the order of starting."""
    ports = instance.ports
    doors = [
        ports.invoice_public, ports.invoice_worker, ports.payment_public, ports.payment_worker,
        ports.notification_private, ports.notification_worker,
    ]  # fmt: skip
    return [f"http://127.0.0.1:{port}/readyz" for port in doors]


async def _start_sandbox(instance: Instance, processes: Processes) -> None:
    command = python("-m", "stripe_sandbox.cli", "serve", "--port", str(instance.ports.sandbox))
    accounts = ["--key", f"{instance.secrets.stripe_key}={ACCOUNT}", "--account", f"{ACCOUNT}={ACCOUNT_NAME}:DE:eur"]
    sandbox = processes.start("stripe-sandbox", [*command, *accounts], environment=outer_environment())
    await processes.ready(sandbox, f"{instance.sandbox_url}/_sandbox/health")


async def _start_inbox(instance: Instance, processes: Processes, progress: Progress) -> None:
    command = await install_inbox(processes, progress)
    mails = instance.folder / "mails"
    mails.mkdir()
    arguments = inbox_arguments(smtp_port=instance.ports.smtp, web_port=instance.ports.inbox, folder=mails)
    sender = {"MAILDEV_INCOMING_USER": SMTP_USERNAME, "MAILDEV_INCOMING_PASS": instance.secrets.smtp_password}
    inbox = processes.start("inbox", [*command, *arguments], environment={**outer_environment(), **sender})
    await processes.ready(inbox, f"{instance.inbox_url}/api/healthz")
