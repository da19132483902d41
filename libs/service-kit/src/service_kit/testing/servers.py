"""Finds a Postgres and a RabbitMQ to work with, or starts its own; it never gives up quietly.

The order: what the environment names, what answers on the local ports, Docker when its daemon answers, our own. What we
start runs under a small child that ends with us, so nothing is left behind.
"""

import asyncio
import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy.engine import make_url

from service_kit.provision import connect
from service_kit.testing.own_rabbitmq import speaks_amqp

START_SECONDS = 180
Result = TypeVar("Result")


class NoServer(RuntimeError):
    """No server can be had; the message says what was tried and what to do."""


@dataclass(frozen=True)
class Server:
    """``url`` is an administrator's; ``origin`` says in a word where it comes from; `stop` ends what we started."""

    url: str
    origin: str
    stop: Callable[[], None]


def find_or_start_postgres(
    environment: Mapping[str, str], *, variable: str = "TEST_DATABASE_URL", directory: Path | None = None
) -> Server:
    """A superuser's address. ``directory`` keeps our own server's data; without it the data is thrown away."""
    named = environment.get(variable, "")
    if named:
        url = make_url(named).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
        if not is_superuser(url):
            raise NoServer(f"{variable} names a Postgres that does not answer or whose role is not a superuser")
        return Server(url=url, origin=variable, stop=_nothing)
    for user in dict.fromkeys((environment.get("PGUSER", ""), getpass.getuser(), "postgres")):
        url = f"postgresql+asyncpg://{user}@127.0.0.1:5432/postgres"
        if user and port_open("127.0.0.1", 5432) and is_superuser(url):
            return Server(url=url, origin="127.0.0.1:5432", stop=_nothing)
    return _start("postgres", "service_kit.testing.own_postgres", directory=directory)


def find_or_start_rabbitmq(
    environment: Mapping[str, str], *, variable: str = "TEST_BROKER_URL", directory: Path | None = None
) -> Server:
    """The address of a broker where we may declare and delete our own names."""
    named = environment.get(variable, "")
    if named:
        address = make_url(named)
        if not speaks_amqp(address.host or "127.0.0.1", address.port or 5672):
            raise NoServer(f"{variable} names a RabbitMQ that does not answer")
        return Server(url=named, origin=variable, stop=_nothing)
    if speaks_amqp("127.0.0.1", 5672):
        return Server(url="amqp://guest:guest@127.0.0.1:5672/", origin="127.0.0.1:5672", stop=_nothing)
    return _start("rabbitmq", "service_kit.testing.own_rabbitmq", directory=directory)


def docker_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        command = ["docker", "version", "--format", "{{.Server.Version}}"]
        asked = subprocess.run(command, capture_output=True, timeout=5)  # noqa: S603 - a fixed command
        return asked.returncode == 0
    return False


def port_open(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def is_superuser(url: str) -> bool:
    async def ask() -> bool:
        try:
            connection = await connect(url)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        try:
            return bool(await connection.fetchval("select usesuper from pg_user where usename = current_user"))
        finally:
            await connection.close()

    return run_blocking(ask())


def run_blocking(work: Coroutine[Any, Any, Result]) -> Result:
    """Run ``work`` in a loop of its own in a thread of its own, whether or not this thread has a loop."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()


def _start(kind: str, module: str, *, directory: Path | None) -> Server:
    arguments = [str(directory)] if directory is not None else []
    attempts: list[tuple[str, Sequence[str]]] = [("our own", [module, *arguments])]
    if directory is None and docker_answers():
        attempts.insert(0, ("docker", ["service_kit.testing.own_containers", kind]))
    troubles = []
    for origin, command in attempts:
        try:
            return _child(command, origin=origin)
        except NoServer as trouble:
            troubles.append(f"{origin}: {trouble}")
    raise NoServer(f"no {kind} can be had; " + "; ".join(troubles))


def _child(command: Sequence[str], *, origin: str) -> Server:
    process = subprocess.Popen(  # noqa: S603 - a fixed command
        [sys.executable, "-W", "ignore", "-m", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TESTCONTAINERS_RYUK_DISABLED": "true"},
        start_new_session=True,
    )
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    try:
        address = process.stdout.readline().strip() if process.stdout else ""
    finally:
        watchdog.cancel()
    if not address:
        process.wait(timeout=30)
        complaint = process.stderr.read().strip() if process.stderr else ""
        raise NoServer(complaint.splitlines()[-1] if complaint else "it did not start")
    return Server(url=address, origin=origin, stop=lambda: _end(process))


def _end(process: "subprocess.Popen[str]") -> None:
    """Its input closes and it cleans up after itself."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(timeout=40)
    except subprocess.TimeoutExpired:
        process.kill()


def _nothing() -> None:
    """A server that was there before us stays."""


def endpoint(url: str) -> tuple[str, int]:
    """Host and TCP port behind ``url``, for a proxy in between. Raises `NoServer` for a server with only a socket."""
    parts = make_url(url)
    if "host" in parts.query or not parts.host:
        raise NoServer("this server listens on a socket directory only; a TCP proxy cannot stand before it")
    return parts.host, parts.port or (5672 if parts.drivername.startswith("amqp") else 5432)
