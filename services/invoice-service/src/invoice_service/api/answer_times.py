"""Answers that must not tell by their time what was found: none comes before a moment that is set when the work begins.

Weaker under load, when the work itself takes longer than that.
"""

import asyncio

from invoice_service.dependencies import Dependencies


def earliest_answer(parts: Dependencies) -> float:
    """By the event loop's clock. Call it before anything is looked up."""
    return asyncio.get_running_loop().time() + parts.accounts.least_answer_seconds


async def wait_for_answer(earliest: float) -> None:
    """Call it when all work is done and no transaction is open."""
    left = earliest - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)
