"""Free loopback ports: the usual one where nobody has it, else any, and the same one never for two demos.

Between choosing a port and listening on it lie seconds. Each choice is held by a lock on a small file, which the kernel
lets go when this process ends, however it ends.
"""

import fcntl
import os
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / f"invoice-demo-ports-{os.getuid()}"


@dataclass
class PortClaims:
    """The ports of one demo, held as long as this object is."""

    _held: list[IO[bytes]] = field(default_factory=list)

    def claim(self, *, preferred: int = 0) -> int:
        """A loopback port that nobody listens on and no other demo has claimed. Raises `OSError` if there is none."""
        for candidate in (preferred, *[0] * 50):
            port = _bindable(candidate)
            if port is not None and self._hold(port):
                return port
        raise OSError("no free port on 127.0.0.1")

    def release(self) -> None:
        for held in self._held:
            held.close()
        self._held.clear()

    def _hold(self, port: int) -> bool:
        _folder().mkdir(mode=0o700, exist_ok=True)
        file = (_folder() / str(port)).open("wb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._held.append(file)
        return True


def _bindable(port: int) -> int | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        bound: int = probe.getsockname()[1]
        return bound
