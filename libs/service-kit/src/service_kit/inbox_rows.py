"""Every statement that moves an inbox row from one state to another, by name.

A lease is a token: whoever finishes, fails or releases a row names the token it was given, and changes nothing once the
row has been taken from it. Times are the schema's own (``app_now()``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.database import run_sql

SWEEPS_MAX = 25
"""A row whose worker died this often is parked: it may be the reason."""
ERROR_LENGTH_MAX = 2000
GIVE_UP_AFTER_SECONDS = 72 * 3600.0
"""A row that has failed for this long, counted from its first failure, is parked."""

# The claim may be lost when Postgres crashes: the row is then ready again, and the fence stops whoever held it.
_RELAXED = "set local synchronous_commit = off"

_CLAIM = """
with busy as (
    select * from unnest(cast(:busy as uuid[]), cast(:running as integer[])) as b(organization_id, running)
), oldest as materialized (
    select consumer, event_id, next_at, coalesce(running, 0)
           + row_number() over (partition by coalesce(organization_id, event_id) order by next_at) as place
      from (select consumer, event_id, organization_id, next_at from inbox
             where state = 'ready' and next_at <= app_now()
               and consumer = any(:consumers)
               and not exists (select 1 from busy
                                where busy.organization_id = inbox.organization_id and busy.running >= :share)
             order by next_at limit :window) due
      left join busy using (organization_id)
), chosen as materialized (
    select i.consumer, i.event_id from oldest o join inbox i using (consumer, event_id)
     where o.place <= :share and i.state = 'ready'
     order by o.next_at limit :wanted for update of i skip locked
)
update inbox i
   set state = 'leased', lease_token = :token, worker_id = :worker_id,
       lease_until = app_now() + :lease_seconds * interval '1 second'
  from chosen c where i.consumer = c.consumer and i.event_id = c.event_id
returning i.consumer, i.event_id, i.organization_id, i.type, i.payload, i.sequence, i.correlation_id, i.causation_id,
          i.traceparent, i.actor, i.received_at, i.attempts
"""

_FINISH = """
update inbox set state = 'done', done_at = app_now(), lease_token = null, lease_until = null, worker_id = null
 where consumer = :consumer and event_id = :event_id and lease_token = :token
"""

_REPEAT = """
update inbox set state = 'ready', next_at = app_now() + :again_in_seconds * interval '1 second',
       attempts = 0, sweeps = 0, first_failed_at = null, first_error = null, last_error = null,
       lease_token = null, lease_until = null, worker_id = null
 where consumer = :consumer and event_id = :event_id and lease_token = :token
"""

_FAIL = """
update inbox set
       attempts = attempts + 1,
       first_failed_at = coalesce(first_failed_at, app_now()),
       first_error = coalesce(first_error, :error),
       last_error = :error,
       state = case when v.reason is null then 'ready' else 'parked' end,
       park_reason = v.reason,
       parked_at = case when v.reason is null then null else app_now() end,
       next_at = app_now() + v.delay * interval '1 second',
       lease_token = null, lease_until = null, worker_id = null
  from (select coalesce(cast(:park_reason as text),
                        case when app_now() - coalesce(first_failed_at, app_now())
                                  > cast(:give_up_after_seconds as float8) * interval '1 second'
                             then 'gave up: it went on failing' end) as reason,
               coalesce(cast(:after_seconds as float8),
                        random() * least(600, 2 * power(2, least(attempts, 20)))) as delay
          from inbox where consumer = :consumer and event_id = :event_id) v
 where consumer = :consumer and event_id = :event_id and lease_token = :token
returning state, v.delay
"""

_RENEW = """
update inbox i set lease_until = app_now() + :lease_seconds * interval '1 second'
  from (select consumer, event_id from inbox where state = 'leased' and lease_token = any(:tokens)
           for update skip locked) mine
 where i.consumer = mine.consumer and i.event_id = mine.event_id
"""

_RELEASE = """
update inbox set state = 'ready', next_at = app_now(), lease_token = null, lease_until = null, worker_id = null
 where state = 'leased' and lease_token = any(:tokens)
