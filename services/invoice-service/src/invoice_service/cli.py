"""The way in by hand: migrate, make the first organisation and its keys, look after people and parked work.

Answers are JSON. Each group of commands stands in a file of its own, ``cli_….py``.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from contracts.catalogue import UndecodableMessage
from contracts.ids import MalformedId, format_id
from service_kit.database import Database, app_now
from service_kit.errors import DomainError
from service_kit.identifiers import new_id
from service_kit.settings import MissingSetting

from invoice_service import people_commands
from invoice_service.actions.api_keys.create_api_key import create_api_key
from invoice_service.actions.organizations.create_organization import create_organization
from invoice_service.cli_audit import add_audit
from invoice_service.cli_commands import Answer, add_command, desk_of, email, name, with_database
from invoice_service.cli_keys import add_keys, audit_key, shown_once
from invoice_service.cli_parked import NothingParked, add_parked
from invoice_service.cli_people import add_owners, add_people
from invoice_service.domain.actors import OPERATOR
from invoice_service.domain.api_keys import SCOPES
from invoice_service.migrate import migrate
from invoice_service.settings import Settings


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
            await audit_key(session, made.row, "bootstrap")
            owner: Answer = {}
            if wanted.owner_email:
                desk, shown_as = desk_of(settings, database), wanted.owner_name or wanted.owner_email
                owner = await people_commands.make_owner(
                    session, desk, organization_id=organization_id, email=wanted.owner_email, name=shown_as
                )
        named = {"owner": owner} if owner else {}
        return {"organization_id": format_id("org", organization.id), **shown_once(made), **named}

    return await with_database(settings, work)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m invoice_service.cli", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="command")
    add_command(commands, "migrate", _migrate, "bring the schema to its newest form (needs IC_OWNER_DATABASE_URL)")
    first = add_command(
        commands, "bootstrap", _bootstrap, "make an organisation with its templates and a first API key"
    )
    first.add_argument("--name", required=True, type=name)
    first.add_argument("--email", required=True, type=email)
    first.add_argument("--owner-email", type=email, help="make this person its owner, and print a link for them")
    first.add_argument("--owner-name", type=name)
    for add_commands in (add_keys, add_owners, add_people, add_audit, add_parked):
        add_commands(commands)
    return top


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
