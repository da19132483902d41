"""The way in by message: what arrives, what we gave ourselves to do, and what we have to say."""

import asyncio

from contracts.catalogue import Service
from service_kit import crash_points
from service_kit.database import create_database
from service_kit.log_setup import configure_logging
from service_kit.worker_process import WorkerConfig, run_process, run_worker

from invoice_service.domain.page_token import PageAddresses
from invoice_service.event_handlers import Handling, build_handlers
from invoice_service.migrate import head_revision
from invoice_service.settings import Settings
from invoice_service.tables.messages import Inbox, Outbox

ADVISORY_CLASS_ID = 4241


def build(settings: Settings) -> WorkerConfig:
    """All a worker needs, nothing connected yet; databases are the caller's to close. Raises `MissingSetting`."""
    pages = PageAddresses(public_url=settings.served_at(), secret=settings.required("page_token_secret"))
    return WorkerConfig(
        service=Service.INVOICE,
        instance=settings.instance,
        broker_url=settings.required("broker_url"),
        database=create_database(url=settings.required("database_url"), application_name="invoice-service-worker"),
        worker_database=create_database(
            url=settings.required("worker_database_url"), application_name="invoice-service-relay", pool_size=5
        ),
        outbox=Outbox,
        inbox=Inbox,
        handlers=build_handlers(Handling(pages=pages)),
        advisory_class_id=ADVISORY_CLASS_ID,
        health_host=settings.host,
        health_port=settings.worker_health_port,
        schema_head=head_revision(),
    )


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Work until ``stop``. Raises `MissingSetting` before anything is claimed."""
    config = build(settings)
    try:
        await run_worker(config, stop=stop)
    finally:
        await config.database.dispose()
        await config.worker_database.dispose()


async def main(stop: asyncio.Event) -> None:
    settings = Settings()
    configure_logging(service=Service.INVOICE.value, log_format=settings.log_format, level=settings.log_level)
    crash_points.kill_at(settings.crash_at)
    await run(settings, stop=stop)


if __name__ == "__main__":
    run_process(main)
