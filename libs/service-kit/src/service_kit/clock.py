"""The only place that asks the machine for the time, so that every other module can be given one.

Leases, due times and ages never come from here: they are Postgres' (`service_kit.database.app_now`).
"""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)
