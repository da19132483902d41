"""The processes of one demo: each logs to a file of its own, and all end when the demo ends, however it ends.

On Linux the kernel itself ends them when the demo is killed; elsewhere an orderly end is what we can promise.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.demo.failures import CannotRun

STOP_SECONDS = 20.0
READY_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1


@dataclass
class Running:
    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def tail(self, *, lines: int = 15) -> str:
        written = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(written[-lines:])


@dataclass
class Processes:
    """Started in order, ended in the opposite order."""

    logs: Path
    running: list[Running] = field(default_factory=list)

    def start(self, name: str, command: Sequence[str], *, environment: Mapping[str, str]) -> Running:
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
                start_new_session=True,
            )
        started = Running(name=name, process=process, log=log)
        self.running.append(started)
        return started

    async def run(self, name: str, command: Sequence[str], *, environment: Mapping[str, str]) -> str:
        """Run to its end and give back what it printed. Raises `CannotRun` with its last lines when it failed."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        output, errors = await process.communicate()
        if process.returncode:
            last = "\n".join((output + errors).decode(errors="replace").splitlines()[-15:])
            raise CannotRun(f"{name} ended with status {process.returncode}:\n{last}")
        return output.decode()

    async def ready(self, process: Running, url: str) -> None:
        """Wait until ``url`` answers 2xx. Raises `CannotRun` when the process ends first or time is up."""
        limit = time.monotonic() + READY_SECONDS
        answer = "no answer"
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            while time.monotonic() < limit:
                if process.process.poll() is not None:
                    raise CannotRun(f"{process.name} ended by itself:\n{process.tail()}")
                with contextlib.suppress(httpx.HTTPError):
                    response = await client.get(url)
                    if response.is_success:
                        return
                    answer = f"{response.status_code} {response.text[:300]}"
                await asyncio.sleep(0.1)
        raise CannotRun(f"{process.name} is not ready after {READY_SECONDS:.0f} s ({url}: {answer}):\n{process.tail()}")

    def fallen(self) -> list[Running]:
        return [running for running in self.running if running.process.poll() is not None]

    def stop(self) -> None:
        """Ask all to end, wait, and kill what did not."""
        for running in reversed(self.running):
            if running.process.poll() is None:
                running.process.terminate()
        limit = time.monotonic() + STOP_SECONDS
        for running in reversed(self.running):
            try:
                running.process.wait(timeout=max(0.1, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()
        self.running.clear()


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def _end_with_parent() -> None:
    """In the child, before it becomes the program: SIGTERM when the parent dies (prctl(2), Linux only)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == 1:
        os._exit(1)
