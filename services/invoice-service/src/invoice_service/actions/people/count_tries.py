"""Counts a try before it is made and gives it back when it was right, so that a burst counts like a row of tries."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.account_secrets import AccountSecrets, Purpose
from invoice_service.domain.sign_in_limits import Limit, TriedTooOften, after_success, after_try, wait_left
from invoice_service.queries.sign_in_failures import lock_standings, purge_old_tries, store_standing


@dataclass(frozen=True)
class Try:
    """``subject`` names nobody. One that is not ``binding`` is counted all the same."""

    limit: Limit
    subject: bytes
    binding: bool = True


def try_of(secrets: AccountSecrets, limit: Limit, *about: str, binding: bool = True) -> Try:
    subject = secrets.proof(Purpose.SUBJECT, "\n".join((limit.kind, *about)))
    return Try(limit=limit, subject=subject, binding=binding)


async def count_tries(session: AsyncSession, *, tries: Sequence[Try], now: datetime) -> None:
    """All are counted, or none and `TriedTooOften` is raised with the longest wait."""
    standings = await lock_standings(session, subjects=[one.subject for one in tries], now=now)
    left = max(wait_left(standings[one.subject], now=now) for one in tries if one.binding)
    if left:
        seconds = math.ceil(left.total_seconds())
        raise TriedTooOften("wait before you try again", retry_after_seconds=seconds)
    for one in tries:
        await store_standing(
            session, subject=one.subject, standing=after_try(standings[one.subject], one.limit, now=now)
        )
    await purge_old_tries(session, now=now)


async def give_back(session: AsyncSession, *, tries: Sequence[Try], now: datetime) -> None:
    standings = await lock_standings(session, subjects=[one.subject for one in tries], now=now)
    for one in tries:
        await store_standing(session, subject=one.subject, standing=after_success(standings[one.subject], one.limit))
