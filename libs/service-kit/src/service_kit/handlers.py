"""What a service writes for each event or task it handles, and the ways in which a handler says its outcome.

It returns, and the work is done; it raises `RetryLater`, `Park` or a `DomainError`, and the row says what happens next.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from contracts.event import Event
from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.correlation import Correlation

AnyEvent = TypeVar("AnyEvent", bound=Event)
EventClass = type[AnyEvent]


class RetryLater(Exception):
    """Not now. ``after_seconds`` replaces the growing delay; after ``give_up_after_seconds`` it is parked."""

    def __init__(
        self, reason: str, after_seconds: float | None = None, give_up_after_seconds: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_seconds = after_seconds
        self.give_up_after_seconds = give_up_after_seconds


class Park(Exception):
    """Never by itself: a person has to look. ``reason`` is shown to them and holds no secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Delivery:
    """One row of the inbox that is being worked on. ``attempts`` is 1 the first time, 2 after one failure."""

    id: UUID
    type: str
    organization_id: UUID | None
    attempts: int
    first_received_at: datetime
    sequence: int | None
    payload: Mapping[str, Any]
    correlation: Correlation

    def event(self, kind: EventClass[AnyEvent]) -> AnyEvent:
        """The payload as ``kind``. Raises `Park` when it is another type or does not fit."""
        if self.type != kind.event_type:
            raise Park(f"expected {kind.event_type}, got {self.type}")
        try:
            return kind.model_validate(self.payload)
        except ValidationError as problem:
            places = ", ".join("/".join(str(part) for part in row["loc"]) for row in problem.errors()[:5])
            raise Park(f"the payload of {self.type} does not fit at: {places}") from None


class OutsideWork(Protocol):
    """What a `WithOutsideCall` handler is given. No transaction is open while it talks to the outside."""

    @property
    def delivery(self) -> Delivery: ...

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """One transaction of its own with the organisation set; for what must be durable before the call."""
        ...

    def completion(self, *, again_in_seconds: float | None = None) -> AbstractAsyncContextManager[AsyncSession]:
        """The last transaction: what is written here and the row's *done* are one commit; refused without the lease.

        ``again_in_seconds`` makes the row ready once more after that time: a recurring task.
        """
        ...


@dataclass(frozen=True)
class InTransaction:
    """Effect and *done* are one transaction; the function must not talk to the outside."""

    handle: Callable[[AsyncSession, Delivery], Awaitable[None]]


@dataclass(frozen=True)
class WithOutsideCall:
    """Reserve, call, record: the function reaches ``work.completion()`` exactly once, or raises."""

    handle: Callable[[OutsideWork], Awaitable[None]]


Handler = InTransaction | WithOutsideCall
Handlers = Mapping[str, Handler]
"""By event type or task type."""
