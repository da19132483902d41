"""The step before any service starts: database, roles, schemas, migrations, queues, broker users. Safe to run again.

As a program, `python -m deploy.install`, it takes everything from the environment; the demo calls the same functions.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from service_kit.broker_users import make_users
from service_kit.provision import KINDS, SCHEMAS, database_url, provision
from service_kit.topology import declare_at

Migrate = Callable[[str], Awaitable[None]]
"""Brings the schema of one service, named ``invoice``, ``payment`` or ``notification``, to its newest form."""


@dataclass(frozen=True)
class BrokerUsers:
    """``api_url`` is RabbitMQ's management API, ``passwords`` is keyed by schema."""

    api_url: str
    passwords: Mapping[str, str] = field(repr=False)


async def install(
    *,
    admin_url: str,
    broker_url: str,
    instance: str,
    passwords: Mapping[str, str],
    migrate: Migrate,
    broker_users: BrokerUsers | None = None,
) -> None:
    """``passwords`` is keyed ``{schema}_{kind}``. The three migrations run side by side.

    Every exchange, queue and binding stands afterwards, so that no relay can publish to one that is not there. Without
    ``broker_users`` the services share whichever user their addresses name.
    """
    await provision(admin_url=admin_url, instance=instance, passwords=passwords)
    await asyncio.gather(declare_at(broker_url=broker_url, instance=instance), *map(migrate, SCHEMAS))
    if broker_users is not None:
        await make_users(
            api_url=broker_users.api_url,
            broker_url=broker_url,
            instance=instance,
            passwords=broker_users.passwords,
        )


async def run_migrations(service: str, *, environment: Mapping[str, str]) -> None:
    """``cli migrate`` of one service. Raises `RuntimeError` with what it said when it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"{service}_service.cli",
        "migrate",
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        last = "\n".join(output.decode(errors="replace").splitlines()[-15:])
        raise RuntimeError(f"{service}-service did not migrate (status {process.returncode}):\n{last}")


async def _install_from(environment: Mapping[str, str]) -> None:
    admin_url, instance = environment["IC_ADMIN_DATABASE_URL"], environment["IC_INSTANCE"]
    passwords = {f"{s}_{k}": environment[f"IC_{s.upper()}_{k.upper()}_PASSWORD"] for s in SCHEMAS for k in KINDS}

    async def migrate(service: str) -> None:
        password = passwords[f"{service}_owner"]
        url = database_url(admin_url=admin_url, instance=instance, schema=service, kind="owner", password=password)
        await run_migrations(service, environment={**environment, "IC_OWNER_DATABASE_URL": url})

    await install(
        admin_url=admin_url,
        broker_url=environment["IC_ADMIN_BROKER_URL"],
        instance=instance,
        passwords=passwords,
        migrate=migrate,
        broker_users=_broker_users_in(environment),
    )


def _broker_users_in(environment: Mapping[str, str]) -> BrokerUsers | None:
    api_url = environment.get("IC_ADMIN_BROKER_API", "")
    if not api_url:
        return None
    return BrokerUsers(
        api_url=api_url, passwords={schema: environment[f"IC_{schema.upper()}_BROKER_PASSWORD"] for schema in SCHEMAS}
    )


def main() -> int:
    try:
        asyncio.run(_install_from(os.environ))
    except KeyError as missing:
        sys.stderr.write(f"{missing.args[0]} is not set\n")
        return 2
    except RuntimeError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
