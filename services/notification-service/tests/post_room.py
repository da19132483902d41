"""The whole service over a real database, with the mail server and invoice-service replaced: hear, work, look."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

from contracts.catalogue import Service
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.invoice import DocumentFile
from notification_service.account_secrets_gateway import AccountMailUnknown, AccountSecret, AccountSecretDoor
from notification_service.actions.write_mail import PostOffice
from notification_service.documents_gateway import DocumentDiffers, DocumentNotThere
from notification_service.domain.delivery import RetryPolicy, retry_policy
from notification_service.event_handlers import event_handlers
from notification_service.mail_gateway import MailDoor
from notification_service.mail_rendering.html_part import HtmlWriter
from notification_service.tables import Inbox
from notification_service.worker import ADVISORY_CLASS_ID
from notification_tests.fakes import FakeMailDoor
from notification_tests.make import ACCOUNT_MAIL_ID, DOCUMENT_ID, MAIL_ID, NOON, PDF
from service_kit.database import run_sql
from service_kit.errors import Unavailable
from service_kit.identifiers import new_id
from service_kit.inbox_worker import InboxWorker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.fixtures import outbox_of
from service_kit.testing.waiting import run_until
from sqlalchemy.dialects.postgresql import insert

DOMAIN = "central.example"


class FakeDocuments:
    """invoice-service's store. ``failures`` are raised one by one before anything is given."""

    def __init__(self) -> None:
        self.stored: dict[UUID, bytes] = {DOCUMENT_ID: PDF}
        self.failures: list[Exception] = []
        self.fetched = 0

    async def fetch(self, file: DocumentFile, *, organization_id: UUID) -> bytes:
        self.fetched += 1
        if self.failures:
            raise self.failures.pop(0)
        content = self.stored.get(file.document_id)
        if content is None:
            raise DocumentNotThere("not there")
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise DocumentDiffers("other bytes")
        return content


class FakeAccountSecrets:
    """invoice-service's minting: another address at each call. ``failures`` are raised one by one before any is given.

    ``known`` are the mails it has; `account_secrets_gateway.AccountSecretDoor`.
    """

    def __init__(self, *, page: str = "https://invoices.nordlicht.example/invitation/ic_invite_") -> None:
        self.page = page
        self.known: set[UUID] = {ACCOUNT_MAIL_ID}
        self.failures: list[Exception] = []
        self.minted: list[str] = []
        self.asked = 0

    async def mint(self, mail_id: UUID, *, organization_id: UUID) -> AccountSecret:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        if mail_id not in self.known:
            raise AccountMailUnknown("not there")
        self.minted.append(f"{self.page}{token_urlsafe(32)}")
        return AccountSecret(url=self.minted[-1], expires_at=NOON + timedelta(days=7))


@dataclass
class _Alive:
    worker_id: int | None


@dataclass
class PostRoom:
    """``hear`` puts an event into the inbox as the broker's intake would; ``work`` runs until nothing is due."""

    database: ServiceDatabase
    door: MailDoor
    documents: FakeDocuments = field(default_factory=FakeDocuments)
    account_secrets: AccountSecretDoor = field(default_factory=FakeAccountSecrets)
    policy: RetryPolicy = field(default_factory=lambda: retry_policy(scale=1.0, unknown_wait_seconds=900))
    sequences: "count[int]" = field(default_factory=lambda: count(1))
    workers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def secrets(self) -> FakeAccountSecrets:
        assert isinstance(self.account_secrets, FakeAccountSecrets)
        return self.account_secrets

    @property
    def mails(self) -> list[Any]:
        assert isinstance(self.door, FakeMailDoor)
        return self.door.mails

    async def hear(self, *events: Event, sequence: int | None = None, event_id: UUID | None = None) -> None:
        for event in events:
            row = {
                "consumer": Service.NOTIFICATION.value,
                "event_id": event_id or new_id(),
                "organization_id": event.organization_id,
                "type": event.event_type,
                "payload": event.model_dump(mode="json"),
                "sequence": next(self.sequences) if sequence is None else sequence,
                "correlation_id": "test",
            }
            async with self.database.open("notification", "worker").transaction(organization_id=None) as session:
                await run_sql(session, insert(Inbox).values(**row).on_conflict_do_nothing())

    async def work(self, *, seconds: float = 60.0) -> None:
        """Run a worker of its own until no row of the inbox is due or being worked on."""
        async with self.working():
            await run_until(self._is_quiet, timeout_seconds=seconds)

    @asynccontextmanager
    async def working(self, *, concurrency: int = 8) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(self._worker(concurrency).run(stop=stop))
        try:
            yield
        finally:
            stop.set()
            with suppress(asyncio.CancelledError):
                await task

    async def later(self, seconds: float) -> None:
        """The schema's time moves on, and what became due is worked off."""
        await self.database.advance_clock("notification", seconds=seconds)
        await self.work()

    async def published(self) -> list[Event]:
        envelopes: list[Envelope] = await outbox_of(self.database, Service.NOTIFICATION)
        return [envelope.data for envelope in envelopes]

    async def mail_state(self, mail_id: UUID = MAIL_ID) -> str:
        rows = await self.database.fetch("select state from notification.mails where mail_id = $1", mail_id)
        return str(rows[0]["state"]) if rows else "absent"

    async def deliveries(self, mail_id: UUID = MAIL_ID) -> dict[str, str]:
        rows = await self.database.fetch(
            "select recipient, state from notification.deliveries where mail_id = $1 order by position", mail_id
        )
        return {row["recipient"]: row["state"] for row in rows}

    async def parked(self) -> list[str]:
        rows = await self.database.fetch("select park_reason from notification.inbox where state = 'parked'")
        return [str(row["park_reason"]) for row in rows]

    async def seconds_until_due(self) -> float:
        rows = await self.database.fetch(
            "select extract(epoch from min(next_at) - notification.app_now()) as s "
            "from notification.inbox where state = 'ready'"
        )
        return float(rows[0]["s"])

    def _worker(self, concurrency: int) -> InboxWorker:
        office = PostOffice(
            door=self.door,
            documents=self.documents,
            account_secrets=self.account_secrets,
            html_writer=HtmlWriter(),
            mail_from="out@central.example",
            policy=self.policy,
            document_patience_seconds=600,
            secret_patience_seconds=300,
        )
        return InboxWorker(
            service=Service.NOTIFICATION,
            database=self.database.open("notification"),
            worker_database=self.database.open("notification", "worker"),
            handlers=event_handlers(office=office, message_id_domain=DOMAIN),
            session=_Alive(worker_id=next(self.workers)),
            class_id=ADVISORY_CLASS_ID,
            concurrency=concurrency,
            poll_seconds=0.02,
        )

    async def _is_quiet(self) -> bool:
        rows = await self.database.fetch(
            "select count(*) as n from notification.inbox "
            "where state = 'leased' or (state = 'ready' and next_at <= notification.app_now() + interval '0.5 s')"
        )
        return int(rows[0]["n"]) == 0


def outages(number: int) -> Iterable[Exception]:
    return (Unavailable("invoice-service does not answer") for _ in range(number))
