"""For tests of programs that use Stripe: a sandbox on a free loopback port, inside the test's own event loop.

Everything a test starts here has ended when its `async with` ends.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import uvicorn

from stripe_sandbox.app import create_app
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import IDLE_SECONDS, Settings

Result = TypeVar("Result")
POLL_SECONDS = 0.01


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def eventually(condition: Callable[[], Result], *, what: str, seconds: float = 8.0) -> Result:
    """Poll until the condition gives something true, and give that back; else `AssertionError` naming `what`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        result = condition()
        if result:
            return result
        if loop.time() > deadline:
            raise AssertionError(f"never happened within {seconds} s: {what}")
        await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def serving(app: Any, *, port: int) -> AsyncIterator[None]:
    """Serve any ASGI app, so that clients meet a real socket."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="critical", access_log=False, timeout_keep_alive=IDLE_SECONDS
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started or task.done(), what=f"a server on port {port} starts")
        yield
    finally:
        server.should_exit = True
        await task


@dataclass(frozen=True)
class RunningSandbox:
    """`url` is the base address for the `stripe` library; `sandbox` is the state behind it."""

    url: str
    sandbox: Sandbox


@asynccontextmanager
async def running_sandbox(settings: Settings) -> AsyncIterator[RunningSandbox]:
    """`public_url` of the settings is replaced by the address actually served."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    app = create_app(replace(settings, public_url=url))
    async with serving(app, port=port):
        yield RunningSandbox(url, app.state.sandbox)
