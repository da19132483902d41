"""A RabbitMQ node of our own on free loopback ports, that may be killed, paused and thrown away.

As a program it starts one, prints its address, and ends it when its standard input closes, however the parent dies.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

_BOOT_SECONDS = 90
_DEBIAN_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitMissing(RuntimeError):
    """There is no RabbitMQ on this machine; the message says how to get one."""


def rabbitmq_program() -> str:
    """The server's own start script. Debian's wrapper in the PATH insists on its own user and directories."""
    found = str(_DEBIAN_SERVER) if _DEBIAN_SERVER.exists() else shutil.which("rabbitmq-server")
    if found is None:
        raise RabbitMissing("no rabbitmq-server here: apt-get install rabbitmq-server, or name a broker")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class OwnRabbit:
    """One node in ``directory``; `start` after `kill` keeps its data. A ``management_port`` adds the HTTP API."""

    directory: Path
    port: int = field(default_factory=free_port)
    distribution_port: int = field(default_factory=free_port)
    management_port: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    @property
    def management_url(self) -> str:
        return f"http://127.0.0.1:{self.management_port}"

    @property
    def node_name(self) -> str:
        return f"kit{self.port}@localhost"

    def start(self) -> None:
        """Boot and wait until it answers. Raises `TimeoutError` with the place of its log."""
        self.directory.mkdir(parents=True, exist_ok=True)
        configuration = self.directory / "rabbitmq.conf"
        configuration.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nlog.console = true\nlog.console.level = warning\n"
        )
        if self.management_port:
            with configuration.open("a") as lines:
                lines.write(f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self.management_port}\n")
        plugins = "[rabbitmq_management]" if self.management_port else "[]"
        (self.directory / "enabled_plugins").write_text(f"{plugins}.\n")
        with (self.directory / "console.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - a fixed command
                [rabbitmq_program()], env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )
        self._wait_for_port()

    def environment(self) -> dict[str, str]:
        """What ``rabbitmqctl`` needs as well to speak to this node."""
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": self.node_name,
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_PID_FILE": str(self.directory / "node.pid"),
        }

    def signal(self, number: signal.Signals) -> None:
        """To the whole node: its script and the machine below it share one process group."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(timeout=10)

    def stop(self) -> None:
        self.signal(signal.SIGTERM)
        if self.process is not None:
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()

    def _wait_for_port(self) -> None:
        limit = time.monotonic() + _BOOT_SECONDS
        while time.monotonic() < limit:
            if self.process is None or self.process.poll() is not None:
                break
            if speaks_amqp("127.0.0.1", self.port):
                return
            time.sleep(0.1)
        raise TimeoutError(f"RabbitMQ did not start; see {self.directory / 'console.log'}")


def speaks_amqp(host: str, port: int) -> bool:
    """Somebody at this port answers the AMQP 0-9-1 header with Connection.Start."""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.settimeout(2)
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False


def main() -> None:
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="kit-rabbitmq-"))
    node = OwnRabbit(directory=directory)
    try:
        node.start()
        sys.stdout.write(f"{node.url}\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        node.stop()
        if len(sys.argv) <= 1:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
