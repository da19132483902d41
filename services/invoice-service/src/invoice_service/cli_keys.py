"""Commands for API keys: made, rolled, listed without their text, and revoked."""

import argparse
from datetime import timedelta
from typing import Any

from contracts.ids import format_id, parse_id
from service_kit.database import Database, app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.api_keys.create_api_key import NewApiKey, create_api_key
from invoice_service.actions.api_keys.revoke_api_key import revoke_api_key
from invoice_service.actions.api_keys.roll_api_key import roll_api_key
from invoice_service.actions.record_audit import record_audit
from invoice_service.cli_commands import Answer, add_command, add_group, days, name, overlap, with_database
from invoice_service.domain.actors import OPERATOR
from invoice_service.domain.permissions import OF_ROLE, Role
from invoice_service.queries.organizations import find_organization, list_api_keys
from invoice_service.settings import Settings
from invoice_service.tables.organizations import ApiKey


def add_keys(commands: Any) -> None:
    keys = add_group(commands, "api-key", "API keys of one organisation")
    create = add_command(keys, "create", _create_key, "make a key; its text is shown once")
    create.add_argument("--name", required=True, type=name)
    create.add_argument("--scopes", default="read,write", help="of read, write and admin, with commas")
    create.add_argument("--expires-in-days", type=days)
    roll = add_command(keys, "roll", _roll_key, "make a key that replaces one; its text is shown once")
    roll.add_argument("--overlap-seconds", default=86_400, type=overlap, help="how long the old one still works")
    revoke = add_command(keys, "revoke", _revoke_key, "end a key at once")
    for command in (roll, revoke):
        command.add_argument("--key", required=True, help="key_…")
    for command in (create, roll, revoke, add_command(keys, "list", _list_keys, "show the keys, never their text")):
        command.add_argument("--organization", required=True, help="org_…")


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
            await audit_key(session, made.row, "create_api_key")
        return shown_once(made)

    return await with_database(settings, work)


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

    return await with_database(settings, work)


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
            await audit_key(session, made.row, "roll_api_key", of=wanted.key)
        return shown_once(made)

    return await with_database(settings, work)


async def audit_key(session: AsyncSession, key: ApiKey, action: str, *, of: str = "") -> None:
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
            await audit_key(session, row, "revoke_api_key")
        return {"revoked": format_id("key", row.id)}

    return await with_database(settings, work)


def shown_once(made: NewApiKey) -> Answer:
    return {"api_key": made.text, "api_key_id": format_id("key", made.row.id), "shown": "once, keep it now"}
