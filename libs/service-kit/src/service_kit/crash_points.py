"""A seam for tests that kill the process at an exact boundary; in production it is one comparison with ``None``."""

import os
import signal
from collections.abc import Callable

Observer = Callable[[str], None]

KIT_POINTS: frozenset[str] = frozenset(
    {
        "database.before_commit",
        "database.after_commit",
        "relay.after_claim",
        "relay.before_publish",
        "relay.after_confirm",
        "relay.before_mark",
        "relay.after_mark",
        "intake.before_insert",
        "intake.after_insert",
        "intake.before_ack",
        "intake.after_ack",
        "worker.after_claim",
        "worker.before_effect_commit",
        "worker.after_effect_commit",
        "worker.before_failure_recorded",
        "worker.after_failure_recorded",
    }
)
"""Every boundary that the kit itself announces; services add their own around outside calls."""

_observer: Observer | None = None


def reached(name: str) -> None:
    """Announce boundary ``name``. The observer may end the process here."""
    if _observer is not None:
        _observer(name)


def install(observer: Observer | None) -> None:
    """Let ``observer`` hear every boundary; ``None`` takes it away again. Tests only."""
    global _observer
    _observer = observer


def kill_at(specification: str) -> None:
    """SIGKILL this process at a boundary: ``relay.before_mark``, or ``relay.before_mark:3`` for the third arrival.

    For ``IC_CRASH_AT``, which `service_kit.settings` refuses in production. An empty text installs nothing.
    """
    if not specification:
        return
    wanted, _, number = specification.partition(":")
    left = int(number or 1)

    def observe(name: str) -> None:
        nonlocal left
        if name == wanted:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    install(observe)
