"""Misbehaviour on order: what the next matching API requests or webhook deliveries shall suffer.

A fault is used up in the order it was set and counts down by itself, so a test sets exactly what it wants and finds a
healthy sandbox again afterwards.
"""

from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeVar

from stripe_sandbox.ids import new_id

DropMoment = Literal["before", "after"]
DeliveryAction = Literal["hold", "drop", "duplicate", "forge"]


@dataclass(kw_only=True)
class ApiFault:
    """`drop` closes the connection without an answer, before or after the work was done and stored.

    `saved` keeps the faulty status under the request's idempotency key, as Stripe does with a 500 of its own.
    """

    method: str = "*"
    path: str = "*"
    skip: int = 0
    times: int = 1
    status: int | None = None
    saved: bool = False
    delay_seconds: float = 0.0
    drop: DropMoment | None = None
    id: str = field(default_factory=lambda: new_id("flt_"))


@dataclass(kw_only=True)
class DeliveryFault:
    """`hold` waits for a release, `drop` never sends, `duplicate` sends twice, `forge` signs with another secret."""

    action: DeliveryAction
    type: str = "*"
    skip: int = 0
    times: int = 1
    id: str = field(default_factory=lambda: new_id("flt_"))


AnyFault = TypeVar("AnyFault", ApiFault, DeliveryFault)


class Faults:
    def __init__(self) -> None:
        self.api: list[ApiFault] = []
        self.deliveries: list[DeliveryFault] = []

    def for_request(self, *, method: str, path: str) -> ApiFault | None:
        matching = [fault for fault in self.api if fault.method in ("*", method) and fnmatchcase(path, fault.path)]
        return _first(matching, self.api)

    def for_delivery(self, *, event_type: str) -> DeliveryFault | None:
        return _first([fault for fault in self.deliveries if fnmatchcase(event_type, fault.type)], self.deliveries)

    def clear(self) -> None:
        self.api.clear()
        self.deliveries.clear()

    def shown(self) -> dict[str, Any]:
        return {
            "api": [asdict(fault) for fault in self.api],
            "deliveries": [asdict(fault) for fault in self.deliveries],
        }


def _first(matching: list[AnyFault], every: list[AnyFault]) -> AnyFault | None:
    for fault in matching:
        if fault.skip:
            fault.skip -= 1
            continue
        fault.times -= 1
        if fault.times <= 0:
            every.remove(fault)
        return fault
    return None
