"""The way in by HTTP: a public listener for keys and customers, a private one for the other services."""

import asyncio
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from contracts.catalogue import Service
from fastapi import Depends, FastAPI
from service_kit import crash_points
from service_kit.clock import SystemClock
from service_kit.database import create_database
from service_kit.health import ReadyCheck, database_check
from service_kit.http import create_api, serve
from service_kit.http_door import HttpDoor
from service_kit.log_setup import configure_logging
from service_kit.worker_process import run_process

from invoice_service.api import (
    account_page,
    api_keys,
    api_reference,
    audit_log,
    customer_page,
    customers,
    exports,
    internal_account_mails,
    internal_documents,
    invitations,
    invoice_pdf,
    invoices,
    mailed_link_pages,
    members,
    organization,
    payments,
    sending,
    session,
    sign_in_pages,
    stripe_settings,
    templates,
)
from invoice_service.api.api_document import describe
from invoice_service.api.cursors import CursorRefused, cursor_refused
from invoice_service.api.person_sessions import origin_of
from invoice_service.api.problem_docs import problem_responses
from invoice_service.api.query_parameters import check_parameters
from invoice_service.dependencies import Accounts, Dependencies
from invoice_service.domain.account_secrets import AccountSecrets
from invoice_service.domain.page_token import PageAddresses
from invoice_service.migrate import head_revision
from invoice_service.request_quotas import quotas_of
from invoice_service.settings import Settings

TITLE = "Invoice Central"
PUBLIC_ROUTERS = (
    customers.router,
    templates.router,
    organization.router,
    stripe_settings.router,
    api_keys.router,
    audit_log.router,
    exports.router,
    session.router,
    members.router,
    invitations.router,
    invoices.router,
    invoice_pdf.router,
    sending.router,
    payments.router,
    customer_page.router,
    sign_in_pages.router,
    mailed_link_pages.router,
    account_page.router,
)
PRIVATE_ROUTERS = (internal_documents.router, internal_account_mails.router)


@dataclass(frozen=True)
class Apps:
    """``dependencies.database`` is to be disposed of when both have ended."""

    public: FastAPI
    private: FastAPI
    dependencies: Dependencies


def build(settings: Settings) -> Apps:
    """Both applications from settings; nothing is connected before the first request. Raises `MissingSetting`."""
    dependencies = Dependencies(
        database=create_database(url=settings.required("database_url"), application_name="invoice-service-app"),
        clock=SystemClock(),
        pages=PageAddresses(public_url=settings.served_at(), secret=settings.required("page_token_secret")),
        accounts=_accounts(settings),
        api_key_pepper=settings.required("api_key_pepper"),
        service_token_secret=settings.required("service_token_secret"),
        payment_token_secret=settings.required("payment_token_secret"),
        payment_service_url=settings.payment_service_url,
        live_keys=settings.api_keys_are_live,
        limits=quotas_of(
            caller=settings.rate_limit_per_minute,
            stranger=settings.rate_limit_wrong_per_minute,
            page=settings.rate_limit_page_per_minute,
        ),
    )
    https = settings.public_url.startswith("https://")
    return Apps(
        public=create_public_app(
            dependencies, docs=settings.docs_enabled, door=settings.http_door(https=https, cross_origin=True)
        ),
        private=create_private_app(dependencies, door=settings.http_door()),
        dependencies=dependencies,
    )


def _accounts(settings: Settings) -> Accounts:
    own = origin_of(settings.public_url)
    return Accounts(
        secrets=AccountSecrets(key=settings.required("account_secret")),
        origins=frozenset({own, *settings.http_door(cross_origin=True).cors_origins}),
        secure=own.startswith("https://"),
        idle_seconds=settings.session_idle_minutes * 60,
        lifetime_seconds=settings.session_lifetime_hours * 3600,
    )


def create_public_app(dependencies: Dependencies, *, docs: bool = False, door: HttpDoor | None = None) -> FastAPI:
    """What programs call with a key, people with a session, and customers with the token of a page."""
    api = _api(dependencies, title=TITLE, docs=docs, door=door)
    _include_public_routes(api)
    if docs:
        api.include_router(api_reference.reference_router(api))
    return api


def describe_public_api() -> dict[str, Any]:
    """The OpenAPI document of the public listener, without anything that it would need to answer."""
    api = create_api(title=TITLE, service=Service.INVOICE.value, clock=SystemClock(), ready_checks=())
    _include_public_routes(api)
    return describe(api)


def _include_public_routes(api: FastAPI) -> None:
    for router in PUBLIC_ROUTERS:
        api.include_router(router, responses=problem_responses(), dependencies=[Depends(check_parameters)])
    api.add_exception_handler(CursorRefused, cursor_refused)
    # FastAPI's own way to replace the description is to replace this method. Writing it takes a third of a second.
    api.openapi = cache(partial(describe, api))  # type: ignore[method-assign]


def create_private_app(dependencies: Dependencies, *, door: HttpDoor | None = None) -> FastAPI:
    """What the other services call with a service token; never reachable from outside."""
    api = _api(dependencies, title="Invoice Central, internal", docs=False, door=door)
    for router in PRIVATE_ROUTERS:
        api.include_router(router)
    return api


def _api(dependencies: Dependencies, *, title: str, docs: bool, door: HttpDoor | None) -> FastAPI:
    checks: list[ReadyCheck] = [database_check(dependencies.database, head=head_revision())]
    api = create_api(
        title=title,
        service=Service.INVOICE.value,
        clock=dependencies.clock,
        ready_checks=checks,
        docs=docs,
        door=door,
    )
    api.state.dependencies = dependencies
    return api


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Serve both listeners until ``stop``. Raises `MissingSetting`, or `AddressTaken` before anything is served."""
    apps = build(settings)
    try:
        await serve(
            [(apps.public, settings.host, settings.public_port), (apps.private, settings.host, settings.private_port)],
            stop=stop,
        )
    finally:
        await apps.dependencies.database.dispose()


async def main(stop: asyncio.Event) -> None:
    settings = Settings()
    configure_logging(service=Service.INVOICE.value, log_format=settings.log_format, level=settings.log_level)
    crash_points.kill_at(settings.crash_at)
    await run(settings, stop=stop)


if __name__ == "__main__":
    run_process(main)
