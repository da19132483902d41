"""What an exception means for the row whose handler raised it: again later, or never again by itself."""

import sqlalchemy.exc

from service_kit.errors import DomainError, ErrorKind
from service_kit.handlers import Park, RetryLater
from service_kit.inbox_rows import GIVE_UP_AFTER_SECONDS, Failure
from service_kit.redaction import redact_text

_PARKING_KINDS = frozenset({ErrorKind.CONFLICT, ErrorKind.INVALID, ErrorKind.NOT_FOUND})
# Two transactions got in each other's way; the loser's next try needs no long wait.
_CONTENTION = frozenset({"40001", "40P01", "55P03"})
_CONTENTION_DELAY_SECONDS = 0.2


def failure_of(error: Exception) -> Failure:
    """What an exception means for its row."""
    if isinstance(error, RetryLater):
        return Failure(
            error=redact_text(error.reason),
            after_seconds=error.after_seconds,
            give_up_after_seconds=error.give_up_after_seconds or GIVE_UP_AFTER_SECONDS,
        )
    if isinstance(error, Park):
        reason = redact_text(error.reason)
        return Failure(error=reason, park_reason=reason)
    text = redact_text(f"{type(error).__name__}: {error}")
    if isinstance(error, DomainError) and error.kind in _PARKING_KINDS:
        return Failure(error=text, park_reason=f"{error.slug}: {redact_text(error.detail)}")
    if isinstance(error, sqlalchemy.exc.DBAPIError) and getattr(error.orig, "sqlstate", "") in _CONTENTION:
        return Failure(error=text, after_seconds=_CONTENTION_DELAY_SECONDS)
    return Failure(error=text)
