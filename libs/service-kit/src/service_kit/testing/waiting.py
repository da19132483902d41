"""Waiting in tests: ask again until it is so, up to a limit; never a bare sleep."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

Result = TypeVar("Result")

POLL_SECONDS = 0.02


class NeverHappened(AssertionError):
    """The condition was still false at the limit."""


async def run_until(condition: Callable[[], bool | Awaitable[bool]], *, timeout_seconds: float = 10.0) -> None:
    """Return as soon as ``condition`` is true. Raises `NeverHappened`."""

    async def asked() -> bool:
        found = condition()
        return bool(await found) if inspect.isawaitable(found) else bool(found)

    await eventually(asked, timeout_seconds=timeout_seconds)


async def eventually(question: Callable[[], Awaitable[Result]], *, timeout_seconds: float = 10.0) -> Result:
    """The first truthy answer to ``question``; an AssertionError inside it means *not yet*."""
    loop = asyncio.get_running_loop()
    limit = loop.time() + timeout_seconds
    reason: AssertionError | None = None
    while True:
        try:
            answer = await question()
        except AssertionError as not_yet:
            reason, answer = not_yet, None
        if answer:
            return answer
        if loop.time() >= limit:
            raise NeverHappened(f"still not so after {timeout_seconds:g} s: {reason or question}")
        await asyncio.sleep(POLL_SECONDS)
