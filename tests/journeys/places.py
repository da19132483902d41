"""Where a secret could be left lying: every row of the database, every line of a log, every message of the broker."""

import asyncio
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from contracts.catalogue import Service
from service_kit.broker import amqp, connected
from service_kit.provision import SCHEMAS, connect
from service_kit.topology import dead_exchange_name, exchange_name, short_name
from sqlalchemy.engine import make_url

from deploy.demo.instance import Instance

_SECONDS = 15.0
_KEPT_MILLISECONDS = 30 * 60 * 1000


def _spy_name(instance: Instance) -> str:
    return f"{instance.name}.spy"


async def listen(instance: Instance) -> None:
    """A queue that gets a copy of every message from now on, the dead ones too. It ends by itself if it is left."""
    async with connected(instance.broker_url, name="spy") as connection:
        channel = connection.channel()
        await amqp(channel.initialize(), seconds=_SECONDS)
        spy = await amqp(
            channel.declare_queue(_spy_name(instance), arguments={"x-expires": _KEPT_MILLISECONDS}), seconds=_SECONDS
        )
        for service in Service:
            own = exchange_name(instance.name, service)
            await amqp(spy.bind(own, routing_key="#"), seconds=_SECONDS)
            dead = dead_exchange_name(instance.name)
            await amqp(spy.bind(dead, routing_key=short_name(service)), seconds=_SECONDS)


async def stop_listening(instance: Instance) -> None:
    async with connected(instance.broker_url, name="spy") as connection:
        channel = connection.channel()
        await amqp(channel.initialize(), seconds=_SECONDS)
        await amqp(channel.queue_delete(_spy_name(instance)), seconds=_SECONDS)


async def heard(instance: Instance) -> dict[str, list[str]]:
    """Every message since `listen`, headers and properties included, by the exchange that it went through."""
    messages: dict[str, list[str]] = {}
    async with connected(instance.broker_url, name="spy") as connection:
        channel = connection.channel()
        await amqp(channel.initialize(), seconds=_SECONDS)
        spy = await amqp(channel.get_queue(_spy_name(instance)), seconds=_SECONDS)
        while (message := await amqp(spy.get(no_ack=True, fail=False), seconds=_SECONDS)) is not None:
            messages.setdefault(message.exchange or "", []).append(_whole(message))
    return messages


def _whole(message: AbstractIncomingMessage) -> str:
    return json.dumps(message.info(), default=repr, ensure_ascii=False) + message.body.decode(errors="replace")


async def say_noise(instance: Instance, *, to: str, body: str) -> None:
    """A message that is no event, to those who listen to ``to``: they bury it."""
    async with connected(instance.broker_url, name="noise") as connection:
        channel = connection.channel()
        await amqp(channel.initialize(), seconds=_SECONDS)
        exchange = await amqp(
            channel.get_exchange(exchange_name(instance.name, Service.INVOICE), ensure=False), seconds=_SECONDS
        )
        await amqp(exchange.publish(aio_pika.Message(body.encode()), routing_key=to), seconds=_SECONDS)


async def rows(instance: Instance) -> dict[str, list[str]]:
    """Every row of every table of the three schemas as Postgres writes it, past row security."""
    admin = await connect(make_url(instance.admin_url).set(database=instance.name).render_as_string(False))
    try:
        named = await admin.fetch(
            "select schemaname, tablename from pg_tables where schemaname = any($1::text[])", list(SCHEMAS)
        )
        return {
            f"{schema}.{table}": [
                row["line"] for row in await admin.fetch(f'select t::text as line from "{schema}"."{table}" t')
            ]
            for schema, table in named
        }
    finally:
        await admin.close()


async def dump(instance: Instance) -> str | None:
    """What ``pg_dump`` writes of the data, or None where it is not installed."""
    program = shutil.which("pg_dump")
    if program is None:
        return None
    url = make_url(instance.admin_url).set(database=instance.name)
    process = await asyncio.create_subprocess_exec(
        program,
        "--data-only",
        f"--dbname={url.set(drivername='postgresql').render_as_string(False)}",
        env=dict(os.environ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    written, problem = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"pg_dump: {problem.decode(errors='replace')[-300:]}")
    return written.decode(errors="replace")


def logs(folder: Path) -> Mapping[str, Sequence[str]]:
    """The lines of every process, standard output and error alike, by the process's name."""
    found = {
        file.stem: file.read_text(encoding="utf-8", errors="replace").splitlines() for file in folder.glob("*.log")
    }
    # The inbox is where mails are to arrive, and no part of the product.
    return {name: lines for name, lines in found.items() if name != "inbox"}
