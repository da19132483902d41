"""What Stripe can answer besides yes, as one exception whose kind tells the caller what may be done next.

No text of Stripe's own is carried: its messages echo masked keys and account ids, and these end up in front of people.
"""

from enum import StrEnum


class FailureKind(StrEnum):
    UNKNOWN = "unknown"
    """No answer, or one that cannot be read: the work may or may not have been done."""
    SERVER_ERROR = "server_error"
    """5xx: the same idempotency key may replay it for ever."""
    BUSY = "busy"
    """429: refused before the idempotency layer, nothing was done."""
    CONFLICT = "conflict"
    """409: another request with the same key is running."""
    KEY_REFUSED = "key_refused"
    PERMISSION_MISSING = "permission_missing"
    NOT_FOUND = "not_found"
    KEY_REUSED = "key_reused"
    """An idempotency key came back with other parameters: a fault of ours."""
    REFUSED = "refused"
    """Any other 4xx: the request itself is wrong and stays wrong."""


_MAYBE_LATER = frozenset({FailureKind.UNKNOWN, FailureKind.SERVER_ERROR, FailureKind.BUSY, FailureKind.CONFLICT})


class StripeFailure(Exception):
    """``code`` and ``param`` are Stripe's machine words; ``permission`` is a ``rak_…`` name where Stripe said one."""

    def __init__(
        self,
        kind: FailureKind,
        *,
        status: int | None = None,
        code: str = "",
        param: str = "",
        permission: str = "",
        request_id: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"Stripe answered {status or 'nothing'} ({kind.value}{f', {code}' if code else ''})")
        self.kind = kind
        self.status = status
        self.code = code
        self.param = param
        self.permission = permission
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds

    @property
    def maybe_later(self) -> bool:
        """True when the same request may succeed at another time without anybody changing anything."""
        return self.kind in _MAYBE_LATER
