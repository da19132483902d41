"""The way in by hand: migrate the schema, look at or replay what was parked, make, rotate and retire master keys.

Answers are JSON on standard output; the progress of a rotation is JSON on standard error.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from service_kit import crash_points
from service_kit.clock import SystemClock
from service_kit.database import Database, create_database
from service_kit.settings import MissingSetting
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.actions.rotate_master_key import (
    KeyNotRetired,
    KeysBusy,
    read_key_use,
    retire_master_key,
    rotate_master_key,
)
from payment_service.build_setup import open_keyring
from payment_service.key_vault import MasterKeysMalformed, read_master_keys
from payment_service.keyring import KeyringFile
from payment_service.keyring_edits import create_keyring
from payment_service.migrate import migrate
from payment_service.queries.parked import parked_row, parked_rows, replay_parked
from payment_service.settings import Settings

Answer = dict[str, Any]
Command = Callable[[Settings, argparse.Namespace], Awaitable[Answer]]


class NothingParked(LookupError):
    """No parked row has this id."""


async def _migrate(settings: Settings, _: argparse.Namespace) -> Answer:
    await migrate(settings.required("owner_database_url"), settings.instance)
    return {"migrated": "payment"}


async def _list(settings: Settings, wanted: argparse.Namespace) -> Answer:
    async def work(session: AsyncSession) -> Answer:
        return {"parked": await parked_rows(session, count_max=wanted.limit)}

    return await _as_worker(settings, work)


async def _show(settings: Settings, wanted: argparse.Namespace) -> Answer:
    async def work(session: AsyncSession) -> Answer:
        rows = await parked_row(session, event_id=wanted.id)
        if not rows:
            raise NothingParked(f"nothing is parked under {wanted.id}")
        return {"parked": rows}

    return await _as_worker(settings, work)


async def _replay(settings: Settings, wanted: argparse.Namespace) -> Answer:
    async def work(session: AsyncSession) -> Answer:
        if await replay_parked(session, event_id=wanted.id) == 0:
            raise NothingParked(f"nothing is parked under {wanted.id}")
        return {"ready_again": str(wanted.id)}

    return await _as_worker(settings, work)


async def _create_keys(settings: Settings, _: argparse.Namespace) -> Answer:
    path = Path(settings.required("master_keys_file"))
    initial = read_master_keys(settings.initial_master_keys) if settings.initial_master_keys else None
    made = create_keyring(path, now=SystemClock().now(), keys=initial)
    return {"created": made, "current": open_keyring(settings).newest().current}


async def _rotate_keys(settings: Settings, _: argparse.Namespace) -> Answer:
    keyring = open_keyring(settings)

    def progress(rewrapped: int) -> None:
        print(json.dumps({"rewrapped": rewrapped}), file=sys.stderr)

    async with _databases(settings) as (app, worker):
        report = await rotate_master_key(
            app=app, worker=worker, keyring=keyring, now=SystemClock().now(), progress=progress
        )
    if isinstance(keyring, KeyringFile):
        return asdict(report)
    return asdict(report) | {"note": "no key was made, because IC_MASTER_KEYS is fixed: its first key wraps everything"}


async def _retire_key(settings: Settings, wanted: argparse.Namespace) -> Answer:
    keyring = open_keyring(settings)
    async with _databases(settings) as (_, worker):
        await retire_master_key(worker=worker, keyring=keyring, kid=wanted.kid)
    return {"retired": wanted.kid}


async def _show_keys(settings: Settings, _: argparse.Namespace) -> Answer:
    keyring = open_keyring(settings)
    async with _databases(settings) as (_app, worker):
        return {"master_keys": [asdict(use) for use in await read_key_use(worker=worker, keyring=keyring)]}


@asynccontextmanager
async def _databases(settings: Settings) -> AsyncIterator[tuple[Database, Database]]:
    """The app's role for one organisation at a time, the worker's for the look across all of them."""
    app_url, worker_url = settings.required("database_url"), settings.required("worker_database_url")
    app = create_database(url=app_url, application_name="payment-service keys", pool_size=1)
    # One connection holds the lock of the whole command, another one works.
    worker = create_database(url=worker_url, application_name="payment-service keys", pool_size=2)
    try:
        yield app, worker
    finally:
        await app.dispose()
        await worker.dispose()


async def _as_worker(settings: Settings, work: Callable[[AsyncSession], Awaitable[Answer]]) -> Answer:
    database = create_database(
        url=settings.required("worker_database_url"), application_name="payment-service cli", pool_size=1
    )
    try:
        async with database.transaction(organization_id=None) as session:
            return await work(session)
    finally:
        await database.dispose()


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m payment_service.cli", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="command")
    _add(commands, "migrate", _migrate, "bring the schema to its newest form (needs IC_OWNER_DATABASE_URL)")
    parked = commands.add_parser("parked", help="what waits for a person (needs IC_WORKER_DATABASE_URL)")
    actions = parked.add_subparsers(required=True, metavar="command")
    _add(actions, "list", _list, "newest first").add_argument("--limit", type=int, default=50)
    _add(actions, "show", _show, "one row with its payload").add_argument("id", type=UUID)
    _add(actions, "replay", _replay, "try it again from the start").add_argument("id", type=UUID)
    _add_keys(commands.add_parser("keys", help="the master keys that wrap every organisation's own key"))
    return top


def _add_keys(keys: argparse.ArgumentParser) -> None:
    actions = keys.add_subparsers(required=True, metavar="command")
    _add(
        actions, "create", _create_keys, "make the file IC_MASTER_KEYS_FILE, once (with IC_INITIAL_MASTER_KEYS if set)"
    )
    needs = "(needs IC_DATABASE_URL and IC_WORKER_DATABASE_URL)"
    _add(actions, "rotate", _rotate_keys, f"make a new key and wrap everything with it, or finish doing so {needs}")
    _add(actions, "status", _show_keys, f"each key's id and how many data keys it wraps {needs}")
    _add(actions, "retire", _retire_key, f"take away a key that wraps nothing {needs}").add_argument("kid")


def _add(commands: Any, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text)
    command.set_defaults(run=run)
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Status 0 with JSON on standard output, or 1 with the reason on standard error."""
    wanted = parser().parse_args(arguments)
    try:
        settings = Settings()
        crash_points.kill_at(settings.crash_at)
        answer = asyncio.run(wanted.run(settings, wanted))
    except (MissingSetting, NothingParked, MasterKeysMalformed, KeysBusy, KeyNotRetired) as problem:
        print(str(problem), file=sys.stderr)
        return 1
    print(json.dumps(answer, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
