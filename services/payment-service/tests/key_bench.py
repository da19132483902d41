"""Master keys in a file of a test's own, the commands on them, and organisations whose secrets they guard."""

import asyncio
import io
import os
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from payment_service import cli
from payment_service.actions.connect_account import connect_account
from payment_service.actions.open_access import open_access
from payment_service.actions.rotate_master_key import RotationReport, retire_master_key, rotate_master_key
from payment_service.key_vault import read_keyring_text, wrapping_key_id
from payment_service.keyring import Keyring, KeyringFile
from payment_service.keyring_edits import create_keyring
from payment_service.queries.connections import current_connection
from payment_service.stripe_door import StripeDoor
from payment_tests.fakes import KEY
from payment_tests.make import NOW, setup
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from sqlmodel.ext.asyncio.session import AsyncSession


@dataclass
class Said:
    """What a command in a process of its own answered."""

    status: int
    output: str
    errors: str


@dataclass
class KeyBench:
    rows: ServiceDatabase
    path: Path
    organizations: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        create_keyring(self.path, now=NOW)
        self.running: Keyring = self.keyring()
        """The keyring of a process that started before everything that happens in the test."""

    def keyring(self) -> KeyringFile:
        return KeyringFile(self.path, guarded=True)

    def new_organization(self) -> UUID:
        self.organizations.append(new_id())
        return self.organizations[-1]

    def kids(self) -> list[str]:
        return list(read_keyring_text(self.path.read_text()).keys)

    def secrets(self) -> list[str]:
        """Every master key as it stands in the file."""
        lines = self.path.read_text().splitlines()
        return [line.partition(":")[2] for line in lines if not line.startswith("#")]

    async def connect(self, door: StripeDoor, *, key: str = KEY, keyring: Keyring | None = None) -> UUID:
        """A new organisation that uses ``key``, polled and without a webhook."""
        organization_id = self.new_organization()
        made = setup(door, keyring=keyring or self.running, webhook_base_url="")
        await connect_account(
            database=self.rows.open("payment"), setup=made, organization_id=organization_id, secret_key=key
        )
        return organization_id

    async def opened(self, keyring: Keyring | None = None) -> set[str]:
        """The Stripe keys of all organisations, as the process that runs opens them."""
        return {await self.open(organization_id, keyring) for organization_id in self.organizations}

    async def open(self, organization_id: UUID, keyring: Keyring | None = None) -> str:
        async with self.as_app(organization_id) as session:
            return await open_in(session, organization_id, keyring or self.running)

    def as_app(self, organization_id: UUID) -> AbstractAsyncContextManager[AsyncSession]:
        return self.rows.open("payment").transaction(organization_id=organization_id)

    async def wrapped_by(self) -> list[str]:
        """The master key of each data key."""
        return [
            wrapping_key_id(row["wrapped"]) for row in await self.rows.fetch("select wrapped from payment.data_keys")
        ]

    async def rotate(
        self, keyring: Keyring | None = None, progress: Callable[[int], None] = lambda _: None
    ) -> RotationReport:
        return await rotate_master_key(
            app=self.rows.open("payment"),
            worker=self.rows.open("payment", "worker"),
            keyring=keyring or self.keyring(),
            now=NOW,
            progress=progress,
        )

    async def retire(self, kid: str, keyring: Keyring | None = None) -> None:
        await retire_master_key(worker=self.rows.open("payment", "worker"), keyring=keyring or self.keyring(), kid=kid)

    async def command(self, *words: str, **settings: str) -> Said:
        """``python -m payment_service.cli keys …``, without waiting for another Python to start. One at a time."""
        output, errors = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patched, redirect_stdout(output), redirect_stderr(errors):
            for name, value in {**self.settings(), **settings}.items():
                patched.setenv(name, value)
            status = await asyncio.to_thread(cli.main, ["keys", *words])
        return Said(status=status, output=output.getvalue(), errors=errors.getvalue())

    async def process(self, module: str, *words: str, **settings: str) -> Said:
        """The same, or another way in, as a process of its own that may be killed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *words,
            env={**os.environ, **self.settings(), **settings},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await process.communicate()
        return Said(status=process.returncode or 0, output=output.decode(), errors=errors.decode())

    def settings(self) -> dict[str, str]:
        return {
            "IC_INSTANCE": self.rows.roles_of,
            "IC_ENVIRONMENT": "test",
            "IC_DATABASE_URL": self.rows.url("payment"),
            "IC_WORKER_DATABASE_URL": self.rows.url("payment", "worker"),
            "IC_MASTER_KEYS_FILE": str(self.path),
        }

    async def somebody_waits_for_a_lock(self) -> None:
        async def waits() -> bool:
            found: list[Any] = await self.rows.fetch(
                "select 1 from pg_locks l join pg_stat_activity a using (pid)"
                " where not l.granted and a.datname = current_database()"
            )
            return bool(found)

        await run_until(waits)


async def open_in(session: AsyncSession, organization_id: UUID, keyring: Keyring) -> str:
    connection = await current_connection(session, organization_id=organization_id)
    assert connection is not None
    return (await open_access(session, connection=connection, keyring=keyring)).secret_key
