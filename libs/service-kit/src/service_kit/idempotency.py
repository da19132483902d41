"""A write with an ``Idempotency-Key`` happens once: key, effect and answer are committed together.

A twin that runs at the same time waits on the key's primary key and then replays the stored answer. What is shown once
is in the first answer alone and is never stored.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic_core import to_jsonable_python
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.database import Database, run_sql, uninterrupted
from service_kit.errors import DomainError, ErrorKind

KEY_LENGTH_MAX = 255
KEPT_HOURS = 24
FORGOTTEN_AT_ONCE = 20
REPLAYED_HEADER = "Idempotency-Replayed"

Told = TypeVar("Told")


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
    """``body`` is anything pydantic can turn into JSON; ``None`` is an empty body.

    ``shown_once`` are fields of an object in ``body`` that only the first answer has; a replay has what ``body`` says.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    shown_once: Mapping[str, Any] = field(default_factory=dict, repr=False)


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
    place = _place(table, organization_id, key, fingerprint)
    return await uninterrupted(_run(database=database, organization_id=organization_id, place=place, work=work))


async def run_once_outside(
    *,
    database: Database,
    table: type[IdempotencyColumns],
    organization_id: UUID,
    key: str | None,
    fingerprint: bytes,
    call: Callable[[], Awaitable[Told]],
    work: Callable[[AsyncSession, Told], Awaitable[Answer]],
) -> Answer:
    """`run_once` around a ``call`` to another service, which runs in no transaction and must be safe to repeat.

    The key is reserved before the call, so another request with it is refused before anything is called; it is free
    again when the call raises. Twins at the same moment may both call, but ``work`` runs once. Raises
    `IdempotencyKeyReused`.
    """
    place = _place(table, organization_id, key, fingerprint)
    if place is None:
        told = await call()
    else:
        async with database.transaction(organization_id=organization_id) as session:
            stored = await _reserved(session, place)
        if stored is not None:
            return stored
        try:
            told = await call()
        except BaseException:
            await uninterrupted(_release(database, organization_id, place))
            raise

    async def record(session: AsyncSession) -> Answer:
        return await work(session, told)

    return await uninterrupted(_run(database=database, organization_id=organization_id, place=place, work=record))


@dataclass(frozen=True)
class _Place:
    """Where the answer to one request is kept."""

    table: type[IdempotencyColumns]
    organization_id: UUID
    key: str
    fingerprint: bytes

    @property
    def row(self) -> Mapping[str, Any]:
        return {"organization_id": self.organization_id, "key": self.key}


def _place(
    table: type[IdempotencyColumns], organization_id: UUID, key: str | None, fingerprint: bytes
) -> _Place | None:
    """None without a key. Raises `IdempotencyKeyMalformed`."""
    if key is None:
        return None
    if not (0 < len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable()):
        raise IdempotencyKeyMalformed(f"Idempotency-Key needs 1 to {KEY_LENGTH_MAX} printable ASCII characters")
    return _Place(table, organization_id, key, fingerprint)


async def _run(
    *,
    database: Database,
    organization_id: UUID,
    place: _Place | None,
    work: Callable[[AsyncSession], Awaitable[Answer]],
) -> Answer:
    async with database.transaction(organization_id=organization_id) as session:
        if place is None:
            return _first(_plain(await work(session)))
        stored = await _reserved(session, place)
        if stored is not None:
            return stored
        answer = _plain(await work(session))
        await session.flush()
        kept = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
        await run_sql(session, sa.update(place.table).filter_by(**place.row).values(**kept))
        return _first(answer)


async def _reserved(session: AsyncSession, place: _Place) -> Answer | None:
    """Take the key, or wait for who has it; the answer that is kept under it, None while there is none."""
    table = place.table
    await _forget_old(session, place)
    taken = insert(table).values(**place.row, fingerprint=place.fingerprint)
    await run_sql(session, taken.on_conflict_do_nothing())
    columns = sa.select(table.fingerprint, table.status, table.headers, table.body)  # type: ignore[call-overload]
    row = (await run_sql(session, columns.filter_by(**place.row).with_for_update())).one()
    if bytes(row.fingerprint) != place.fingerprint:
        raise IdempotencyKeyReused("this Idempotency-Key belongs to a different request; use a new key")
    if row.status is None:
        return None
    return Answer(status=row.status, body=row.body, headers={**row.headers, REPLAYED_HEADER: "true"})


async def _forget_old(session: AsyncSession, place: _Place) -> None:
    """Keys are good for `KEPT_HOURS`; each use takes a few of the old ones away, its own first."""
    table = place.table.__table__  # type: ignore[attr-defined]
    age = sa.func.app_now() - sa.func.make_interval(0, 0, 0, 0, KEPT_HOURS)
    old = (
        sa.select(table.c.key)
        .where(table.c.organization_id == place.organization_id, table.c.created_at < age)
        .order_by(table.c.key != place.key, table.c.created_at)
        .limit(FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    mine = table.c.organization_id == place.organization_id
    await run_sql(session, sa.delete(table).where(mine, table.c.key.in_(old)))


async def _release(database: Database, organization_id: UUID, place: _Place) -> None:
    """Without an answer the key may be used again, as after any request that was refused."""
    table = place.table
    unanswered = sa.delete(table).filter_by(**place.row).where(sa.column("status").is_(None))
    async with database.transaction(organization_id=organization_id) as session:
        await run_sql(session, unanswered)


def _plain(answer: Answer) -> Answer:
    """The first answer in exactly the form in which a replay will read it back."""
    return replace(answer, body=to_jsonable_python(answer.body), headers=dict(answer.headers))


def _first(answer: Answer) -> Answer:
    """The answer with what is shown once, which must be read from no table afterwards."""
    if not answer.shown_once:
        return answer
    return replace(answer, body={**answer.body, **to_jsonable_python(answer.shown_once)})