"""

_SWEEP = """
with lost as materialized (
    select consumer, event_id from inbox
     where state = 'leased' and lease_token <> all(:tokens)
       and (lease_until < app_now()
            or worker_id = :worker_id
            or not exists (select 1 from pg_locks l
                            where l.locktype = 'advisory' and l.granted and l.objsubid = 2
                              and l.database = (select oid from pg_database where datname = current_database())
                              and l.classid = cast(:class_id as oid) and l.objid = cast(inbox.worker_id as oid)))
       for update skip locked
)
update inbox i
   set sweeps = i.sweeps + 1, next_at = app_now(), lease_token = null, lease_until = null, worker_id = null,
       last_error = 'its worker was lost', first_error = coalesce(i.first_error, 'its worker was lost'),
       state = case when i.sweeps + 1 >= :sweeps_max then 'parked' else 'ready' end,
       park_reason = case when i.sweeps + 1 >= :sweeps_max then 'its worker was lost too often' end,
       parked_at = case when i.sweeps + 1 >= :sweeps_max then app_now() end
  from lost where i.consumer = lost.consumer and i.event_id = lost.event_id
returning i.event_id, i.state
"""


class LeaseLost(Exception):
    """Somebody else has this row now; whatever was done for it here must not be committed."""


@dataclass(frozen=True)
class Lease:
    """One claimed row and the token that proves it."""

    consumer: str
    event_id: UUID
    token: UUID

    def place(self) -> dict[str, Any]:
        return {"consumer": self.consumer, "event_id": self.event_id, "token": self.token}


@dataclass(frozen=True)
class Failure:
    """``park_reason`` parks at once; ``after_seconds`` of None means the growing delay."""

    error: str
    park_reason: str | None = None
    after_seconds: float | None = None
    give_up_after_seconds: float = GIVE_UP_AFTER_SECONDS


async def claim(
    session: AsyncSession,
    *,
    consumers: Sequence[str],
    wanted: int,
    share: int,
    busy: Mapping[UUID, int],
    token: UUID,
    worker_id: int,
    lease_seconds: float,
) -> Sequence[sa.Row[Any]]:
    """Lease up to ``wanted`` due rows, the oldest first, but at most ``share`` of one organisation.

    ``busy`` counts the rows of each organisation that the caller already works on; they count towards its share.
    """
    await run_sql(session, _RELAXED)
    values = {
        "consumers": list(consumers),
        "wanted": wanted,
        "share": share,
        "busy": list(busy),
        "running": list(busy.values()),
        "window": wanted * 8,
        "token": token,
        "worker_id": worker_id,
        "lease_seconds": lease_seconds,
    }
    return (await run_sql(session, _CLAIM, values)).all()


async def finish(session: AsyncSession, lease: Lease, *, again_in_seconds: float | None = None) -> None:
    """Done with the caller's transaction, or due once more. Raises `LeaseLost`."""
    if again_in_seconds is None:
        changed = await run_sql(session, _FINISH, lease.place())
    else:
        changed = await run_sql(session, _REPEAT, {**lease.place(), "again_in_seconds": again_in_seconds})
    if changed.rowcount == 0:
        raise LeaseLost(str(lease.event_id))


async def fail(session: AsyncSession, lease: Lease, failure: Failure) -> tuple[str, float] | None:
    """The new state and the delay in seconds; None when the row is no longer ours."""
    values = {
        **lease.place(),
        "error": failure.error[:ERROR_LENGTH_MAX],
        "park_reason": failure.park_reason,
        "after_seconds": failure.after_seconds,
        "give_up_after_seconds": failure.give_up_after_seconds,
    }
    row = (await run_sql(session, _FAIL, values)).first()
    return None if row is None else (str(row.state), float(row.delay))


async def renew(session: AsyncSession, *, tokens: Collection[UUID], lease_seconds: float) -> None:
    await run_sql(session, _RELAXED)
    await run_sql(session, _RENEW, {"tokens": list(tokens), "lease_seconds": lease_seconds})


async def release(session: AsyncSession, *, tokens: Collection[UUID]) -> None:
    """Give rows back without counting anything against them."""
    await run_sql(session, _RELEASE, {"tokens": list(tokens)})


async def sweep(
    session: AsyncSession, *, class_id: int, worker_id: int, tokens: Collection[UUID], sweeps_max: int = SWEEPS_MAX
) -> Sequence[sa.Row[Any]]:
    """Free every lease whose worker is gone, whose time is over, or that ``worker_id`` holds without knowing of it.

    ``tokens`` are the leases the caller is working on; they are left alone.
    """
    values = {"class_id": class_id, "worker_id": worker_id, "tokens": list(tokens), "sweeps_max": sweeps_max}
    return (await run_sql(session, _SWEEP, values)).all()
