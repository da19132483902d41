"""The way in by HTTP: a public listener for Stripe's webhooks and a private one for the settings."""

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

from payment_service.api.stripe_settings import stripe_settings_routes
from payment_service.api.stripe_webhooks import stripe_webhook_routes
from payment_service.build_setup import open_gateway, stripe_setup
from payment_service.keyring import Keyring
from payment_service.migrate import head_revision
from payment_service.settings import Settings
from payment_service.stripe_setup import StripeSetup

SERVICE = Service.PAYMENT.value


def public_api(
    *, database: Database, keyring: Keyring, clock: Clock, head: str | None, door: HttpDoor | None = None
) -> FastAPI:
    checks = [database_check(database, head=head)]
    api = create_api(
        title="Payments, webhooks",
        service=SERVICE,
        clock=clock,
        ready_checks=checks,
        json_checked=False,
        door=door,
    )
    api.include_router(stripe_webhook_routes(database=database, keyring=keyring, clock=clock))
    return api


def private_api(
    *,
    database: Database,
    setup: StripeSetup,
    service_token_secret: str,
    clock: Clock,
    head: str | None,
    door: HttpDoor | None = None,
) -> FastAPI:
    checks = [database_check(database, head=head)]
    api = create_api(title="Payments, settings", service=SERVICE, clock=clock, ready_checks=checks, door=door)
    api.include_router(
        stripe_settings_routes(database=database, setup=setup, service_token_secret=service_token_secret, clock=clock)
    )
    return api


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Serve both listeners until ``stop``. Raises `MissingSetting` or `MasterKeysMalformed` before anything listens."""
    clock, head = SystemClock(), head_revision()
    secret, url = settings.required("service_token_secret"), settings.required("database_url")
    gateway = open_gateway(settings)
    setup = stripe_setup(settings, gateway)
    database = create_database(url=url, application_name=f"{SERVICE} app")
    door = settings.http_door(https=settings.webhook_base_url.startswith("https://"))
    public = public_api(database=database, keyring=setup.keyring, clock=clock, head=head, door=door)
    private = private_api(
        database=database,
        setup=setup,
        service_token_secret=secret,
        clock=clock,
        head=head,
        door=settings.http_door(),
    )
    try:
        await serve(
            [(public, settings.host, settings.public_port), (private, settings.host, settings.private_port)],
            stop=stop,
        )
    finally:
        await gateway.close()
        await database.dispose()


async def main(stop: asyncio.Event) -> None:
    settings = Settings()
    configure_logging(service=SERVICE, log_format=settings.log_format, level=settings.log_level)
    crash_points.kill_at(settings.crash_at)
    await run(settings, stop=stop)


if __name__ == "__main__":
    run_process(main)
