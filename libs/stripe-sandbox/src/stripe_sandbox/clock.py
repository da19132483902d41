"""Time, in one place: the sandbox's own clock, which can be moved forward, and the wall clock, which cannot.

Everything Stripe would date (`created`, `expires_at`, idempotency retention, retries) reads the sandbox's clock; only
webhook signatures read the wall clock, because their reader compares them with its own.
"""

import time


class SandboxClock:
    def __init__(self, *, offset_seconds: float = 0.0) -> None:
        self.offset_seconds = offset_seconds

    def now(self) -> float:
        """Seconds since the epoch, moved forward by every `advance` so far."""
        return time.time() + self.offset_seconds

    def advance(self, *, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("seconds must not be negative: the sandbox's clock only moves forward")
        self.offset_seconds += seconds


def wall_seconds() -> int:
    return int(time.time())
