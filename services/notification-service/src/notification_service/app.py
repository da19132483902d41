"""The way in by HTTP: a private listener that only says whether this service is well. Mails are asked for by events."""

import asyncio

from contracts.catalogue import Service
from fastapi import FastAPI
from service_kit import crash_points
from service_kit.clock import Clock, SystemClock
from service_kit.database import Database, create_database
from service_kit.health import database_check
from service_kit.http import create_api, serve
from service_kit.http_door import HttpDoor
from service_kit.log_setup import configure_logging
from service_kit.worker_process import run_process

from notification_service.migrate import head_revision
from notification_service.settings import Settings


def private_api(*, database: Database, clock: Clock, head: str | None, door: HttpDoor) -> FastAPI:
    """``head`` is the revision that readiness demands."""
    checks = [database_check(database, head=head)]
    return create_api(
        title="Mail, internal", service=Service.NOTIFICATION.value, clock=clock, ready_checks=checks, door=door
    )


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Serve until ``stop``. Raises `MissingSetting` before anything listens."""
    database = create_database(
        url=settings.required("database_url"), application_name="notification-service app", pool_size=2
    )
    api = private_api(database=database, clock=SystemClock(), head=head_revision(), door=settings.http_door())
    try:
        await serve([(api, settings.host, settings.private_port)], stop=stop)
    finally:
        await database.dispose()


async def main(stop: asyncio.Event) -> None:
    settings = Settings()
    configure_logging(service=Service.NOTIFICATION.value, log_format=settings.log_format, level=settings.log_level)
    crash_points.kill_at(settings.crash_at)
    await run(settings, stop=stop)


if __name__ == "__main__":
    run_process(main)
