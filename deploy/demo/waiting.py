"""Waiting for something to become true, with a limit and a last look to report."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from deploy.demo.failures import NotAsItShouldBe

Seen = TypeVar("Seen")


async def until(
    look: Callable[[], Awaitable[Seen]],
    is_enough: Callable[[Seen], bool],
    *,
    what: str,
    describe: Callable[[Seen], str] = repr,
    seconds: float = 60.0,
) -> Seen:
    """Look until it is enough. Raises `NotAsItShouldBe` with what was seen last when ``seconds`` are over."""
    limit = time.monotonic() + seconds
    while True:
        seen = await look()
        if is_enough(seen):
            return seen
        if time.monotonic() > limit:
            raise NotAsItShouldBe(f"{what} did not come within {seconds:.0f} s; last seen: {describe(seen)[:600]}")
        await asyncio.sleep(0.1)
