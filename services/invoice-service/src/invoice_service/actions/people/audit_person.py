"""Notes what a person did with their own account, in the audit log of every organisation that they belong to."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from service_kit.database import ORGANIZATION_SETTING, run_sql, set_organization
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.record_audit import record_audit
from invoice_service.domain.actors import Actor
from invoice_service.queries.people import own_memberships


async def audit_person(
    session: AsyncSession,
    *,
    user_id: UUID,
    actor: Actor,
    action: str,
    object_type: str = "",
    object_id: str = "",
    details: Mapping[str, Any] | None = None,
) -> int:
    """Needs `queries.people.set_person`. How many organisations were told; all in this one transaction.

    Afterwards the transaction sees the organisation that it saw before.
    """
    await session.flush()
    asked = await run_sql(session, "select current_setting(:name, true)", {"name": ORGANIZATION_SETTING})
    before: str = asked.scalar_one() or ""
    memberships = await own_memberships(session, user_id=user_id)
    for membership in memberships:
        await set_organization(session, membership.organization_id)
        await record_audit(
            session,
            organization_id=membership.organization_id,
            actor=actor,
            action=action,
            object_type=object_type,
            object_id=object_id,
            details=details,
        )
    await set_organization(session, UUID(before) if before else None)
    return len(memberships)
