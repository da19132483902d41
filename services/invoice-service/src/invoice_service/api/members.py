"""Who belongs to the organisation, in which role. Changes count from the person's next request on."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from contracts.ids import UserId, format_id
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from service_kit.database import app_now
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.change_role import change_role
from invoice_service.actions.people.remove_member import remove_member
from invoice_service.api.authentication import Caller, needs
from invoice_service.api.cursors import CursorMaker
from invoice_service.api.request_fields import Request
from invoice_service.api.versions import NeededVersion
from invoice_service.api.writes import Write, answer_of, etag, writing
from invoice_service.dependencies import Parts
from invoice_service.domain.permissions import NotAllowed, Permission, Role, check_may_make, who_may
from invoice_service.queries.members import Member, get_member, page_of_members

router = APIRouter(prefix="/v1/members", tags=["people"])

Reading = Annotated[Caller, needs(Permission.MEMBERS_READ)]
Writing = Annotated[Write, writing(Permission.MEMBERS_WRITE)]
Leaving = Annotated[Write, writing(Permission.MEMBERS_READ)]
PageSize = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")]


class RoleChange(Request):
    role: Role


class MemberView(BaseModel):
    """`since` is when they joined; `id` is the person's, the same in all their organisations."""

    object: Literal["member"] = "member"
    id: UserId
    name: str
    email: str
    role: Role
    since: datetime
    version: int


class MemberPage(BaseModel):
    object: Literal["list"] = "list"
    data: list[MemberView]
    has_more: bool
    next_cursor: str | None


@router.get("", name="list_members", summary="List members, who came first comes first")
async def list_members(caller: Reading, parts: Parts, limit: PageSize = 25, cursor: Cursor = None) -> MemberPage:
    cursors = CursorMaker(parts.pages.secret, f"members:{caller.organization_id}")
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        rows = await page_of_members(
            session, organization_id=caller.organization_id, after=cursors.read(cursor), limit=limit + 1
        )
    shown, more = rows[:limit], len(rows) > limit
    return MemberPage(
        data=[_view(row) for row in shown],
        has_more=more,
        next_cursor=cursors.write((shown[-1].since, shown[-1].user_id)) if more else None,
    )


@router.get("/{user_id}", name="get_member", summary="Read one member")
async def read(user_id: UserId, caller: Reading, parts: Parts, response: Response) -> MemberView:
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        member = await get_member(session, organization_id=caller.organization_id, user_id=user_id)
    response.headers["ETag"] = etag(member.version)
    return _view(member)


@router.patch("/{user_id}", name="change_role", summary="Give a member another role", response_model=MemberView)
async def change(user_id: UserId, body: RoleChange, write: Writing, version: NeededVersion) -> Response:
    """409 `last-owner` if nobody would own the organisation any more."""
    organization_id = write.caller.organization_id
    check_may_make(body.role, own=write.caller.permissions)

    async def work(session: AsyncSession) -> Answer:
        before = await change_role(
            session,
            organization_id=organization_id,
            user_id=user_id,
            role=body.role,
            expected_version=version,
            now=await app_now(session),
        )
        member = await get_member(session, organization_id=organization_id, user_id=user_id)
        write.noted.update(email=member.email, role={"from": before.value, "to": member.role.value})
        return answer_of(_view(member), version=member.version)

    return await write.once(work)


@router.delete("/{user_id}", name="remove_member", summary="Remove a member, or leave", status_code=204)
async def remove(user_id: UserId, write: Leaving) -> Response:
    """Everybody may leave; removing somebody else needs `members:write`. 409 `last-owner` for the only owner."""
    _check_may_remove(write.caller, user_id)

    async def work(session: AsyncSession) -> Answer:
        gone = await remove_member(session, organization_id=write.caller.organization_id, user_id=user_id)
        write.noted.update(email=gone.email, role=gone.role.value)
        return Answer(status=204)

    return await write.once(work)


def _check_may_remove(caller: Caller, user_id: UUID) -> None:
    """Raises `NotAllowed` for a person without the permission who names somebody else."""
    needed = Permission.MEMBERS_WRITE
    if needed not in caller.permissions and caller.who.id != format_id("usr", user_id):
        raise NotAllowed(who_may(needed), facts={"permission": needed.value})


def _view(member: Member) -> MemberView:
    return MemberView(
        id=member.user_id,
        name=member.name,
        email=member.email,
        role=member.role,
        since=member.since,
        version=member.version,
    )
