"""A write with an ``Idempotency-Key`` happens once: key, effect and answer are committed together.

A twin that runs at the same time waits on the key's primary key and then replays the stored answer.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from pydantic_core import to_jsonable_python
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.database import Database, run_sql, uninterrupted
from service_kit.errors import DomainError, ErrorKind

KEY_LENGTH_MAX = 255
REPLAYED_HEADER = "Idempotency-Replayed"


class IdempotencyKeyReused(DomainError):
    slug: ClassVar[str] = "idempotency-key-reused"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    title: ClassVar[str] = "The idempotency key was used for another request"


class IdempotencyKeyMalformed(DomainError):
    slug: ClassVar[str] = "idempotency-key-malformed"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    title: ClassVar[str] = "The idempotency key is not usable"


class IdempotencyColumns(SQLModel):
    """The columns of ``idempotency_keys``; made by `service_kit.migrating.create_idempotency_keys`."""

    organization_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, sa_type=sa.Text)
    fingerprint: bytes = Field(sa_type=sa.LargeBinary)
    status: int | None = None
    headers: dict[str, str] | None = Field(default=None, sa_type=JSONB)
    body: Any | None = Field(default=None, sa_type=JSONB)
    created_at: datetime = Field(sa_type=sa.DateTime(timezone=True))


@dataclass(frozen=True)
class Answer:
    """``body`` is anything pydantic can turn into JSON; ``None`` is an empty body."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def fingerprint_of(*, method: str, path: str, body: bytes) -> bytes:
    """What makes two requests the same request."""
    return hashlib.sha256(b"\n".join((method.upper().encode(), path.encode(), body))).digest()


async def run_once(
    *,
    database: Database,
    table: type[IdempotencyColumns],
    organization_id: UUID,
    key: str | None,
    fingerprint: bytes,
    work: Callable[[AsyncSession], Awaitable[Answer]],
) -> Answer:
    """Run ``work`` in one transaction and return its answer, or the answer that the same key got before.

    Without a key it simply runs. When ``work`` raises, nothing is stored and the key is free again. The unit of work is
    finished even if the caller is cancelled. Raises `IdempotencyKeyReused` for the same key with another request.
    """
    if key is not None and not (0 < len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable()):
        raise IdempotencyKeyMalformed(f"Idempotency-Key needs 1 to {KEY_LENGTH_MAX} printable ASCII characters")
    return await uninterrupted(
        _run(
            database=database,
            table=table,
            organization_id=organization_id,
            key=key,
            fingerprint=fingerprint,
            work=work,
        )
    )


async def _run(
    *,
    database: Database,
    table: type[IdempotencyColumns],
    organization_id: UUID,
    key: str | None,
    fingerprint: bytes,
    work: Callable[[AsyncSession], Awaitable[Answer]],
) -> Answer:
    async with database.transaction(organization_id=organization_id) as session:
        if key is None:
            return _plain(await work(session))
        place = {"organization_id": organization_id, "key": key}
        claimed = await run_sql(
            session, insert(table).values(**place, fingerprint=fingerprint).on_conflict_do_nothing()
        )
        if claimed.rowcount == 0:
            return await _stored(session, table=table, place=place, fingerprint=fingerprint)
        answer = _plain(await work(session))
        await session.flush()
        await run_sql(
            session,
            sa.update(table)
            .filter_by(**place)
            .values(status=answer.status, headers=dict(answer.headers), body=answer.body),
        )
        return answer


async def _stored(
    session: AsyncSession, *, table: type[IdempotencyColumns], place: Mapping[str, Any], fingerprint: bytes
) -> Answer:
    columns = sa.select(table.fingerprint, table.status, table.headers, table.body)  # type: ignore[call-overload]
    row = (await run_sql(session, columns.filter_by(**place))).one()
    if bytes(row.fingerprint) != fingerprint:
        raise IdempotencyKeyReused("this Idempotency-Key belongs to a different request; use a new key")
    return Answer(status=row.status, body=row.body, headers={**row.headers, REPLAYED_HEADER: "true"})


def _plain(answer: Answer) -> Answer:
    """The first answer in exactly the form in which a replay will read it back."""
    return Answer(status=answer.status, body=to_jsonable_python(answer.body), headers=dict(answer.headers))
