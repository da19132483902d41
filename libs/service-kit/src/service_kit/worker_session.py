"""A worker process's sign of life in Postgres: one connection that holds an advisory lock and listens for wake-ups.

The lock dies with the connection, so everybody can see at once whose leases are void. A silent, half-open connection is
found by a heartbeat; while there is no lock, nothing is claimed.
"""

import asyncio
import secrets
from collections.abc import Mapping

import asyncpg

from service_kit.log_setup import get_logger
from service_kit.loops import DATABASE_TROUBLE, Backoff, wait_any
from service_kit.provision import connect

HEARTBEAT_SECONDS = 10.0
HEARTBEAT_LIMIT_SECONDS = 5.0
_ID_MAX = 2**31 - 1


class WorkerSession:
    """``wakes`` maps a channel to the event that its notifications set."""

    def __init__(self, *, url: str, class_id: int, wakes: Mapping[str, asyncio.Event]) -> None:
        self._url = url
        self._class_id = class_id
        self._wakes = wakes
        self._candidate = 1 + secrets.randbelow(_ID_MAX)
        self.worker_id: int | None = None
        self.held = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        backoff = Backoff()
        while not stop.is_set():
            try:
                await self._hold(stop, backoff)
            except DATABASE_TROUBLE as trouble:
                get_logger("kit").warning("worker session lost", error=type(trouble).__name__)
            self.worker_id = None
            self.held.clear()
            await wait_any(stop, seconds=backoff.next_seconds())

    async def _hold(self, stop: asyncio.Event, backoff: Backoff) -> None:
        connection = await connect(self._url)
        try:
            while not await connection.fetchval("select pg_try_advisory_lock($1, $2)", self._class_id, self._candidate):
                self._candidate = 1 + secrets.randbelow(_ID_MAX)
            for channel in self._wakes:
                await connection.add_listener(channel, self._woken)
            backoff.succeeded()
            self.worker_id = self._candidate
            self.held.set()
            self._wake_all()
            ended = asyncio.Event()
            connection.add_termination_listener(lambda _connection: ended.set())
            while not stop.is_set() and not ended.is_set():
                await wait_any(stop, ended, seconds=HEARTBEAT_SECONDS)
                await connection.execute("select 1", timeout=HEARTBEAT_LIMIT_SECONDS)
        finally:
            await _close(connection)

    def _woken(self, _connection: object, _pid: int, channel: str, _payload: object) -> None:
        self._wakes[channel].set()

    def _wake_all(self) -> None:
        """What was committed while nobody listened is found by looking."""
        for event in self._wakes.values():
            event.set()


async def _close(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    try:
        await connection.close(timeout=2)
    except DATABASE_TROUBLE:
        connection.terminate()
