"""The way in by message: what arrives, what we gave ourselves to do, and what we have to say."""

import asyncio

from contracts.catalogue import Service
from service_kit import crash_points
from service_kit.database import create_database
from service_kit.log_setup import configure_logging
from service_kit.worker_process import WorkerConfig, run_process, run_worker

from payment_service.build_setup import open_gateway, stripe_setup
from payment_service.event_handlers import payment_handlers
from payment_service.migrate import head_revision
from payment_service.settings import Settings
from payment_service.tables import Inbox, Outbox

SERVICE = Service.PAYMENT.value
ADVISORY_CLASS_ID = 4242


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Work until ``stop``. Raises `MissingSetting` or `MasterKeysMalformed` before anything is claimed."""
    gateway = open_gateway(settings)
    setup = stripe_setup(settings, gateway)
    database = create_database(url=settings.required("database_url"), application_name=f"{SERVICE} worker")
    worker_database = create_database(
        url=settings.required("worker_database_url"), application_name=f"{SERVICE} relay", pool_size=5
    )
    config = WorkerConfig(
        service=Service.PAYMENT,
        instance=settings.instance,
        broker_url=settings.required("broker_url"),
        database=database,
        worker_database=worker_database,
        outbox=Outbox,
        inbox=Inbox,
        handlers=payment_handlers(setup),
        advisory_class_id=ADVISORY_CLASS_ID,
        health_host=settings.host,
        health_port=settings.worker_health_port,
        schema_head=head_revision(),
    )
    try:
        await run_worker(config, stop=stop)
    finally:
        await gateway.close()
        await database.dispose()
        await worker_database.dispose()


async def main(stop: asyncio.Event) -> None:
    settings = Settings()
    configure_logging(service=SERVICE, log_format=settings.log_format, level=settings.log_level)
    crash_points.kill_at(settings.crash_at)
    await run(settings, stop=stop)


if __name__ == "__main__":
    run_process(main)
