"""`make demo` stays until it is ended; then nothing of it is left, and what a killed one left the next takes away."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from service_kit.provision import connect

from deploy.demo.progress import Progress
from deploy.demo.servers import servers

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 180.0


class Demo:
    """``python -m deploy.demo`` in a process of its own, on servers that outlive it."""

    def __init__(self, output: Path, environment: dict[str, str]) -> None:
        self._output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.demo"], cwd=ROOT, env=environment, stdout=file, stderr=file
            )

    def said(self, text: str) -> bool:
        limit = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < limit and self.process.poll() is None:
            if text in self._output.read_text(encoding="utf-8"):
                return True
            time.sleep(0.2)
        return text in self._output.read_text(encoding="utf-8")

    @property
    def instance(self) -> str:
        found = re.search(r"icdemo_[0-9a-f]+", self._output.read_text(encoding="utf-8"))
        assert found is not None
        return found.group()


def processes_of(instance: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"IC_INSTANCE={instance}".encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


def gone(instance: str) -> bool:
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        if not processes_of(instance):
            return True
        time.sleep(0.2)
    return False


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with servers(data=tmp_path_factory.mktemp("servers"), progress=Progress()) as found:
        yield {**os.environ, "DEMO_DATABASE_URL": found.postgres_url, "DEMO_BROKER_URL": found.broker_url}


@pytest.fixture
async def admin(environment: dict[str, str]) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await connect(environment["DEMO_DATABASE_URL"])
    yield connection
    await connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_everything_and_takes_the_instance_away(
    number: signal.Signals,
    environment: dict[str, str],
    tmp_path: Path,
    admin: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    demo = Demo(tmp_path / "output", environment)
    assert demo.said("Look around")

    demo.process.send_signal(number)

    assert demo.process.wait(timeout=60) == 0
    assert processes_of(demo.instance) == []
    assert await admin.fetchval("select count(*) from pg_database where datname = $1", demo.instance) == 0


async def test_a_killed_demo_takes_its_processes_along_and_the_next_one_cleans_up(
    environment: dict[str, str], tmp_path: Path, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    killed = Demo(tmp_path / "killed", environment)
    assert killed.said("Look around")

    killed.process.kill()

    assert gone(killed.instance)
    following = Demo(tmp_path / "following", environment)
    assert following.said("services and their workers are ready")
    assert await admin.fetchval("select count(*) from pg_database where datname = $1", killed.instance) == 0
    following.process.terminate()
    following.process.wait(timeout=60)
