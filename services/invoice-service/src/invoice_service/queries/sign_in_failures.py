"""Counted tries, by the HMAC of their subject. Rows are locked in one order, so that no requests wait in a ring."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from service_kit.database import run_sql
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.sign_in_limits import Standing
from invoice_service.tables.people import SignInFailures

KEPT_FOR = timedelta(days=2)
_PURGED_AT_ONCE = 50


async def lock_standings(
    session: AsyncSession, *, subjects: Iterable[bytes], now: datetime
) -> Mapping[bytes, Standing]:
    """Every subject's, made where there was none; held until the transaction ends."""
    wanted = sorted(set(subjects))
    rows = [{"subject": subject, "failures": 0, "first_at": now} for subject in wanted]
    made = insert(SignInFailures).values(rows)
    # An update that changes nothing also locks the rows that are there, so none can be forgotten in between.
    held = made.on_conflict_do_update(
        index_elements=["subject"], set_={"failures": col(SignInFailures.failures)}
    ).returning(
        col(SignInFailures.subject),
        col(SignInFailures.failures),
        col(SignInFailures.first_at),
        col(SignInFailures.blocked_until),
    )
    found = (await run_sql(session, held)).all()
    return {row.subject: Standing(row.failures, row.first_at, row.blocked_until) for row in found}


async def store_standing(session: AsyncSession, *, subject: bytes, standing: Standing) -> None:
    await session.exec(
        sa.update(SignInFailures)
        .where(col(SignInFailures.subject) == subject)
        .values(failures=standing.failures, first_at=standing.first_at, blocked_until=standing.blocked_until)
    )


async def purge_old_tries(session: AsyncSession, *, now: datetime) -> None:
    """A few at each try, and none that another request holds. Call it last: it locks in no order, so whoever locks
    another row of this table afterwards can wait in a ring."""
    old = (
        sa.select(col(SignInFailures.subject))
        .where(col(SignInFailures.first_at) < now - KEPT_FOR)
        .limit(_PURGED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    await session.exec(sa.delete(SignInFailures).where(col(SignInFailures.subject).in_(old)))
