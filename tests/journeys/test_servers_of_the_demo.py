"""Where the demo can have no broker, it says in one line what to type."""

import os
import sys
from pathlib import Path

import pytest
from service_kit.testing import own_rabbitmq
from service_kit.testing.own_rabbitmq import free_port

from deploy.demo import servers
from deploy.demo.failures import CannotRun
from deploy.demo.progress import Progress

COMMAND = (
    "brew install rabbitmq"
    if sys.platform == "darwin"
    else "sudo apt-get install -y -q --no-install-recommends rabbitmq-server"
)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only directory of programs on a machine without RabbitMQ, neither running nor installed."""
    for name in ("DEMO_BROKER_URL", "TEST_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setattr(own_rabbitmq, "_DEBIAN_SERVER", tmp_path / "absent")
    monkeypatch.setattr(servers, "speaks_amqp", lambda host, port: False)
    return directory


def complaint(data: Path) -> str:
    with pytest.raises(CannotRun) as refused, servers.servers(data=data, progress=Progress()):
        pass
    return str(refused.value)


def test_who_may_not_install_a_broker_is_told_the_command_in_one_line(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    said = complaint(tmp_path)

    assert said.startswith(f"RabbitMQ is missing: {COMMAND} ")
    assert "DEMO_BROKER_URL" in said
    assert "\n" not in said


def test_a_failed_installation_is_told_in_one_line_with_the_command(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installer = programs / "apt-get"
    installer.write_text("#!/bin/sh\necho 'E: first' >&2\necho 'E: no network' >&2\nexit 100\n", encoding="utf-8")
    installer.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    said = complaint(tmp_path)

    assert COMMAND in said
    assert said.endswith("apt-get update -q failed: E: first E: no network")
    assert "\n" not in said


def test_a_named_broker_that_is_dead_is_said_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEMO_BROKER_URL", f"amqp://guest:guest@127.0.0.1:{free_port()}/")

    assert complaint(tmp_path) == "DEMO_BROKER_URL names a RabbitMQ that does not answer"
