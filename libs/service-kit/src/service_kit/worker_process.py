"""A service's worker: intake, inbox workers, relay, sign of life and probes in one loop, and how they stop.

Nothing here is global, so the workers of several services run side by side in one process, as tests do.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from contracts.catalogue import Service
from fastapi import FastAPI

from service_kit.broker import Publisher
from service_kit.canary import Canary
from service_kit.clock import Clock, SystemClock
from service_kit.database import Database
from service_kit.dead_letters import DeadLetters
from service_kit.handlers import Handlers
from service_kit.health import NotReady, ReadyCheck, database_check
from service_kit.http import create_api, serve
from service_kit.inbox import InboxColumns
from service_kit.inbox_intake import InboxIntake
from service_kit.inbox_worker import InboxWorker
from service_kit.log_setup import get_logger
from service_kit.outbox import OutboxColumns
from service_kit.outbox_relay import OutboxRelay
from service_kit.topology import short_name
from service_kit.worker_session import WorkerSession

INTAKE_STOP_SECONDS = 8.0
WORK_STOP_SECONDS = 18.0
RELAY_STOP_SECONDS = 10.0
EXIT_AT_ONCE = 130
_PARTS = ("session", "health", "intake", "dead letters", "inbox", "relay")


@dataclass(frozen=True, kw_only=True)
class WorkerConfig:
    """``database`` is the app role's, ``worker_database`` the worker role's; both stay the caller's to dispose of.

    ``schema_head`` is the revision that readiness demands (`service_kit.migrating.head_revision`), or None. ``ready``
    is set once everything runs and the sign of life is held.
    """

    service: Service
    instance: str
    broker_url: str
    database: Database
    worker_database: Database
    outbox: type[OutboxColumns]
    inbox: type[InboxColumns]
    handlers: Handlers
    advisory_class_id: int
    health_host: str = "127.0.0.1"
    health_port: int = 0
    concurrency: int = 8
    poll_seconds: float = 1.0
    lease_seconds: float = 60.0
    schema_head: str | None = None
    clock: Clock = field(default_factory=SystemClock)
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class PartEnded(RuntimeError):
    """A part of the worker ended although nobody asked it to; the process ends, for its supervisor to restart."""


async def run_worker(config: WorkerConfig, *, stop: asyncio.Event) -> None:
    """Work until ``stop`` is set, then stop gracefully. Raises `PartEnded` when a part fails for good."""
    worker = _Worker(config)
    try:
        await worker.run(stop)
    finally:
        await worker.wind_down()


def run_process(main: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run ``main`` until SIGTERM or SIGINT sets its event; a second signal ends the process on the spot.

    A failure is logged, redacted like every line, and ends the process with status 1.
    """

    async def supervised() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def asked() -> None:
            if stop.is_set():
                os._exit(EXIT_AT_ONCE)
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, asked)
        await main(stop)

    try:
        asyncio.run(supervised())
    except Exception as failure:
        # The edge of the process: Python's own report would print the exception past the redaction.
        get_logger("kit").critical("the process ends", exc_info=failure)
        sys.exit(1)


class _Worker:
    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        schema = short_name(config.service)
        self._outbox_wake = asyncio.Event()
        inbox_wake = asyncio.Event()
        self._session = WorkerSession(
            url=config.worker_database.engine.url.render_as_string(hide_password=False),
            class_id=config.advisory_class_id,
            wakes={f"{schema}_outbox": self._outbox_wake, f"{schema}_inbox": inbox_wake},
        )
        self._publisher = Publisher(
            broker_url=config.broker_url, name=f"{config.instance}-{config.service.value}-publish"
        )
        self._relay = OutboxRelay(
            service=config.service,
            instance=config.instance,
            worker_database=config.worker_database,
            publisher=self._publisher,
            poll_seconds=config.poll_seconds,
        )
        self._intake = InboxIntake(
            service=config.service,
            instance=config.instance,
            broker_url=config.broker_url,
            worker_database=config.worker_database,
            inbox=config.inbox,
            arrived=inbox_wake,
        )
        self._inbox = InboxWorker(
            service=config.service,
            database=config.database,
            worker_database=config.worker_database,
            handlers=config.handlers,
            session=self._session,
            class_id=config.advisory_class_id,
            concurrency=config.concurrency,
            lease_seconds=config.lease_seconds,
            poll_seconds=config.poll_seconds,
            wake=inbox_wake,
        )
        self._dead_letters = DeadLetters(
            service=config.service,
            instance=config.instance,
            worker_database=config.worker_database,
            inbox=config.inbox,
            intake=self._intake,
        )
        self._stops = {name: asyncio.Event() for name in _PARTS}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._api: FastAPI | None = None

    async def run(self, stop: asyncio.Event) -> None:
        parts: dict[str, Callable[[asyncio.Event], Awaitable[None]]] = {
            "session": self._session.run,
            "dead letters": self._dead_letters.run,
            "health": self._probes,
            "intake": lambda stop: self._intake.run(stop=stop),
            "inbox": lambda stop: self._inbox.run(stop=stop),
            "relay": lambda stop: self._relay.run(wake=self._outbox_wake, stop=stop),
        }
        for name, part in parts.items():
            self._tasks[name] = asyncio.ensure_future(part(self._stops[name]))
        stopping = asyncio.create_task(stop.wait())
        holding = asyncio.create_task(self._announce())
        try:
            await asyncio.wait({stopping, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            holding.cancel()
        for name, task in self._tasks.items():
            if task.done() and not stop.is_set():
                raise PartEnded(f"{name} of {self._config.service} ended") from _trouble(task)

    async def wind_down(self) -> None:
        """Readiness red, consumers cancelled, own work finished, relay finished, leases given back; then connections.

        Closing a connection first would cancel what still runs on it. Correctness depends on none of this.
        """
        if self._api is not None:
            self._api.state.stopping = True
        await self._end("dead letters", seconds=INTAKE_STOP_SECONDS)
        await self._end("intake", seconds=INTAKE_STOP_SECONDS)
        await self._end("inbox", seconds=WORK_STOP_SECONDS)
        await self._end("relay", seconds=RELAY_STOP_SECONDS)
        await self._end("session", seconds=RELAY_STOP_SECONDS)
        await self._intake.close()
        await self._publisher.close()
        await self._end("health", seconds=RELAY_STOP_SECONDS)

    async def _announce(self) -> None:
        await self._session.held.wait()
        self._config.ready.set()

    async def _probes(self, stop: asyncio.Event) -> None:
        config = self._config
        canary = Canary(
            service=config.service, instance=config.instance, publisher=self._publisher, intake=self._intake
        )
        checks = (
            database_check(config.database, head=config.schema_head),
            ReadyCheck(name="session", run=self._session_held),
            ReadyCheck(name="intake", run=self._intake.check),
            ReadyCheck(name="broker", run=canary.check),
        )
        api = create_api(
            title=f"{config.service.value} worker",
            service=config.service.value,
            clock=config.clock,
            ready_checks=checks,
        )
        self._api = api
        await serve([(api, config.health_host, config.health_port)], stop=stop)

    async def _session_held(self) -> str:
        if self._session.worker_id is None:
            raise NotReady("no sign of life in the database")
        return "held"

    async def _end(self, name: str, *, seconds: float) -> None:
        self._stops[name].set()
        task = self._tasks.get(name)
        if task is None:
            return
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=1.0)
        if task.done() and (trouble := _trouble(task)) is not None:
            get_logger("kit").error("a part of the worker failed", part=name, exc_info=trouble)


def _trouble(task: "asyncio.Task[None]") -> BaseException | None:
    return None if task.cancelled() else task.exception()
