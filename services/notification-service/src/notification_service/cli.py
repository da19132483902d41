"""The way in by hand: migrate the schema; list, show and replay what was parked. Answers are JSON."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from contracts.catalogue import Service, UndecodableMessage
from contracts.ids import MalformedId, format_id, parse_id
from service_kit.database import Database, create_database
from service_kit.errors import DomainError, ErrorKind
from service_kit.parked import ParkedRow, list_parked, replay_parked
from service_kit.settings import MissingSetting

from notification_service.migrate import migrate
from notification_service.settings import Settings
from notification_service.tables import Inbox

Answer = dict[str, Any]
Command = Callable[[Settings, argparse.Namespace], Awaitable[Answer]]


class NotParked(DomainError):
    slug = "not-parked"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such parked row"


async def _migrate(settings: Settings, _: argparse.Namespace) -> Answer:
    await migrate(settings.required("owner_database_url"), settings.instance)
    return {"migrated": "notification"}


async def _list(settings: Settings, _: argparse.Namespace) -> Answer:
    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=None) as session:
            return {"parked": [_shown(row) for row in await list_parked(session)]}

    return await _with_database(settings, work)


async def _show(settings: Settings, wanted: argparse.Namespace) -> Answer:
    event_id = read_id(wanted.id)

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=None) as session:
            for row in await list_parked(session, event_id=event_id):
                return {**_shown(row), "first_error": row.first_error, "payload": row.payload}
        raise NotParked(f"nothing with id {wanted.id} is parked")

    return await _with_database(settings, work)


async def _replay(settings: Settings, wanted: argparse.Namespace) -> Answer:
    event_id = read_id(wanted.id)

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=None) as session:
            replayed = await replay_parked(session, Inbox, event_ids=[event_id], service=Service.NOTIFICATION)
        if not replayed:
            raise NotParked(f"nothing with id {wanted.id} is parked")
        return {"replayed": wanted.id}

    return await _with_database(settings, work)


async def _with_database(settings: Settings, work: Callable[[Database], Awaitable[Answer]]) -> Answer:
    database = create_database(
        url=settings.required("worker_database_url"), application_name="notification-service cli", pool_size=1
    )
    try:
        return await work(database)
    finally:
        await database.dispose()


def read_id(text: str) -> UUID:
    """``evt_…`` or a plain UUID. Raises `MalformedId`."""
    if text.startswith("evt_"):
        return parse_id("evt", text)
    try:
        return UUID(text)
    except ValueError:
        raise MalformedId("expected an id such as evt_… or a UUID") from None


def _shown(row: ParkedRow) -> Answer:
    return {
        "id": format_id("evt", row.event_id),
        "type": row.type,
        "organization_id": format_id("org", row.organization_id) if row.organization_id else None,
        "parked_at": row.parked_at.isoformat(),
        "attempts": row.attempts,
        "reason": row.park_reason,
        "last_error": row.last_error,
    }


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m notification_service.cli", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="command")
    _add(commands, "migrate", _migrate, "bring the schema to its newest form (needs IC_OWNER_DATABASE_URL)")
    parked = commands.add_parser("parked", help="what waits for a person (needs IC_WORKER_DATABASE_URL)")
    kinds = parked.add_subparsers(required=True, metavar="command")
    _add(kinds, "list", _list, "what is parked and why, oldest first")
    _add(kinds, "show", _show, "one parked row with its content").add_argument("id", help="evt_…")
    _add(kinds, "replay", _replay, "try it again from the start").add_argument("id", help="evt_…")
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
    except (DomainError, MalformedId, MissingSetting, UndecodableMessage) as problem:
        print(str(problem), file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
