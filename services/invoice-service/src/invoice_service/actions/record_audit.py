"""Writes one line of the audit log, in the transaction of what it tells of: both are there or neither."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from service_kit.database import app_now
from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.actors import ADDRESS_MAX, NAME_MAX, USER_AGENT_MAX, Actor
from invoice_service.tables.audit import AuditEntry


async def record_audit(
    session: AsyncSession,
    *,
    organization_id: UUID,
    actor: Actor,
    action: str,
    object_type: str = "",
    object_id: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """``details`` are names and plain values, never a secret and never a whole body."""
    session.add(
        AuditEntry(
            organization_id=organization_id,
            id=new_id(),
            at=await app_now(session),
            actor_kind=actor.kind,
            actor=actor.id,
            actor_name=actor.name[:NAME_MAX],
            action=action,
            object_type=object_type,
            object_id=object_id,
            address=actor.address[:ADDRESS_MAX],
            user_agent=_printable(actor.user_agent)[:USER_AGENT_MAX],
            request_id=actor.request_id,
            details=dict(details or {}),
        )
    )
    await session.flush()


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
