"""One way for every write: authenticated, in one transaction, and once for each ``Idempotency-Key``."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from service_kit.idempotency import KEY_LENGTH_MAX, Answer, fingerprint_of, run_once
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.api.authentication import Caller, Writer
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.tables.messages import IdempotencyKey

IdempotencyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=KEY_LENGTH_MAX,
        description="The same key with the same request is answered again and done once.",
    ),
]


@dataclass(frozen=True)
class Write:
    caller: Caller
    parts: Dependencies
    key: str | None
    fingerprint: bytes

    async def once(self, work: Callable[[AsyncSession], Awaitable[Answer]]) -> Response:
        """Run ``work`` in a transaction of the caller's organisation. It is committed before the answer is sent."""
        answer = await run_once(
            database=self.parts.database,
            table=IdempotencyKey,
            organization_id=self.caller.organization_id,
            key=self.key,
            fingerprint=self.fingerprint,
            work=work,
        )
        if answer.body is None:
            return Response(status_code=answer.status, headers=dict(answer.headers))
        return JSONResponse(answer.body, status_code=answer.status, headers=dict(answer.headers))


async def _write(caller: Writer, parts: Parts, request: Request, key: IdempotencyHeader = None) -> Write:
    wanted_version = request.headers.get("if-match", "").encode()
    body = await request.body() + b"\n" + wanted_version
    return Write(caller, parts, key, fingerprint_of(method=request.method, path=request.url.path, body=body))


Once = Annotated[Write, Depends(_write)]


def answer_of(view: BaseModel, *, status: int = 200, version: int | None = None) -> Answer:
    """``version`` becomes the ETag."""
    headers = {} if version is None else {"ETag": etag(version)}
    return Answer(status=status, body=view.model_dump(mode="json", by_alias=True), headers=headers)


def etag(version: int) -> str:
    return f'"{version}"'
