"""What the kit's own loops share: waiting for work but never for good, and backing off with jitter."""

import asyncio
import random
from dataclasses import dataclass

import asyncpg
import sqlalchemy.exc

from service_kit.broker import BrokerUnavailable

DATABASE_TROUBLE = (
    sqlalchemy.exc.DBAPIError,
    sqlalchemy.exc.TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)
OUTSIDE_TROUBLE = (*DATABASE_TROUBLE, BrokerUnavailable)
"""What a loop survives: the database or the broker is away. Anything else ends the loop, and with it the process."""


@dataclass
class Backoff:
    """Growing waits with full jitter, from ``first_seconds`` to ``most_seconds``."""

    first_seconds: float = 0.1
    most_seconds: float = 2.0
    failures: int = 0

    def succeeded(self) -> None:
        self.failures = 0

    def next_seconds(self) -> float:
        ceiling = min(self.most_seconds, self.first_seconds * 2**self.failures)
        self.failures = min(self.failures + 1, 30)
        return random.uniform(ceiling / 4, ceiling)  # noqa: S311 - spreads load, guards nothing


async def wait_any(*events: asyncio.Event, seconds: float) -> None:
    """Return when one of ``events`` is set, at the latest after ``seconds``."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiting:
            waiter.cancel()
