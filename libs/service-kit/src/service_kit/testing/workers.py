"""A worker that runs for the length of a ``with`` block, in the test's own loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service_kit.worker_process import WorkerConfig, run_worker

READY_SECONDS = 20.0
STOP_SECONDS = 40.0


@asynccontextmanager
async def worker_running(config: WorkerConfig) -> AsyncIterator[None]:
    """Start it, wait until it holds its sign of life, and stop it gracefully at the end; its failure is the test's."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_worker(config, stop=stop))
    ready = asyncio.create_task(config.ready.wait())
    try:
        await asyncio.wait({running, ready}, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        if not ready.done():
            raise TimeoutError(f"the worker of {config.service} was not ready within {READY_SECONDS:g} s")
        yield
    finally:
        ready.cancel()
        stop.set()
        async with asyncio.timeout(STOP_SECONDS):
            await running
