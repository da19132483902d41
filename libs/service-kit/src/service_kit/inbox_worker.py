"""Works off the inbox in tasks of our own: each row's effect happens once, because effect and *done* are one commit.

That commit names the lease's token, so a worker that was taken for dead changes nothing. Failures, delays, parking and
recovery are rows; the broker has no part in them.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import UUID, uuid4

import sqlalchemy as sa
from contracts.catalogue import Service
from contracts.ids import format_id
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit import correlation, crash_points, inbox_rows
from service_kit.correlation import Correlation
from service_kit.database import Database
from service_kit.errors import DomainError
from service_kit.failures import failure_of
from service_kit.handlers import Delivery, Handlers, InTransaction, Park, RetryLater
from service_kit.inbox import TASKS
from service_kit.inbox_rows import Lease, LeaseLost
from service_kit.log_setup import get_logger
from service_kit.loops import DATABASE_TROUBLE, Backoff, wait_any

SWEEP_SECONDS = 2.0
DRAIN_SECONDS = 15.0
CLAIM_LINGER_SECONDS = 0.005
_WAKE_AHEAD_SECONDS_MAX = 60.0


class HasWorkerId(Protocol):
    @property
    def worker_id(self) -> int | None: ...


class InboxWorker:
    def __init__(
        self,
        *,
        service: Service,
        database: Database,
        worker_database: Database,
        handlers: Handlers,
        session: HasWorkerId,
        class_id: int,
        concurrency: int = 8,
        lease_seconds: float = 60.0,
        poll_seconds: float = 1.0,
        drain_seconds: float = DRAIN_SECONDS,
        wake: asyncio.Event | None = None,
    ) -> None:
        self._consumers = (service.value, TASKS)
        self._database = database
        self._worker_database = worker_database
        self._handlers = handlers
        self._session = session
        self._class_id = class_id
        self._concurrency = concurrency
        # One organisation never takes every place, so the next one's first message does not wait behind its flood.
        self._share = max(1, concurrency - max(1, concurrency // 4))
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._drain_seconds = drain_seconds
        self.wake = wake or asyncio.Event()
        self._running: dict[asyncio.Task[None], tuple[Lease, UUID | None]] = {}
        self._claiming: UUID | None = None
        # Claims and sweeps take turns: a sweep must not find a lease that was claimed after it had read our tokens.
        self._leasing = asyncio.Lock()

    async def run(self, *, stop: asyncio.Event) -> None:
        """Until ``stop``; then running handlers get `DRAIN_SECONDS`, and what is left is cancelled and given back."""
        upkeep = asyncio.create_task(self._upkeep(stop))
        backoff = Backoff()
        try:
            while not stop.is_set():
                if upkeep.done():
                    upkeep.result()
                self.wake.clear()
                if 0 < self._concurrency - len(self._running) < self._concurrency // 2:
                    # Handlers end in bursts: a moment's wait makes one claim of several.
                    await asyncio.sleep(CLAIM_LINGER_SECONDS)
                try:
                    async with self._leasing:
                        claimed = await self._claim_some()
                except DATABASE_TROUBLE as trouble:
                    get_logger("kit").warning("inbox waits", error=type(trouble).__name__)
                    await wait_any(stop, seconds=backoff.next_seconds())
                    continue
                backoff.succeeded()
                if claimed == 0:
                    await wait_any(self.wake, stop, seconds=self._poll_seconds)
        finally:
            upkeep.cancel()
            await asyncio.gather(upkeep, return_exceptions=True)
            await self._drain()

    def tokens(self) -> set[UUID]:
        """The leases that this process works on or is about to."""
        held = {lease.token for lease, _ in self._running.values()}
        return held | ({self._claiming} if self._claiming else set())

    async def _claim_some(self) -> int:
        free = self._concurrency - len(self._running)
        worker_id = self._session.worker_id
        if free <= 0 or worker_id is None:
            return 0
        busy = Counter(organization for _, organization in self._running.values() if organization)
        token = self._claiming = uuid4()
        try:
            async with self._worker_database.transaction(organization_id=None) as session:
                rows = await inbox_rows.claim(
                    session,
                    consumers=self._consumers,
                    wanted=free,
                    share=self._share,
                    busy=busy,
                    token=token,
                    worker_id=worker_id,
                    lease_seconds=self._lease_seconds,
                )
            for row in rows:
                self._start(row, token)
        finally:
            self._claiming = None
        return len(rows)

    def _start(self, row: sa.Row[Any], token: UUID) -> None:
        crash_points.reached("worker.after_claim")
        lease = Lease(consumer=row.consumer, event_id=row.event_id, token=token)
        task = asyncio.create_task(self._work(lease, delivery_of(row)))
        self._running[task] = (lease, row.organization_id)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self.wake.set()
        if not task.cancelled() and (trouble := task.exception()) is not None:
            get_logger("kit").error("a worker task ended badly", exc_info=trouble)

    async def _work(self, lease: Lease, delivery: Delivery) -> None:
        with correlation.bound(delivery.correlation):
            try:
                await self._handle(lease, delivery)
            except LeaseLost:
                get_logger("kit").warning("lease lost", event_id=str(delivery.id), type=delivery.type)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling() > 0:
                    raise
                # A library gave up one of its own awaits; nobody asked this task to stop.
                await self._failed(lease, delivery, ConnectionError("cancelled from inside"))
            except Exception as error:
                # The edge of every handler: whatever it raised decides what happens to its row, and to no other.
                await self._failed(lease, delivery, error)

    async def _handle(self, lease: Lease, delivery: Delivery) -> None:
        handler = self._handlers.get(delivery.type)
        if handler is None:
            raise RetryLater(f"this version has no handler for {delivery.type}")
        if isinstance(handler, InTransaction):
            async with self._database.transaction(organization_id=delivery.organization_id) as session:
                # First, so that a twin waits here, finds the lease gone, and has no effect.
                await inbox_rows.finish(session, lease)
                await handler.handle(session, delivery)
                crash_points.reached("worker.before_effect_commit")
            crash_points.reached("worker.after_effect_commit")
            return
        work = _Work(delivery=delivery, lease=lease, database=self._database)
        await handler.handle(work)
        if not work.completed:
            raise RuntimeError(f"the handler of {delivery.type} ended without completion()")

    async def _failed(self, lease: Lease, delivery: Delivery, error: Exception) -> None:
        failure = failure_of(error)
        expected = isinstance(error, RetryLater | Park | DomainError)
        try:
            crash_points.reached("worker.before_failure_recorded")
            async with self._worker_database.transaction(organization_id=None) as session:
                outcome = await inbox_rows.fail(session, lease, failure)
            crash_points.reached("worker.after_failure_recorded")
        except DATABASE_TROUBLE as trouble:
            # The lease is freed by the sweep: this process no longer lists it as its own.
            get_logger("kit").warning("failure not recorded", event_id=str(delivery.id), error=type(trouble).__name__)
            return
        state, delay = outcome or ("lease lost", 0.0)
        get_logger("kit").log(
            30 if not expected or state == "parked" else 20,
            "delivery failed",
            event_id=str(delivery.id),
            type=delivery.type,
            attempt=delivery.attempts,
            state=state,
            delay_seconds=round(delay, 3),
            error=failure.error,
            exc_info=None if expected else error,
        )
        if state == "ready" and delay <= _WAKE_AHEAD_SECONDS_MAX:
            asyncio.get_running_loop().call_later(delay + 0.005, self.wake.set)

    async def _upkeep(self, stop: asyncio.Event) -> None:
        """Renew our leases and free those of the dead."""
        while not stop.is_set():
            worker_id = self._session.worker_id
            try:
                if worker_id is not None:
                    async with self._leasing:
                        await self._sweep_and_renew(worker_id)
            except DATABASE_TROUBLE as trouble:
                get_logger("kit").warning("sweep waits", error=type(trouble).__name__)
            await wait_any(stop, seconds=min(SWEEP_SECONDS, self._lease_seconds / 3))

    async def _sweep_and_renew(self, worker_id: int) -> None:
        async with self._worker_database.transaction(organization_id=None) as session:
            if tokens := self.tokens():
                await inbox_rows.renew(session, tokens=tokens, lease_seconds=self._lease_seconds)
            freed = await inbox_rows.sweep(session, class_id=self._class_id, worker_id=worker_id, tokens=self.tokens())
        if freed:
            get_logger("kit").warning("leases of lost workers freed", count=len(freed))
            self.wake.set()

    async def _drain(self) -> None:
        if self._running:
            await asyncio.wait(set(self._running), timeout=self._drain_seconds)
        left = dict(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if left:
            with contextlib.suppress(*DATABASE_TROUBLE):
                async with self._worker_database.transaction(organization_id=None) as session:
                    await inbox_rows.release(session, tokens={lease.token for lease, _ in left.values()})


class _Work:
    """`service_kit.handlers.OutsideWork` for one leased row."""

    def __init__(self, *, delivery: Delivery, lease: Lease, database: Database) -> None:
        self.delivery = delivery
        self.completed = False
        self._lease = lease
        self._database = database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with self._database.transaction(organization_id=self.delivery.organization_id) as session:
            yield session

    @asynccontextmanager
    async def completion(self, *, again_in_seconds: float | None = None) -> AsyncIterator[AsyncSession]:
        if self.completed:
            raise RuntimeError(f"completion() of {self.delivery.type} was reached twice")
        async with self._database.transaction(organization_id=self.delivery.organization_id) as session:
            await inbox_rows.finish(session, self._lease, again_in_seconds=again_in_seconds)
            yield session
            crash_points.reached("worker.before_effect_commit")
        self.completed = True
        crash_points.reached("worker.after_effect_commit")


def delivery_of(row: sa.Row[Any]) -> Delivery:
    """What the handler sees; what it records is caused by this event or task and stays in its trace."""
    return Delivery(
        id=row.event_id,
        type=row.type,
        organization_id=row.organization_id,
        attempts=row.attempts + 1,
        first_received_at=row.received_at,
        sequence=row.sequence,
        payload=row.payload,
        correlation=Correlation(
            correlation_id=row.correlation_id,
            causation_id=row.causation_id if row.consumer == TASKS else format_id("evt", row.event_id),
            traceparent=correlation.next_traceparent(row.traceparent),
            actor=row.actor,
        ),
    )
