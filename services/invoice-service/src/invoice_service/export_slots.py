"""How many exports run at once: each holds a connection and a snapshot, and the pool is for everybody."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from service_kit.errors import TooManyRequests

SLOTS = 3
SLOTS_OF_ONE_ORGANIZATION = 2
RETRY_AFTER_SECONDS = 10


class ExportsBusy(TooManyRequests):
    slug: ClassVar[str] = "exports-busy"
    title: ClassVar[str] = "Other exports are running"


@dataclass(frozen=True)
class ExportSlots:
    """Of one process."""

    count_max: int = SLOTS
    of_one_max: int = SLOTS_OF_ONE_ORGANIZATION
    _running: Counter[UUID] = field(default_factory=Counter)

    @contextmanager
    def take(self, organization_id: UUID) -> Iterator[None]:
        """Raises `ExportsBusy`."""
        if self._running.total() >= self.count_max or self._running[organization_id] >= self.of_one_max:
            raise ExportsBusy("try again when one of them has ended", retry_after_seconds=RETRY_AFTER_SECONDS)
        self._running[organization_id] += 1
        try:
            yield
        finally:
            self._running[organization_id] -= 1
            if not self._running[organization_id]:
                del self._running[organization_id]
