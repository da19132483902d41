"""Expected errors are named facts: each has a slug that never changes and a kind that says what the caller can do.

The kind alone decides the HTTP status and whether a message is parked or tried again, so actions think of neither.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar


class ErrorKind(StrEnum):
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    UNAUTHENTICATED = "unauthenticated"
    PRECONDITION_FAILED = "precondition_failed"
    PRECONDITION_REQUIRED = "precondition_required"
    TOO_LARGE = "too_large"
    TOO_MANY_REQUESTS = "too_many_requests"
    UNAVAILABLE = "unavailable"


class DomainError(Exception):
    """``detail`` is for the reader of the answer, ``pointer`` is the JSON pointer of the field at fault, ``facts`` are
    JSON values that a program may want. None of them may hold a secret."""

    slug: ClassVar[str] = "error"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    title: ClassVar[str] = ""

    def __init__(self, detail: str, *, pointer: str = "", facts: Mapping[str, object] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.facts: Mapping[str, object] = dict(facts or {})


class Unauthenticated(DomainError):
    slug = "unauthenticated"
    kind = ErrorKind.UNAUTHENTICATED
    title = "The caller is not known"


class Unavailable(DomainError):
    """Something this needs does not answer at the moment; the same request can succeed later."""

    slug = "unavailable"
    kind = ErrorKind.UNAVAILABLE
    title = "Not available at the moment"


class TooManyRequests(DomainError):
    slug = "too-many-requests"
    kind = ErrorKind.TOO_MANY_REQUESTS
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after_seconds: int, facts: Mapping[str, object] | None = None) -> None:
        super().__init__(detail, facts=facts)
        self.retry_after_seconds = retry_after_seconds
