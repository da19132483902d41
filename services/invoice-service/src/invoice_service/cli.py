"""The way in by hand: migrate, make the first organisation and its keys, look at what was parked. Answers are JSON."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from contracts.catalogue import Service, UndecodableMessage
from contracts.ids import MalformedId, format_id, parse_id
from service_kit.database import Database, app_now, create_database
from service_kit.errors import DomainError
from service_kit.identifiers import new_id
from service_kit.parked import list_parked, replay_parked
from service_kit.settings import MissingSetting
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service import people_commands
from invoice_service.actions.api_keys.create_api_key import NewApiKey, create_api_key
from invoice_service.actions.api_keys.revoke_api_key import revoke_api_key
from invoice_service.actions.api_keys.roll_api_key import OVERLAP_SECONDS_MAX, roll_api_key
from invoice_service.actions.organizations.create_organization import create_organization
from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.actions.record_audit import record_audit
from invoice_service.domain.actors import OPERATOR
from invoice_service.domain.api_keys import SCOPES
from invoice_service.domain.permissions import OF_ROLE, Role
from invoice_service.domain.recipients import check_recipients
from invoice_service.migrate import migrate
from invoice_service.queries.organizations import find_organization, list_api_keys
from invoice_service.settings import Settings
from invoice_service.tables.messages import Inbox
from invoice_service.tables.organizations import ApiKey


class NothingParked(LookupError):
    """No parked row has this id."""


Answer = dict[str, Any]
Command = Callable[[Settings, argparse.Namespace], Awaitable[Answer]]


async def _migrate(settings: Settings, _: argparse.Namespace) -> Answer:
    await migrate(settings.required("owner_database_url"), settings.instance)
    return {"migrated": "invoice"}


async def _bootstrap(settings: Settings, wanted: argparse.Namespace) -> Answer:
    organization_id = new_id()

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=organization_id) as session:
            now = await app_now(session)
            organization = await create_organization(
                session, organization_id=organization_id, name=wanted.name, email=wanted.email, now=now
            )
            made = await create_api_key(
                session,
                organization_id=organization_id,
                name="first key",
                scopes=SCOPES,
                live=settings.api_keys_are_live,
                pepper=settings.required("api_key_pepper"),
                now=now,
                created_by=OPERATOR.id,
            )
            await _audit_key(session, made.row, "bootstrap")
            owner: Answer = {}
            if wanted.owner_email:
                desk, name = _desk(settings, database), wanted.owner_name or wanted.owner_email
                owner = await people_commands.make_owner(
                    session, desk, organization_id=organization_id, email=wanted.owner_email, name=name
                )
        named = {"owner": owner} if owner else {}
        return {"organization_id": format_id("org", organization.id), **_shown_once(made), **named}

    return await _with_database(settings, work)


def _desk(settings: Settings, database: Database) -> AccountDesk:
    secret = settings.required("account_secret")
    return people_commands.desk_by_hand(database, account_secret=secret, public_url=settings.served_at())


async def _create_owner(settings: Settings, wanted: argparse.Namespace) -> Answer:
    organization_id = parse_id("org", wanted.organization)

    async def work(database: Database) -> Answer:
        desk = _desk(settings, database)
        if not wanted.password_stdin:
            return await people_commands.owner_with_link(
                desk, organization_id=organization_id, email=wanted.email, name=wanted.name
            )
        password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
        return await people_commands.owner_with_password(
            desk, organization_id=organization_id, email=wanted.email, name=wanted.name, password=password
        )

    return await _with_database(settings, work)


async def _link_owner(settings: Settings, wanted: argparse.Namespace) -> Answer:
    organization_id = parse_id("org", wanted.organization)

    async def work(database: Database) -> Answer:
        desk = _desk(settings, database)
        return await people_commands.link_again(desk, organization_id=organization_id, email=wanted.email)

    return await _with_database(settings, work)


async def _about_person(settings: Settings, wanted: argparse.Namespace) -> Answer:
    async def work(database: Database) -> Answer:
        answer: Answer = await wanted.about(_desk(settings, database), email=wanted.email)
        return answer

    return await _with_database(settings, work)


async def _create_key(settings: Settings, wanted: argparse.Namespace) -> Answer:
    organization_id = parse_id("org", wanted.organization)

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=organization_id) as session:
            await find_organization(session, organization_id=organization_id)
            now = await app_now(session)
            made = await create_api_key(
                session,
                organization_id=organization_id,
                name=wanted.name,
                scopes=wanted.scopes.split(","),
                live=settings.api_keys_are_live,
                pepper=settings.required("api_key_pepper"),
                now=now,
                expires_at=now + timedelta(days=wanted.expires_in_days) if wanted.expires_in_days else None,
                created_by=OPERATOR.id,
            )
            await _audit_key(session, made.row, "create_api_key")
        return _shown_once(made)

    return await _with_database(settings, work)


async def _list_keys(settings: Settings, wanted: argparse.Namespace) -> Answer:
    organization_id = parse_id("org", wanted.organization)

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=organization_id) as session:
            rows = await list_api_keys(session, organization_id=organization_id)
        shown = ("name", "prefix", "last4", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at")
        return {
            "api_keys": [
                {"id": format_id("key", row.id), **row.model_dump(mode="json", include=set(shown))} for row in rows
            ]
        }

    return await _with_database(settings, work)


async def _roll_key(settings: Settings, wanted: argparse.Namespace) -> Answer:
    organization_id = parse_id("org", wanted.organization)

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=organization_id) as session:
            made = await roll_api_key(
                session,
                organization_id=organization_id,
                key_id=parse_id("key", wanted.key),
                overlap_seconds=wanted.overlap_seconds,
                own=OF_ROLE[Role.OWNER],
                pepper=settings.required("api_key_pepper"),
                created_by=OPERATOR.id,
                now=await app_now(session),
            )
            await _audit_key(session, made.row, "roll_api_key", of=wanted.key)
        return _shown_once(made)

    return await _with_database(settings, work)


async def _audit_key(session: AsyncSession, key: ApiKey, action: str, *, of: str = "") -> None:
    """``of`` is the key that ``key`` replaces: then the line is about that one, as the API writes it."""
    successor = {"replaced_by": format_id("key", key.id)} if of else {}
    await record_audit(
        session,
        organization_id=key.organization_id,
        actor=OPERATOR,
        action=action,
        object_type="api_key",
        object_id=of or format_id("key", key.id),
        details={"name": key.name, "scopes": key.scopes, "last4": key.last4, **successor},
    )


async def _revoke_key(settings: Settings, wanted: argparse.Namespace) -> Answer:
    organization_id = parse_id("org", wanted.organization)

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=organization_id) as session:
            row = await revoke_api_key(
                session,
                organization_id=organization_id,
                key_id=parse_id("key", wanted.key),
                now=await app_now(session),
            )
            await _audit_key(session, row, "revoke_api_key")
        return {"revoked": format_id("key", row.id)}

    return await _with_database(settings, work)


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

    return await _with_database(settings, work, role="worker_database_url")


async def _replay_parked(settings: Settings, wanted: argparse.Namespace) -> Answer:
    """The audit line comes first: better one too many than a replay that nobody can explain."""

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=None) as session:
            rows = await list_parked(session, event_id=wanted.id)
        for organization_id in {row.organization_id for row in rows if row.organization_id is not None}:
            await _audit_replay(settings, organization_id, wanted.id)
        async with database.transaction(organization_id=None) as session:
            replayed = await replay_parked(session, Inbox, event_ids=[wanted.id], service=Service.INVOICE)
        if not replayed:
            raise NothingParked(f"nothing is parked under {wanted.id}")
        return {"ready_again": [str(event_id) for event_id in replayed]}

    return await _with_database(settings, work, role="worker_database_url")


async def _audit_replay(settings: Settings, organization_id: UUID, event_id: UUID) -> None:
    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=organization_id) as session:
            await record_audit(
                session,
                organization_id=organization_id,
                actor=OPERATOR,
                action="replay_parked",
                object_type="event",
                object_id=str(event_id),
            )
        return {}

    await _with_database(settings, work)


async def _with_database(
    settings: Settings, work: Callable[[Database], Awaitable[Answer]], *, role: str = "database_url"
) -> Answer:
    database = create_database(url=settings.required(role), application_name="invoice-service-cli", pool_size=1)
    try:
        return await work(database)
    finally:
        await database.dispose()


def _name(text: str) -> str:
    plain = text.strip()
    if not 1 <= len(plain) <= 200 or not plain.isprintable():
        raise argparse.ArgumentTypeError("give a name of 1 to 200 printable characters")
    return plain


def _email(text: str) -> str:
    try:
        return check_recipients(to=(text,), cc=()).to[0]
    except DomainError as problem:
        raise argparse.ArgumentTypeError(problem.detail) from problem


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError("give 1 to 3650 days")
    return int(text)


def _overlap(text: str) -> int:
    if not text.isdecimal() or int(text) > OVERLAP_SECONDS_MAX:
        raise argparse.ArgumentTypeError(f"give 0 to {OVERLAP_SECONDS_MAX} seconds")
    return int(text)


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("give 1 to 1000")
    return int(text)


def _shown_once(made: NewApiKey) -> Answer:
    return {"api_key": made.text, "api_key_id": format_id("key", made.row.id), "shown": "once, keep it now"}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m invoice_service.cli", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="command")
    _add(commands, "migrate", _migrate, "bring the schema to its newest form (needs IC_OWNER_DATABASE_URL)")
    first = _add(commands, "bootstrap", _bootstrap, "make an organisation with its templates and a first API key")
    first.add_argument("--name", required=True, type=_name)
    first.add_argument("--email", required=True, type=_email)
    first.add_argument("--owner-email", type=_email, help="make this person its owner, and print a link for them")
    first.add_argument("--owner-name", type=_name)
    _add_keys(commands)
    _add_people(commands)
    _add_parked(commands)
    return top


def _add_people(commands: Any) -> None:
    owners = commands.add_parser("owner", help="owners of one organisation").add_subparsers(
        required=True, metavar="command"
    )
    create = _add(owners, "create", _create_owner, "make an owner and print a link to choose a password with")
    create.add_argument("--name", required=True, type=_name)
    create.add_argument("--password-stdin", action="store_true", help="read the password instead of printing a link")
    for command in (create, _add(owners, "link", _link_owner, "print a new link for an owner who is locked out")):
        command.add_argument("--organization", required=True, help="org_…")
        command.add_argument("--email", required=True, type=_email)
    people = commands.add_parser("people", help="people of every organisation").add_subparsers(
        required=True, metavar="command"
    )
    for name, about, text in (
        ("disable", people_commands.disable, "shut a person out at once"),
        ("enable", people_commands.enable, "let them in again"),
        ("end-sessions", people_commands.end_sessions, "sign a person out everywhere"),
    ):
        person = _add(people, name, _about_person, text)
        person.add_argument("--email", required=True, type=_email)
        person.set_defaults(about=about)


def _add_keys(commands: Any) -> None:
    keys = commands.add_parser("api-key", help="API keys of one organisation").add_subparsers(
        required=True, metavar="command"
    )
    create = _add(keys, "create", _create_key, "make a key; its text is shown once")
    create.add_argument("--name", required=True, type=_name)
    create.add_argument("--scopes", default="read,write", help="of read, write and admin, with commas")
    create.add_argument("--expires-in-days", type=_days)
    roll = _add(keys, "roll", _roll_key, "make a key that replaces one; its text is shown once")
    roll.add_argument("--overlap-seconds", default=86_400, type=_overlap, help="how long the old one still works")
    revoke = _add(keys, "revoke", _revoke_key, "end a key at once")
    for command in (roll, revoke):
        command.add_argument("--key", required=True, help="key_…")
    for command in (create, roll, revoke, _add(keys, "list", _list_keys, "show the keys, never their text")):
        command.add_argument("--organization", required=True, help="org_…")


def _add_parked(commands: Any) -> None:
    parked = commands.add_parser(
        "parked", help="what waits for a person (needs IC_WORKER_DATABASE_URL; replay also IC_DATABASE_URL)"
    )
    actions = parked.add_subparsers(required=True, metavar="command")
    newest = _add(actions, "list", _list_parked, "the oldest first, without payloads")
    newest.add_argument("--limit", type=_limit, default=50)
    newest.set_defaults(id=None)
    shown = _add(actions, "show", _list_parked, "one row with its payload")
    shown.set_defaults(limit=50)
    replayed = _add(actions, "replay", _replay_parked, "try it again from the start, under the same id")
    for command in (shown, replayed):
        command.add_argument("id", type=UUID)


def _add(commands: Any, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text)
    command.set_defaults(run=run)
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Status 0 with JSON on standard output, or 1 with the reason on standard error."""
    wanted = parser().parse_args(arguments)
    try:
        answer = asyncio.run(wanted.run(Settings(), wanted))
    except (DomainError, MalformedId, MissingSetting, NothingParked, UndecodableMessage) as problem:
        print(str(problem), file=sys.stderr)
        return 1
    print(json.dumps(answer, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
