"""Plays the other services and our own worker, without a broker: events are heard by the real handlers on real rows."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from contracts.catalogue import Service
from contracts.event import Event
from invoice_service.domain.page_token import PageAddresses
from invoice_service.event_handlers import Handling, build_handlers
from invoice_tests.fakes import FakeTypesetter
from invoice_tests.make import PAGE_SECRET, PUBLIC_URL
from service_kit.clock import SystemClock
from service_kit.correlation import new_correlation
from service_kit.database import Database
from service_kit.handlers import Delivery, Handler, InTransaction
from service_kit.identifiers import new_id
from service_kit.inbox_worker import InboxWorker
from service_kit.provision import connect
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from sqlalchemy.engine import make_url


@dataclass(frozen=True)
class _Seat:
    worker_id: int = 7


@dataclass
class Driver:
    postgres: ServiceDatabase
    typesetter: FakeTypesetter = field(default_factory=FakeTypesetter)
    real_paper: bool = False
    _administrator: asyncpg.Connection | None = None

    async def query(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Read or change anything as administrator, past row security, on one connection."""
        if self._administrator is None:
            url = make_url(self.postgres.admin_url).set(database=self.postgres.name)
            self._administrator = await connect(url.render_as_string(hide_password=False))
        return list(await self._administrator.fetch(statement, *arguments))

    async def close(self) -> None:
        if self._administrator is not None:
            await self._administrator.close()

    @property
    def database(self) -> Database:
        return self.postgres.open("invoice")

    @property
    def handlers(self) -> dict[str, Handler]:
        pages = PageAddresses(public_url=PUBLIC_URL, secret=PAGE_SECRET)
        if self.real_paper:
            return build_handlers(Handling(pages=pages))
        return build_handlers(Handling(pages=pages, typesetter=self.typesetter.as_typesetter()))

    async def hear(self, event: Event) -> None:
        """Handle ``event`` in one transaction, as the worker does; what the handler raises comes out."""
        handler = self.handlers[event.event_type]
        assert isinstance(handler, InTransaction)
        async with self.database.transaction(organization_id=event.organization_id) as session:
            await handler.handle(session, _delivery(event))

    async def receive(self, event: Event, *, event_id: UUID | None = None) -> UUID:
        """Put ``event`` into the inbox as the intake does; `settle` works it off."""
        identifier = event_id or new_id()
        await self.query(
            "insert into invoice.inbox (consumer, event_id, organization_id, type, payload, correlation_id, "
            "causation_id, traceparent, actor) values ($1, $2, $3, $4, $5, 'cor_test', '', '', '') "
            "on conflict do nothing",
            Service.INVOICE.value,
            identifier,
            event.organization_id,
            event.event_type,
            event.model_dump_json(),
        )
        return identifier

    async def settle(self, *, timeout_seconds: float = 30.0) -> None:
        """Run our worker until no row of the inbox is due."""
        stop = asyncio.Event()
        worker = InboxWorker(
            service=Service.INVOICE,
            database=self.database,
            worker_database=self.postgres.open("invoice", "worker"),
            handlers=self.handlers,
            session=_Seat(),
            class_id=4241,
            poll_seconds=0.05,
        )
        running = asyncio.create_task(worker.run(stop=stop))
        try:
            await run_until(self._is_quiet, timeout_seconds=timeout_seconds)
        finally:
            stop.set()
            await running

    async def invoice(self, invoice_id: UUID) -> dict[str, Any]:
        rows = await self.query("select * from invoice.invoices where id = $1", invoice_id)
        return dict(rows[0])

    async def balance(self, invoice_id: UUID) -> dict[str, Any]:
        rows = await self.query("select * from invoice.invoice_balances where invoice_id = $1", invoice_id)
        return dict(rows[0])

    async def entries(self, invoice_id: UUID) -> list[dict[str, Any]]:
        rows = await self.query(
            "select * from invoice.ledger_entries where invoice_id = $1 order by recorded_at, id", invoice_id
        )
        return [dict(row) for row in rows]

    async def inbox_state(self, event_id: UUID) -> tuple[str, str]:
        """State and, when parked, why."""
        rows = await self.query(
            "select state, coalesce(park_reason, '') as why from invoice.inbox where event_id = $1", event_id
        )
        return rows[0]["state"], rows[0]["why"]

    async def said(self, kind: type[Event], invoice_id: UUID) -> list[dict[str, Any]]:
        """The bodies of our events of one kind about one invoice, in order."""
        rows = await self.query(
            "select payload::text as body from invoice.outbox where type = $1 and aggregate_id = $2 order by id",
            kind.event_type,
            invoice_id,
        )
        return [kind.model_validate_json(row["body"]).model_dump() for row in rows]

    async def _is_quiet(self) -> bool:
        rows = await self.query(
            "select count(*) as busy from invoice.inbox "
            "where state = 'leased' or (state = 'ready' and next_at <= invoice.app_now())"
        )
        return int(rows[0]["busy"]) == 0


def _delivery(event: Event) -> Delivery:
    return Delivery(
        id=new_id(),
        type=event.event_type,
        organization_id=event.organization_id,
        attempts=1,
        first_received_at=SystemClock().now(),
        sequence=1,
        payload=event.model_dump(mode="json"),
        correlation=new_correlation(),
    )
