"""Commands for people: owners of an organisation, who is there, and shutting somebody out.

Looking or acting across all organisations needs IC_OWNER_DATABASE_URL, since no running process may see everybody.
"""

import argparse
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from contracts.ids import format_id, parse_id
from service_kit.database import Database, app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service import people_commands
from invoice_service.actions.people.disable_person import (
    Told,
    disable_person,
    enable_person,
    end_sessions_of,
    end_sessions_of_everybody,
)
from invoice_service.cli_commands import (
    Answer,
    add_command,
    add_group,
    add_reason,
    desk_of,
    email,
    limit,
    name,
    with_database,
)
from invoice_service.queries.organizations import find_organization
from invoice_service.queries.people_overview import PersonSeen, find_people, see_person
from invoice_service.settings import Settings

Act = Callable[[AsyncSession, argparse.Namespace], Awaitable[Told]]
OWNER = "owner_database_url"


def add_owners(commands: Any) -> None:
    owners = add_group(commands, "owner", "owners of one organisation")
    create = add_command(owners, "create", _create_owner, "make an owner and print a link to choose a password with")
    create.add_argument("--name", required=True, type=name)
    create.add_argument("--password-stdin", action="store_true", help="read the password instead of printing a link")
    link = add_command(owners, "link", _link_owner, "print a new link for an owner who is locked out")
    for command in (create, link):
        command.add_argument("--organization", required=True, help="org_…")
        command.add_argument("--email", required=True, type=email)


def add_people(commands: Any) -> None:
    people = add_group(commands, "people", "who signs in, and shutting somebody out")
    listed = add_command(people, "list", _list_people, "of one organisation, or all (needs IC_OWNER_DATABASE_URL)")
    listed.add_argument("--organization", help="org_…")
    listed.add_argument("--limit", type=limit, default=200)
    shown = add_command(people, "show", _show_person, "one person with organisations and live sessions")
    shown.add_argument("--email", required=True, type=email)
    for command, act, text in (
        ("disable", _disable, "shut a person out at once"),
        ("enable", _enable, "let them in again"),
    ):
        one = add_command(people, command, _act, text)
        one.add_argument("--email", required=True, type=email)
        add_reason(one)
        one.set_defaults(act=act, all=False)
    ended = add_command(people, "end-sessions", _act, "sign a person out everywhere, or everybody")
    who = ended.add_mutually_exclusive_group(required=True)
    who.add_argument("--email", type=email)
    who.add_argument("--all", action="store_true", help="needs IC_OWNER_DATABASE_URL")
    add_reason(ended)
    ended.set_defaults(act=_end_sessions)


async def _create_owner(settings: Settings, wanted: argparse.Namespace) -> Answer:
    organization_id = parse_id("org", wanted.organization)

    async def work(database: Database) -> Answer:
        desk = desk_of(settings, database)
        if not wanted.password_stdin:
            return await people_commands.owner_with_link(
                desk, organization_id=organization_id, email=wanted.email, name=wanted.name
            )
        password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
        return await people_commands.owner_with_password(
            desk, organization_id=organization_id, email=wanted.email, name=wanted.name, password=password
        )

    return await with_database(settings, work)


async def _link_owner(settings: Settings, wanted: argparse.Namespace) -> Answer:
    organization_id = parse_id("org", wanted.organization)

    async def work(database: Database) -> Answer:
        desk = desk_of(settings, database)
        return await people_commands.link_again(desk, organization_id=organization_id, email=wanted.email)

    return await with_database(settings, work)


async def _list_people(settings: Settings, wanted: argparse.Namespace) -> Answer:
    organization_id = parse_id("org", wanted.organization) if wanted.organization else None

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=organization_id) as session:
            if organization_id is not None:
                await find_organization(session, organization_id=organization_id)
            people = await find_people(session, organization_id=organization_id, count_max=wanted.limit)
        return {"people": [_shown(person) for person in people]}

    return await with_database(settings, work, role="database_url" if organization_id else OWNER)


async def _show_person(settings: Settings, wanted: argparse.Namespace) -> Answer:
    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=None) as session:
            now = await app_now(session)
            seen_after = now - timedelta(minutes=settings.session_idle_minutes)
            person = await see_person(session, email=wanted.email, now=now, seen_after=seen_after)
        sessions = [
            row.model_dump(mode="json", include={"created_at", "last_seen_at", "expires_at", "address", "user_agent"})
            for row in person.sessions
        ]
        return {**_shown(person), "sessions": sessions}

    return await with_database(settings, work)


async def _act(settings: Settings, wanted: argparse.Namespace) -> Answer:
    """One transaction: what is done, and the line about it in each organisation."""

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=None) as session:
            told: Told = await wanted.act(session, wanted)
        return {
            "people": told.people,
            "sessions_ended": told.sessions_ended,
            "organizations_told": told.organizations,
            "reason": wanted.reason,
        }

    return await with_database(settings, work, role=OWNER if wanted.all else "database_url")


async def _disable(session: AsyncSession, wanted: argparse.Namespace) -> Told:
    return await disable_person(session, email=wanted.email, reason=wanted.reason, now=await app_now(session))


async def _enable(session: AsyncSession, wanted: argparse.Namespace) -> Told:
    return await enable_person(session, email=wanted.email, reason=wanted.reason, now=await app_now(session))


async def _end_sessions(session: AsyncSession, wanted: argparse.Namespace) -> Told:
    now = await app_now(session)
    if wanted.all:
        return await end_sessions_of_everybody(session, reason=wanted.reason, now=now)
    return await end_sessions_of(session, email=wanted.email, reason=wanted.reason, now=now)


def _shown(person: PersonSeen) -> Answer:
    return {
        "id": format_id("usr", person.user_id),
        "email": person.email,
        "name": person.name,
        "has_password": person.has_password,
        "created_at": person.created_at.isoformat(),
        "disabled_at": person.disabled_at.isoformat() if person.disabled_at else None,
        "organizations": [_membership(organization_id, role) for organization_id, role in person.roles],
    }


def _membership(organization_id: UUID, role: str) -> Answer:
    return {"id": format_id("org", organization_id), "role": role}
