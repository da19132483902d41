"""The audit log of one organisation, in pages."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.list_order import Place
from invoice_service.tables.audit import AuditEntry


@dataclass(frozen=True)
class AuditFilters:
    """Empty text is no filter; the others must be equal."""

    organization_id: UUID
    actor: str = ""
    action: str = ""
    object_type: str = ""
    object_id: str = ""
    created_from: datetime | None = None
    created_to: datetime | None = None


async def page_of_audit_log(
    session: AsyncSession, *, filters: AuditFilters, after: Place | None, limit: int
) -> list[AuditEntry]:
    """The newest first, from behind ``after``."""
    statement = select(AuditEntry).where(*_conditions(filters))
    if after is not None:
        statement = statement.where(sa.tuple_(col(AuditEntry.at), col(AuditEntry.id)) < after)
    newest_first = statement.order_by(col(AuditEntry.at).desc(), col(AuditEntry.id).desc()).limit(limit)
    return list((await session.exec(newest_first)).all())


def _conditions(filters: AuditFilters) -> list[sa.ColumnElement[bool]]:
    conditions = [col(AuditEntry.organization_id) == filters.organization_id]
    for column, wanted in (
        (col(AuditEntry.actor), filters.actor),
        (col(AuditEntry.action), filters.action),
        (col(AuditEntry.object_type), filters.object_type),
        (col(AuditEntry.object_id), filters.object_id),
    ):
        if wanted:
            conditions.append(column == wanted)
    if filters.created_from is not None:
        conditions.append(col(AuditEntry.at) >= filters.created_from)
    if filters.created_to is not None:
        conditions.append(col(AuditEntry.at) <= filters.created_to)
    return conditions
