"""API keys: list, make, roll, revoke. The text of a key is in the answer that makes it and nowhere afterwards."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from contracts.ids import ApiKeyId
from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest
from pydantic import BaseModel, Field
from service_kit.database import app_now
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.api_keys.create_api_key import NewApiKey, create_api_key
from invoice_service.actions.api_keys.revoke_api_key import revoke_api_key
from invoice_service.actions.api_keys.roll_api_key import OVERLAP_DEFAULT_SECONDS, OVERLAP_SECONDS_MAX, roll_api_key
from invoice_service.api.authentication import Caller, needs
from invoice_service.api.cursors import Cursor, CursorMaker, PageSize, context_of, link_to_next
from invoice_service.api.request_fields import Moment, Name, Request, Whole
from invoice_service.api.writes import Write, answer_of, writing
from invoice_service.dependencies import Parts
from invoice_service.domain.api_keys import KeyStatus, check_may_give, status_of_key
from invoice_service.domain.permissions import Permission, Scope
from invoice_service.queries.api_keys import page_of_api_keys
from invoice_service.tables.organizations import ApiKey

router = APIRouter(prefix="/v1/api-keys", tags=["api-keys"])

Reading = Annotated[Caller, needs(Permission.API_KEYS_READ)]
Writing = Annotated[Write, writing(Permission.API_KEYS_WRITE)]


class NewKeyBody(Request):
    """`scopes` may hold nothing that the caller itself may not do. Without `expires_at` the key stays until revoked."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_at: Moment | None = None


class RollBody(Request):
    """For how long the old key still works beside the new one; 0 ends it at once."""

    overlap_seconds: Annotated[int, Field(ge=0, le=OVERLAP_SECONDS_MAX), Whole] = OVERLAP_DEFAULT_SECONDS


class ApiKeyView(BaseModel):
    """`status` is `expiring` in the seven days before the end; `last_used_at` is exact to the hour. `prefix` and
    `last4` are the beginning and the end of the key's text."""

    object: Literal["api_key"] = "api_key"
    id: ApiKeyId
    name: str
    scopes: list[Scope]
    prefix: str
    last4: str
    status: KeyStatus
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    replaced_by: ApiKeyId | None


class NewApiKeyView(ApiKeyView):
    """`secret` is the key, to be kept now. It is `null` where an `Idempotency-Key` repeats a request: if the first
    answer was lost, revoke this key and make another."""

    secret: str | None = None


class ApiKeyPage(BaseModel):
    object: Literal["list"] = "list"
    data: list[ApiKeyView]
    has_more: bool
    next_cursor: str | None


@router.get("", name="list_api_keys", summary="List API keys, the newest first, those that have ended included")
async def list_api_keys(
    caller: Reading,
    parts: Parts,
    request: HttpRequest,
    response: Response,
    limit: PageSize = 25,
    cursor: Cursor = None,
) -> ApiKeyPage:
    cursors = CursorMaker(parts.pages.secret, context_of("api-keys", caller.organization_id))
    after = cursors.read(cursor)
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        now = await app_now(session)
        rows = await page_of_api_keys(session, organization_id=caller.organization_id, after=after, limit=limit + 1)
    shown, more = rows[:limit], len(rows) > limit
    next_cursor = cursors.write((shown[-1].created_at, shown[-1].id)) if more else None
    link_to_next(request, response, cursor=next_cursor)
    return ApiKeyPage(
        data=[ApiKeyView.model_validate(_shown(row, now)) for row in shown], has_more=more, next_cursor=next_cursor
    )


@router.post("", name="create_api_key", summary="Make an API key", status_code=201, response_model=NewApiKeyView)
async def create(body: NewKeyBody, write: Writing) -> Response:
    async def work(session: AsyncSession) -> Answer:
        check_may_give(body.scopes, own=write.caller.permissions)
        now = await app_now(session)
        made = await create_api_key(
            session,
            organization_id=write.caller.organization_id,
            name=body.name,
            scopes=body.scopes,
            live=write.parts.live_keys,
            pepper=write.parts.api_key_pepper,
            now=now,
            expires_at=body.expires_at,
            created_by=write.caller.actor,
        )
        write.noted.update(scopes=made.row.scopes, last4=made.row.last4)
        return _made(made, now)

    return await write.once(work)


@router.post(
    "/{api_key_id}/roll",
    name="roll_api_key",
    summary="Make a key that replaces this one",
    status_code=201,
    response_model=NewApiKeyView,
)
async def roll(api_key_id: ApiKeyId, write: Writing, body: RollBody = RollBody()) -> Response:
    """The answer is the new key. A key is rolled once; its `replaced_by` names the new one."""

    async def work(session: AsyncSession) -> Answer:
        now = await app_now(session)
        made = await roll_api_key(
            session,
            organization_id=write.caller.organization_id,
            key_id=api_key_id,
            overlap_seconds=body.overlap_seconds,
            own=write.caller.permissions,
            pepper=write.parts.api_key_pepper,
            created_by=write.caller.actor,
            now=now,
        )
        answer = _made(made, now)
        write.noted.update(replaced_by=answer.body["id"], overlap_seconds=body.overlap_seconds)
        return answer

    return await write.once(work)


@router.delete("/{api_key_id}", name="revoke_api_key", summary="End an API key at once", status_code=204)
async def revoke(api_key_id: ApiKeyId, write: Writing) -> Response:
    """No request that begins after the answer gets in with it. Safe to repeat."""

    async def work(session: AsyncSession) -> Answer:
        row = await revoke_api_key(
            session,
            organization_id=write.caller.organization_id,
            key_id=api_key_id,
            now=await app_now(session),
        )
        write.noted.update(name=row.name, last4=row.last4)
        return Answer(status=204)

    return await write.once(work)


def _made(made: NewApiKey, now: datetime) -> Answer:
    view = NewApiKeyView.model_validate(_shown(made.row, now))
    return replace(answer_of(view, status=201), shown_once={"secret": made.text})


def _shown(key: ApiKey, now: datetime) -> dict[str, object]:
    status = status_of_key(revoked_at=key.revoked_at, expires_at=key.expires_at, now=now)
    return {**key.model_dump(exclude={"secret_hmac", "organization_id"}), "status": status}
