"""One way for every write: allowed, in one transaction, once for each ``Idempotency-Key``, and in the audit log."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from service_kit.idempotency import KEY_LENGTH_MAX, Answer, fingerprint_of, run_once, run_once_outside
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.record_audit import record_audit
from invoice_service.api.authentication import Caller, needs
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.domain.permissions import Permission
from invoice_service.tables.messages import IdempotencyKey

FIELDS_NOTED_MAX = 50

Told = TypeVar("Told")
IdempotencyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=KEY_LENGTH_MAX,
        description="For a day, the same key with the same request is answered again and done once.",
        json_schema_extra={"minLength": 1, "pattern": "^[ -~]+$"},
    ),
]


@dataclass(frozen=True)
class Write:
    """``noted`` goes into the audit line: plain values that say what changed, never a secret."""

    caller: Caller
    parts: Dependencies
    key: str | None
    fingerprint: bytes
    action: str
    target: Mapping[str, str]
    fields: tuple[str, ...] = ()
    noted: dict[str, Any] = field(default_factory=dict)

    async def once(self, work: Callable[[AsyncSession], Awaitable[Answer]]) -> Response:
        """Run ``work`` in a transaction of the caller's organisation. It is committed before the answer is sent."""

        async def audited(session: AsyncSession) -> Answer:
            answer = await work(session)
            await self.audit(session, answered=answer.body)
            return answer

        answer = await run_once(
            database=self.parts.database,
            table=IdempotencyKey,
            organization_id=self.caller.organization_id,
            key=self.key,
            fingerprint=self.fingerprint,
            work=audited,
        )
        return _response(answer)

    async def once_outside(
        self, call: Callable[[], Awaitable[Told]], work: Callable[[AsyncSession, Told], Awaitable[Answer]]
    ) -> Response:
        """`once` around a ``call`` to another service that is safe to repeat. The body may hold a secret: what is kept
        to know the same request again is made with a key that is not in the database."""

        async def audited(session: AsyncSession, told: Told) -> Answer:
            answer = await work(session, told)
            await self.audit(session, answered=answer.body)
            return answer

        answer = await run_once_outside(
            database=self.parts.database,
            table=IdempotencyKey,
            organization_id=self.caller.organization_id,
            key=self.key,
            fingerprint=hmac.digest(self.parts.api_key_pepper.encode(), self.fingerprint, hashlib.sha256),
            call=call,
            work=audited,
        )
        return _response(answer)

    async def audit(self, session: AsyncSession, *, answered: object = None) -> None:
        """For a write that cannot be one transaction, and then by hand; `once` does it by itself."""
        object_type, object_id = _object(self.target, answered)
        fields = {"fields": list(self.fields)} if self.fields else {}
        await record_audit(
            session,
            organization_id=self.caller.organization_id,
            actor=self.caller.who,
            action=self.action,
            object_type=object_type,
            object_id=object_id,
            details={**fields, **self.noted},
        )


def writing(permission: Permission) -> Any:
    """For ``Annotated[Write, writing(Permission.INVOICES_WRITE)]``."""

    async def write(
        caller: Annotated[Caller, needs(permission)], parts: Parts, request: Request, key: IdempotencyHeader = None
    ) -> Write:
        wanted_version = request.headers.get("if-match", "").encode()
        body = await request.body()
        return Write(
            caller=caller,
            parts=parts,
            key=key,
            fingerprint=fingerprint_of(
                method=request.method, path=request.url.path, body=body + b"\n" + wanted_version
            ),
            action=str(request.scope["route"].name),
            target=dict(request.path_params),
            fields=_field_names(body),
        )

    return Depends(write)


def _response(answer: Answer) -> Response:
    if answer.body is None:
        return Response(status_code=answer.status, headers=dict(answer.headers))
    return JSONResponse(answer.body, status_code=answer.status, headers=dict(answer.headers))


def answer_of(view: BaseModel, *, status: int = 200, version: int | None = None) -> Answer:
    """``version`` becomes the ETag."""
    headers = {} if version is None else {"ETag": etag(version)}
    return Answer(status=status, body=view.model_dump(mode="json", by_alias=True), headers=headers)


def etag(version: int) -> str:
    return f'"{version}"'


def _object(target: Mapping[str, str], answered: object) -> tuple[str, str]:
    """What was acted upon: the innermost object of the address, else what was made."""
    if target:
        name, identifier = list(target.items())[-1]
        return name.removesuffix("_id"), identifier
    if isinstance(answered, BaseModel):
        answered = answered.model_dump(mode="json")
    if isinstance(answered, dict):
        return str(answered.get("object", "")), str(answered.get("id", ""))
    return "", ""


def _field_names(body: bytes) -> tuple[str, ...]:
    """The names in a JSON object, sorted; no value of it is kept."""
    try:
        content = json.loads(body) if body else None
    except ValueError:
        return ()
    return tuple(sorted(str(name)[:60] for name in content)[:FIELDS_NOTED_MAX]) if isinstance(content, dict) else ()
