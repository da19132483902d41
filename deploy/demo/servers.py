"""A Postgres and a RabbitMQ for the demo: named by the environment, else on the local ports, else our own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service_kit.testing.own_rabbitmq import RabbitMissing, rabbitmq_program, speaks_amqp
from service_kit.testing.servers import NoServer, Server, find_or_start_postgres, find_or_start_rabbitmq

from deploy.demo.failures import CannotRun
from deploy.demo.progress import Progress

INSTALL = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "rabbitmq-server"]


@dataclass(frozen=True)
class Servers:
    """Administrators' addresses."""

    postgres_url: str
    broker_url: str


@contextmanager
def servers(*, data: Path, progress: Progress) -> Iterator[Servers]:
    """Find or start both; what we started is stopped at the end. Raises `CannotRun` with what to do."""
    started: list[Server] = []
    try:
        # A directory of its own keeps the kit from asking Docker, which a demo does without.
        postgres = find_or_start_postgres(os.environ, variable=_named("DATABASE_URL"), directory=data / "postgres")
        started.append(postgres)
        progress.step(f"Postgres: {postgres.origin}")
        if not _broker_answers():
            _have_rabbitmq(progress)
        broker = find_or_start_rabbitmq(os.environ, variable=_named("BROKER_URL"), directory=data / "rabbitmq")
        started.append(broker)
        progress.step(f"RabbitMQ: {broker.origin}")
        yield Servers(postgres_url=postgres.url, broker_url=broker.url)
    except NoServer as trouble:
        raise CannotRun(str(trouble)) from trouble
    finally:
        for server in reversed(started):
            server.stop()


def _named(name: str) -> str:
    return f"DEMO_{name}" if os.environ.get(f"DEMO_{name}") else f"TEST_{name}"


def _broker_answers() -> bool:
    return bool(os.environ.get(_named("BROKER_URL"))) or speaks_amqp("127.0.0.1", 5672)


def _have_rabbitmq(progress: Progress) -> None:
    """Install the machine's package where we may; else say the one command that does."""
    try:
        rabbitmq_program()
    except RabbitMissing:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise CannotRun(_how_to_get_rabbitmq()) from None
    else:
        return
    progress.step("RabbitMQ is not installed; installing the machine's package")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], INSTALL):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            last_words = " ".join(done.stderr.split())[-300:]
            raise CannotRun(f"{_how_to_get_rabbitmq()}; {' '.join(command)} failed: {last_words}")


def _how_to_get_rabbitmq() -> str:
    if sys.platform == "darwin":
        return "RabbitMQ is missing: brew install rabbitmq (or name a broker in DEMO_BROKER_URL)"
    return f"RabbitMQ is missing: sudo {' '.join(INSTALL)} (or name a broker in DEMO_BROKER_URL)"
