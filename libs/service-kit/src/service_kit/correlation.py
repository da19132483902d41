"""Who asked and which thread of work this belongs to, carried through rows, headers and logs by itself.

A request or a delivery binds one `Correlation`; whatever is recorded or logged inside inherits it.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from service_kit.identifiers import new_id

CORRELATION_HEADER = "x-correlation-id"
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


@dataclass(frozen=True)
class Correlation:
    """``causation_id`` names the request or event that led here; ``actor`` the person, key or service that acts."""

    correlation_id: str
    causation_id: str
    traceparent: str
    actor: str


_current: ContextVar[Correlation | None] = ContextVar("service_kit_correlation", default=None)


def current() -> Correlation:
    """The bound correlation, or a fresh one when nothing is bound (a command typed by hand)."""
    return _current.get() or new_correlation()


def is_bound() -> bool:
    return _current.get() is not None


@contextmanager
def bound(correlation: Correlation) -> Iterator[Correlation]:
    """Everything inside, tasks started inside included, sees ``correlation``."""
    token = _current.set(correlation)
    try:
        yield correlation
    finally:
        _current.reset(token)


def new_correlation(
    *, correlation_id: str = "", causation_id: str = "", traceparent: str = "", actor: str = ""
) -> Correlation:
    """Malformed ids from outside are replaced, never carried on."""
    return Correlation(
        correlation_id=correlation_id if _CORRELATION_ID.fullmatch(correlation_id) else f"cor_{new_id().hex}",
        causation_id=causation_id,
        traceparent=next_traceparent(traceparent),
        actor=actor,
    )


def next_traceparent(parent: str) -> str:
    """A new span in the trace of ``parent``, or in a new one when ``parent`` is not a W3C trace context."""
    if _TRACEPARENT.fullmatch(parent):
        return f"{parent[:36]}{secrets.token_hex(8)}{parent[52:]}"
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def outgoing_headers() -> Mapping[str, str]:
    """What a call to another service carries, so that its log lines and events belong to the same thread."""
    now = current()
    return {CORRELATION_HEADER: now.correlation_id, "traceparent": next_traceparent(now.traceparent)}
