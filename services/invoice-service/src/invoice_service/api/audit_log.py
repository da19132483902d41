"""The audit log as owners read it: who did what to which object, from where, and when. Nobody can change a line."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from contracts.ids import AuditEntryId
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from invoice_service.api.authentication import Caller, needs
from invoice_service.api.cursors import Cursor, CursorMaker, PageSize, context_of, link_to_next
from invoice_service.api.invoice_filters import Since, Until
from invoice_service.dependencies import Parts
from invoice_service.domain.actors import ActorKind
from invoice_service.domain.permissions import Permission
from invoice_service.queries.audit import AuditFilters, page_of_audit_log
from invoice_service.tables.audit import AuditEntry

router = APIRouter(prefix="/v1/audit-log", tags=["audit-log"])

Reading = Annotated[Caller, needs(Permission.AUDIT_READ)]
Word = Annotated[str, Query(max_length=60, pattern=r"^([a-z0-9_]+(\.[a-z0-9_]+)*)?$")]
Identifier = Annotated[str, Query(max_length=100, pattern=r"^[A-Za-z0-9_-]*$")]


class ActorView(BaseModel):
    """`id` is a person (`usr_…`), an API key (`key_…`) or a word; `name` is as it was then."""

    kind: ActorKind
    id: str
    name: str


class ObjectView(BaseModel):
    type: str
    id: str


class AuditEntryView(BaseModel):
    """`details` are names of changed fields and plain values, never a secret. `request_id` is that of the answer."""

    object: Literal["audit_entry"] = "audit_entry"
    id: AuditEntryId
    created_at: datetime
    actor: ActorView
    action: str
    target: ObjectView
    address: str
    user_agent: str
    request_id: str
    details: dict[str, Any]


class AuditPage(BaseModel):
    object: Literal["list"] = "list"
    data: list[AuditEntryView]
    has_more: bool
    next_cursor: str | None


@dataclass(frozen=True)
class WantedEntries:
    actor: str
    action: str
    object_type: str
    object_id: str
    created_from: datetime | None
    created_to: datetime | None

    def filters(self, *, organization_id: UUID) -> AuditFilters:
        return AuditFilters(organization_id=organization_id, **asdict(self))


def _wanted(
    actor: Annotated[Identifier, Query(description="The id of a person or key, or `operator`.")] = "",
    action: Annotated[Word, Query(description="What was done, such as `send_invoice`.")] = "",
    object_type: Word = "",
    object_id: Annotated[Identifier, Query(description="The id of what it was done to.")] = "",
    created_from: Since = None,
    created_to: Until = None,
) -> WantedEntries:
    return WantedEntries(actor, action, object_type, object_id, created_from, created_to)


Wanted = Annotated[WantedEntries, Depends(_wanted)]


@router.get("", name="list_audit_log", summary="Read the audit log, the newest first")
async def list_audit_log(
    caller: Reading,
    parts: Parts,
    request: Request,
    response: Response,
    wanted: Wanted,
    limit: PageSize = 25,
    cursor: Cursor = None,
) -> AuditPage:
    cursors = CursorMaker(parts.pages.secret, context_of("audit-log", caller.organization_id, **asdict(wanted)))
    after = cursors.read(cursor)
    filters = wanted.filters(organization_id=caller.organization_id)
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        rows = await page_of_audit_log(session, filters=filters, after=after, limit=limit + 1)
    shown, more = rows[:limit], len(rows) > limit
    next_cursor = cursors.write((shown[-1].at, shown[-1].id)) if more else None
    link_to_next(request, response, cursor=next_cursor)
    return AuditPage(data=[_view(row) for row in shown], has_more=more, next_cursor=next_cursor)


def _view(entry: AuditEntry) -> AuditEntryView:
    return AuditEntryView(
        id=entry.id,
        created_at=entry.at,
        actor=ActorView(kind=entry.actor_kind, id=entry.actor, name=entry.actor_name),
        action=entry.action,
        target=ObjectView(type=entry.object_type, id=entry.object_id),
        address=entry.address,
        user_agent=entry.user_agent,
        request_id=entry.request_id,
        details=entry.details,
    )
