"""The way in by message: receives events, works off the inbox, sends mails, publishes what became of them."""

import asyncio

from contracts.catalogue import Service
from service_kit import crash_points
from service_kit.clock import SystemClock
from service_kit.database import Database, create_database
from service_kit.log_setup import configure_logging
from service_kit.worker_process import WorkerConfig, run_process, run_worker

from notification_service.account_secrets_gateway import AccountSecretsGateway
from notification_service.actions.write_mail import PostOffice
from notification_service.documents_gateway import DocumentsGateway
from notification_service.domain.delivery import retry_policy
from notification_service.event_handlers import event_handlers
from notification_service.invoice_access import InvoiceAccess, new_client
from notification_service.mail_gateway import MailGateway, MailServer
from notification_service.mail_rendering.html_part import HtmlWriter
from notification_service.migrate import head_revision
from notification_service.settings import Settings
from notification_service.tables import Inbox, Outbox

ADVISORY_CLASS_ID = 4243
DOCUMENT_PATIENCE_SECONDS = 3600.0
SECRET_PATIENCE_SECONDS = 300.0


def mail_server(settings: Settings) -> MailServer:
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        hello_name=settings.sender_domain,
        username=settings.smtp_username,
        password=settings.smtp_password,
        ca_file=settings.smtp_ca_file,
        command_seconds=settings.smtp_command_seconds,
        data_seconds=settings.smtp_data_seconds,
        connections_max=settings.smtp_connections,
    )


def worker_config(
    settings: Settings, *, office: PostOffice, database: Database, worker_database: Database
) -> WorkerConfig:
    return WorkerConfig(
        service=Service.NOTIFICATION,
        instance=settings.instance,
        broker_url=settings.required("broker_url"),
        database=database,
        worker_database=worker_database,
        outbox=Outbox,
        inbox=Inbox,
        handlers=event_handlers(office=office, message_id_domain=settings.sender_domain),
        advisory_class_id=ADVISORY_CLASS_ID,
        health_host=settings.host,
        health_port=settings.worker_health_port,
        schema_head=head_revision(),
    )


async def run(settings: Settings, *, stop: asyncio.Event) -> None:
    """Work until ``stop``. Raises `MissingSetting` before anything is connected."""
    server, secret = mail_server(settings), settings.required("invoice_token_secret")
    urls = settings.required("database_url"), settings.required("worker_database_url")
    client = new_client(settings.invoice_service_url)
    access = InvoiceAccess(client=client, secret=secret, clock=SystemClock())
    door = MailGateway(server)
    database = create_database(url=urls[0], application_name="notification-service worker", pool_size=12)
    worker_database = create_database(url=urls[1], application_name="notification-service relay")
    office = PostOffice(
        door=door,
        documents=DocumentsGateway(access),
        account_secrets=AccountSecretsGateway(access),
        html_writer=HtmlWriter(),
        mail_from=settings.required("mail_from"),
        policy=retry_policy(scale=settings.mail_retry_scale, unknown_wait_seconds=settings.unknown_wait_seconds),
        document_patience_seconds=DOCUMENT_PATIENCE_SECONDS * settings.mail_retry_scale,
        secret_patience_seconds=SECRET_PATIENCE_SECONDS * settings.mail_retry_scale,
    )
    config = worker_config(settings, office=office, database=database, worker_database=worker_database)
    try:
        await run_worker(config, stop=stop)
    finally:
        await door.close()
        await client.aclose()
        await database.dispose()
        await worker_database.dispose()


async def main(stop: asyncio.Event) -> None:
    settings = Settings()
    configure_logging(service=Service.NOTIFICATION.value, log_format=settings.log_format, level=settings.log_level)
    crash_points.kill_at(settings.crash_at)
    await run(settings, stop=stop)


if __name__ == "__main__":
    run_process(main)
