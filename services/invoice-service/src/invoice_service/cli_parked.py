"""Commands for what was parked: seen with its reason, and tried again by an operator who says why."""

import argparse
from dataclasses import asdict
from typing import Any
from uuid import UUID

from contracts.catalogue import Service
from service_kit.database import Database
from service_kit.parked import list_parked, replay_parked

from invoice_service.actions.record_audit import record_audit
from invoice_service.cli_commands import Answer, add_command, add_group, add_reason, limit, with_database
from invoice_service.domain.actors import OPERATOR
from invoice_service.settings import Settings
from invoice_service.tables.messages import Inbox


class NothingParked(LookupError):
    """No parked row has this id."""


def add_parked(commands: Any) -> None:
    actions = add_group(
        commands, "parked", "what waits for a person (needs IC_WORKER_DATABASE_URL; replay also IC_DATABASE_URL)"
    )
    newest = add_command(actions, "list", _list_parked, "the oldest first, without payloads")
    newest.add_argument("--limit", type=limit, default=50)
    newest.set_defaults(id=None)
    shown = add_command(actions, "show", _list_parked, "one row with its payload")
    shown.set_defaults(limit=50)
    replayed = add_command(actions, "replay", _replay_parked, "try it again from the start, under the same id")
    add_reason(replayed)
    for command in (shown, replayed):
        command.add_argument("id", type=UUID)


async def _list_parked(settings: Settings, wanted: argparse.Namespace) -> Answer:
    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=None) as session:
            rows = await list_parked(session, event_id=wanted.id, count_max=wanted.limit)
        if wanted.id is not None and not rows:
            raise NothingParked(f"nothing is parked under {wanted.id}")
        shown = [asdict(row) for row in rows]
        for row in shown:
            if wanted.id is None:
                del row["payload"]
        return {"parked": shown}

    return await with_database(settings, work, role="worker_database_url")


async def _replay_parked(settings: Settings, wanted: argparse.Namespace) -> Answer:
    """The audit line comes first: better one too many than a replay that nobody can explain."""

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=None) as session:
            rows = await list_parked(session, event_id=wanted.id)
        for organization_id in {row.organization_id for row in rows if row.organization_id is not None}:
            await _audit_replay(settings, organization_id, wanted.id, wanted.reason)
        async with database.transaction(organization_id=None) as session:
            replayed = await replay_parked(session, Inbox, event_ids=[wanted.id], service=Service.INVOICE)
        if not replayed:
            raise NothingParked(f"nothing is parked under {wanted.id}")
        return {"ready_again": [str(event_id) for event_id in replayed]}

    return await with_database(settings, work, role="worker_database_url")


async def _audit_replay(settings: Settings, organization_id: UUID, event_id: UUID, reason: str) -> None:
    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=organization_id) as session:
            await record_audit(
                session,
                organization_id=organization_id,
                actor=OPERATOR,
                action="replay_parked",
                object_type="event",
                object_id=str(event_id),
                details={"reason": reason},
            )
        return {}

    await with_database(settings, work)
