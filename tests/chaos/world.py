"""What outlives a life of the product: database, broker, Stripe's sandbox and mailbox, and who watches over the life.

A `World` keeps one life running: when a life ends, the next is started at once, as a supervisor would.
"""

import asyncio
import base64
import contextlib
import multiprocessing
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import eventually
from stripe_sandbox.app import create_app
from stripe_sandbox.settings import Settings

from tests.chaos import life

API_KEY_PEPPER = "k" * 40
ACCOUNT_SECRET = "u" * 40
INVOICE_TOKEN_SECRET = "i" * 40
PAYMENT_TOKEN_SECRET = "t" * 40
READY_SECONDS = 30.0
SCHEMAS = ("invoice", "payment", "notification")
RECURRING = frozenset({"task.poll_connection"})


class Mailbox:
    """Takes every mail and keeps it; what is kept here was accepted, whatever the sender learnt of it."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content or b""
        mail = message_from_bytes(content.encode() if isinstance(content, str) else content, policy=policy.default)
        if not isinstance(mail, EmailMessage):
            raise TypeError("not a mail")
        self.mails.append(mail)
        return "250 kept"

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if address in str(mail["To"])]


@dataclass
class World:
    """``instance`` prefixes roles and queues; ``folder`` takes the log of every life."""

    database: ServiceDatabase
    broker_url: str
    instance: str
    folder: Path
    sandbox_url: str
    mailbox: Mailbox
    smtp_port: int
    ports: dict[str, int] = field(default_factory=dict)
    lives: int = 0
    _process: BaseProcess | None = None
    _orders: Connection | None = None

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['invoice_public']}"

    def start_life(self) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.chaos.life"])
        ours, theirs = context.Pipe()
        self.lives += 1
        log = str(self.folder / f"life-{self.lives}.log")
        self._process = context.Process(target=life.live, args=(self.environments(), theirs, log), daemon=True)
        self._process.start()
        theirs.close()
        self._orders = ours

    def kill_life(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.exitcode

    def order(self, *words: Any) -> dict[str, int]:
        """Tell the life something; its counts of boundaries come back."""
        if self._orders is None:
            raise RuntimeError("there is no life")
        self._orders.send(words)
        counts: dict[str, int] = self._orders.recv()
        return counts

    async def ready(self) -> None:
        names = ("invoice_public", "invoice_worker", "payment_public", "payment_worker", "notification_worker")
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:

            async def all_green() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    for name in names:
                        if (await client.get(f"http://127.0.0.1:{self.ports[name]}/readyz")).status_code != 200:
                            return False
                    return True
                return False

            await eventually(all_green, timeout_seconds=READY_SECONDS)

    async def revive(self) -> bool:
        """Start the next life when the last has ended; whether that was so."""
        if self.exit_code is None:
            return False
        self.kill_life()
        self.start_life()
        await self.ready()
        return True

    async def sandbox(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with httpx.AsyncClient(base_url=self.sandbox_url, timeout=10, trust_env=False) as client:
            answer = await client.request(method, path, json=body)
            return answer.raise_for_status().json()

    async def not_done(self) -> list[dict[str, Any]]:
        """Every row that waits, is parked or is unpublished, for whoever has to find out why."""
        rows: list[dict[str, Any]] = []
        for schema in SCHEMAS:
            found = await self.database.fetch(
                f"select type, state, attempts, coalesce(park_reason, last_error) as why from {schema}.inbox "
                "where state <> 'done' union all select type, 'unpublished', attempts, last_error "
                f"from {schema}.outbox where published_at is null"
            )
            rows += [{"schema": schema, **dict(row)} for row in found]
        return [row for row in rows if row["type"] not in RECURRING]

    def environments(self) -> dict[str, dict[str, str]]:
        return {name: {**self._of_all(name), **own} for name, own in self._own().items()}

    def _of_all(self, schema: str) -> dict[str, str]:
        return {
            "IC_INSTANCE": self.instance,
            "IC_ENVIRONMENT": "test",
            "IC_DATABASE_URL": self.database.url(schema, "app"),
            "IC_WORKER_DATABASE_URL": self.database.url(schema, "worker"),
            "IC_BROKER_URL": self.broker_url,
            "IC_PUBLIC_PORT": str(self.ports.get(f"{schema}_public", 0)),
            "IC_PRIVATE_PORT": str(self.ports[f"{schema}_private"]),
            "IC_WORKER_HEALTH_PORT": str(self.ports[f"{schema}_worker"]),
        }

    def _own(self) -> dict[str, dict[str, str]]:
        return {
            "invoice": {
                "IC_PUBLIC_URL": self.api_url,
                "IC_PAYMENT_SERVICE_URL": f"http://127.0.0.1:{self.ports['payment_private']}",
                "IC_SERVICE_TOKEN_SECRET": INVOICE_TOKEN_SECRET,
                "IC_PAYMENT_TOKEN_SECRET": PAYMENT_TOKEN_SECRET,
                "IC_PAGE_TOKEN_SECRET": "p" * 40,
                "IC_API_KEY_PEPPER": API_KEY_PEPPER,
                "IC_ACCOUNT_SECRET": ACCOUNT_SECRET,
                "IC_RATE_LIMIT_PER_MINUTE": "1000000",
            },
            "payment": {
                "IC_SERVICE_TOKEN_SECRET": PAYMENT_TOKEN_SECRET,
                "IC_STRIPE_API_BASE": self.sandbox_url,
                "IC_MASTER_KEYS": f"test:{base64.b64encode(b'm' * 32).decode()}",
                "IC_WEBHOOK_BASE_URL": f"http://127.0.0.1:{self.ports['payment_public']}",
                "IC_POLL_SECONDS": "3",
            },
            "notification": {
                "IC_INVOICE_SERVICE_URL": f"http://127.0.0.1:{self.ports['invoice_private']}",
                "IC_INVOICE_TOKEN_SECRET": INVOICE_TOKEN_SECRET,
                "IC_SMTP_HOST": "127.0.0.1",
                "IC_SMTP_PORT": str(self.smtp_port),
                "IC_SMTP_SECURITY": "none",
                "IC_MAIL_FROM": "invoices@chaos.example",
                "IC_UNKNOWN_WAIT_SECONDS": "0.5",
                "IC_MAIL_RETRY_SCALE": "0.01",
            },
        }


@contextlib.contextmanager
def sandbox_running() -> Iterator[str]:
    """Stripe's sandbox on a loopback port, in a thread of this process; its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = Settings(
        public_url=url,
        keys=(),
        accounts=(),
        retry_delays_seconds=(0.3, 0.5, 0.5, 1.0, 1.0, 2.0, 2.0, 5.0),
    )
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), host="127.0.0.1", port=port, log_level="error", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@contextlib.contextmanager
def mailbox_running() -> Iterator[tuple[Mailbox, int]]:
    mailbox, port = Mailbox(), free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox, port
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def free_ports() -> dict[str, int]:
    names = [f"{service}_{door}" for service in ("invoice", "payment") for door in ("public", "private", "worker")]
    return {name: free_port() for name in (*names, "notification_private", "notification_worker")}


async def pause(seconds: float) -> None:
    """Between two tries of a client, as a real one would; never to wait for a state."""
    await asyncio.sleep(seconds)


def new_key() -> str:
    return secrets.token_hex(8)
