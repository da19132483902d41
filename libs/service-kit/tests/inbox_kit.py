"""An inbox worker to be tested from inside: its rows, leases and sweeps by hand, on a real database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from contracts.catalogue import Service
from kit_tests.rows import Inbox, add_effect
from service_kit import inbox_rows
from service_kit.database import Database
from service_kit.handlers import Delivery, Handlers
from service_kit.identifiers import new_id
from service_kit.inbox import TASKS, enqueue_task
from service_kit.inbox_rows import Lease
from service_kit.inbox_worker import InboxWorker
from service_kit.testing.databases import ServiceDatabase
from sqlmodel.ext.asyncio.session import AsyncSession

CLASS_ID = 4242
TASK = "task.test"


@dataclass
class Sign:
    """A sign of life without its connection: a worker id for the claim."""

    worker_id: int | None = 1


@dataclass
class Kit:
    database: ServiceDatabase
    app: Database
    worker: Database

    def inbox_worker(self, handlers: Handlers, **changes: Any) -> InboxWorker:
        settings: dict[str, Any] = {
            "service": Service.PAYMENT,
            "database": self.app,
            "worker_database": self.worker,
            "handlers": handlers,
            "session": Sign(),
            "class_id": CLASS_ID,
            "poll_seconds": 0.02,
            **changes,
        }
        return InboxWorker(**settings)

    async def task(self, organization_id: UUID | None = None, *, task_type: str = TASK) -> UUID:
        organization = organization_id or new_id()
        async with self.app.transaction(organization_id=organization) as session:
            return await enqueue_task(
                session, Inbox, task_type=task_type, organization_id=organization, payload={"n": 1}
            )

    async def claim(self, *, worker_id: int = 7, wanted: int = 10, lease_seconds: float = 60) -> list[Lease]:
        """Lease rows as another worker would."""
        token = new_id()
        async with self.worker.transaction(organization_id=None) as session:
            rows = await inbox_rows.claim(
                session,
                consumers=[TASKS],
                wanted=wanted,
                share=wanted,
                busy={},
                token=token,
                worker_id=worker_id,
                lease_seconds=lease_seconds,
            )
        return [Lease(consumer=row.consumer, event_id=row.event_id, token=token) for row in rows]

    async def sweep(self, *, worker_id: int = 1, sweeps_max: int = 25) -> int:
        async with self.worker.transaction(organization_id=None) as session:
            freed = await inbox_rows.sweep(
                session, class_id=CLASS_ID, worker_id=worker_id, tokens=[], sweeps_max=sweeps_max
            )
        return len(freed)

    async def rows(self) -> list[Any]:
        return await self.database.fetch("select * from payment.inbox order by received_at, event_id")

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.rows()]

    async def effects(self) -> int:
        return len(await self.database.fetch("select 1 from payment.effects"))


@asynccontextmanager
async def working(*workers: InboxWorker) -> AsyncIterator[list["asyncio.Task[None]"]]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(worker.run(stop=stop)) for worker in workers]
    try:
        yield tasks
    finally:
        stop.set()
        async with asyncio.timeout(25):
            await asyncio.gather(*tasks)


def settled(kit: Kit, *states: str) -> Callable[[], Any]:
    async def check() -> bool:
        return await kit.states() == list(states)

    return check


async def effect(session: AsyncSession, delivery: Delivery) -> None:
    await add_effect(session, delivery)
