"""The command that reads the audit log of one organisation; nothing writes to it but what it tells of."""

import argparse
from typing import Any

from contracts.ids import format_id, parse_id
from service_kit.database import Database

from invoice_service.cli_commands import Answer, add_command, add_group, limit, with_database
from invoice_service.queries.audit import AuditFilters, page_of_audit_log
from invoice_service.queries.organizations import find_organization
from invoice_service.settings import Settings
from invoice_service.tables.audit import AuditEntry


def add_audit(commands: Any) -> None:
    audit = add_group(commands, "audit", "who did what in one organisation")
    listed = add_command(audit, "list", _list, "the newest first")
    listed.add_argument("--organization", required=True, help="org_…")
    listed.add_argument("--actor", default="", help="usr_…, key_… or operator")
    listed.add_argument("--action", default="", help="such as sign_in_failed")
    listed.add_argument("--limit", type=limit, default=100)


async def _list(settings: Settings, wanted: argparse.Namespace) -> Answer:
    organization_id = parse_id("org", wanted.organization)
    filters = AuditFilters(organization_id=organization_id, actor=wanted.actor, action=wanted.action)

    async def work(database: Database) -> Answer:
        async with database.transaction(organization_id=organization_id) as session:
            await find_organization(session, organization_id=organization_id)
            rows = await page_of_audit_log(session, filters=filters, after=None, limit=wanted.limit)
        return {"audit_log": [_shown(row) for row in rows]}

    return await with_database(settings, work)


def _shown(row: AuditEntry) -> Answer:
    return {"id": format_id("aud", row.id), **row.model_dump(mode="json", exclude={"id", "organization_id"})}
