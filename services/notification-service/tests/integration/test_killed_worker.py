"""The real process with the real broker is killed while the mail server holds the mail; the next one says so."""

import asyncio
import os
import quopri
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_urlsafe

from contracts.catalogue import Service
from contracts.envelope import event_source, new_envelope
from contracts.event import Event
from fastapi import FastAPI, Response
from notification_tests import make
from notification_tests.fakes import Hang, Script, ScriptedMailServer, serving
from service_kit.clock import SystemClock
from service_kit.http import listening, serve
from service_kit.identifiers import new_id
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from service_kit.topology import exchange_name

SECRET = "what callers of invoice-service sign with"


@asynccontextmanager
async def invoice_service(minted: list[str] | None = None) -> AsyncIterator[str]:
    """One that knows one document, and mints secrets for account mails; what it gave away is in ``minted``."""
    app = FastAPI()
    app.state.stopping = False

    @app.post("/internal/account-mails/{mail_id}/secret")
    async def secret(mail_id: str) -> dict[str, str]:
        url = f"https://invoices.nordlicht.example/invitation/ic_invite_{token_urlsafe(32)}"
        if minted is not None:
            minted.append(url)
        return {"url": url, "expires_at": "2026-11-28T12:00:00Z"}

    @app.get("/internal/documents/{document_id}")
    async def document(document_id: str) -> Response:
        return Response(make.PDF)

    with listening(host="127.0.0.1", port=0) as listener:
        port = listener.getsockname()[1]
    stop = asyncio.Event()
    serving_task = asyncio.create_task(serve([(app, "127.0.0.1", port)], stop=stop))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        await serving_task


@asynccontextmanager
async def worker(environment: dict[str, str], *, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "notification_service.worker",
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), timeout=40)


async def publish(broker: KitBroker, event: Event) -> None:
    envelope = new_envelope(
        event=event,
        event_id=new_id(),
        source=event_source(Service.INVOICE),
        subject="inv_test",
        time=SystemClock().now(),
        correlation_id="test",
        causation_id="",
        traceparent="",
        sequence=1,
    )
    await broker.send(
        exchange=exchange_name(broker.instance, Service.INVOICE),
        routing_key=event.event_type,
        body=envelope.body(),
        headers=envelope.headers(),
    )


def environment_of(database: ServiceDatabase, broker: KitBroker, *, invoices: str, smtp_port: int) -> dict[str, str]:
    return {
        "IC_ENVIRONMENT": "test",
        "IC_INSTANCE": broker.instance,
        "IC_DATABASE_URL": database.url("notification"),
        "IC_WORKER_DATABASE_URL": database.url("notification", "worker"),
        "IC_BROKER_URL": broker.url,
        "IC_INVOICE_TOKEN_SECRET": SECRET,
        "IC_WORKER_HEALTH_PORT": "0",
        "IC_INVOICE_SERVICE_URL": invoices,
        "IC_SMTP_PORT": str(smtp_port),
        "IC_SMTP_SECURITY": "none",
        "IC_MAIL_FROM": "out@central.example",
        "IC_UNKNOWN_WAIT_SECONDS": "1",
    }


async def test_a_killed_worker_leaves_one_honest_doubt_and_the_mail_goes_again_by_itself(
    service_database: ServiceDatabase, broker: KitBroker, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    script = Script({"content": [Hang(took=True)]})
    async with serving(ScriptedMailServer(script)) as server, invoice_service() as store:
        environment = environment_of(service_database, broker, invoices=store, smtp_port=server.port)
        async with worker(environment, log=log) as first:
            await publish(broker, make.invoice_sent_by_hand())
            await run_until(lambda: len(server.mails) == 1, timeout_seconds=60)
            first.kill()
            await first.wait()

        async with worker(environment, log=log):
            await run_until(lambda: len(server.mails) == 2, timeout_seconds=60)
            told = await heard_by_invoice_service(broker, 2)

    assert told == ["notification.email_outcome_unknown.v1", "notification.email_sent.v1"]
    assert len({mail.content for mail in server.mails}) == 1


async def test_an_account_mail_survives_a_kill_and_its_secrets_are_nowhere_but_in_the_mails(
    service_database: ServiceDatabase, broker: KitBroker, tmp_path: Path
) -> None:
    log, minted = tmp_path / "log", list[str]()
    script = Script({"content": [Hang(took=True)]})
    async with serving(ScriptedMailServer(script)) as server, invoice_service(minted) as invoices:
        environment = environment_of(service_database, broker, invoices=invoices, smtp_port=server.port)
        environment["IC_LOG_LEVEL"] = "DEBUG"
        async with worker(environment, log=log) as first:
            await publish(broker, make.account_mail())
            await run_until(lambda: len(server.mails) == 1, timeout_seconds=60)
            first.kill()
            await first.wait()

        async with worker(environment, log=log):
            await run_until(lambda: len(server.mails) == 2, timeout_seconds=60)
            told = await heard_by_invoice_service(broker, 2)

    assert told == ["notification.account_mail_settled.v1"] * 2
    assert len(set(minted)) == len(minted) == 2
    for url, mail in zip(minted, server.mails, strict=True):
        assert url in quopri.decodestring(mail.content).decode()
    said = log.read_text()
    assert "mail_tried" in said
    assert "ic_invite_" not in said
    assert not [url for url in minted if url.partition("ic_invite_")[2][:12] in said]


async def heard_by_invoice_service(broker: KitBroker, number: int) -> list[str]:
    """The types of the next messages in its queue."""
    types: list[str] = []

    async def arrived() -> bool:
        message = await broker.take(broker.inbox_queue(Service.INVOICE))
        if message is not None:
            types.append(str(message.headers["ce-type"]))
        return len(types) >= number

    await run_until(arrived, timeout_seconds=30)
    return types
