"""The way in by hand: migrate the schema, and look at or replay what was parked. Answers are JSON."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from service_kit.database import create_database
from service_kit.settings import MissingSetting
from sqlmodel.ext.asyncio.session import AsyncSession

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
    return top


def _add(commands: Any, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text)
    command.set_defaults(run=run)
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Status 0 with JSON on standard output, or 1 with the reason on standard error."""
    wanted = parser().parse_args(arguments)
    try:
        answer = asyncio.run(wanted.run(Settings(), wanted))
    except (MissingSetting, NothingParked) as problem:
        print(str(problem), file=sys.stderr)
        return 1
    print(json.dumps(answer, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
