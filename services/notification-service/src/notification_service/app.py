"""The way in by HTTP: a private listener that only says whether this service is well. Mails are asked for by events."""

import asyncio
import signal

from contracts.catalogue import Service
from fastapi import FastAPI
from service_kit.clock import Clock, SystemClock
from service_kit.database import Database, create_database
from service_kit.health import database_check
from service_kit.http import create_api, serve
from service_kit.log_setup import configure_logging

from notification_service.migrate import head_revision
from notification_service.settings import Settings


def private_api(*, database: Database, clock: Clock, head: str | None) -> FastAPI:
    """``head`` is the revision that readiness demands."""
    checks = [database_check(database, head=head)]
    return create_api(title="Mail, internal", service=Service.NOTIFICATION.value, clock=clock, ready_checks=checks)


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Serve until ``stop``. Raises `MissingSetting` before anything listens."""
    database = create_database(
        url=settings.required("database_url"), application_name="notification-service app", pool_size=2
    )
    api = private_api(database=database, clock=SystemClock(), head=head_revision())
    try:
        await serve([(api, settings.host, settings.private_port)], stop=stop)
    finally:
        await database.dispose()


async def main() -> None:
    settings = Settings()
    configure_logging(service=Service.NOTIFICATION.value, log_format=settings.log_format, level=settings.log_level)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, stop.set)
    await run(settings, stop=stop)


if __name__ == "__main__":
    asyncio.run(main())
